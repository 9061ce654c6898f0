
# Paths in an export, for the words after `gptfs ls EXPORT` and `gptfs cat EXPORT`.
complete -c gptfs -f -n '__fish_seen_subcommand_from ls cat; and test (count (commandline -opc)) -ge 3' \
    -a '(gptfs ls -R (commandline -opc)[3] 2>/dev/null)'
