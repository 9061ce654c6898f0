
# Paths in an export, for the words after `gptfs ls EXPORT` and `gptfs cat EXPORT`.
function __gptfs_export
    for word in (commandline -opc)[3..]
        set word (string replace -r '^~/' "$HOME/" -- $word)
        if not string match -q -- '-*' $word; and test -e $word
            echo $word
            return 0
        end
    end
    return 1
end
complete -c gptfs -f -n '__fish_seen_subcommand_from ls cat; and __gptfs_export >/dev/null' \
    -a '(gptfs ls -R (__gptfs_export) 2>/dev/null)'
# Directories, where nothing else makes sense.
complete -c gptfs -f -n '__fish_seen_subcommand_from unmount umount demo man' -a '(__fish_complete_directories)'
