
# Words that are not options: exports and directories, and paths in an export for `gptfs ls EXPORT` and `gptfs cat EXPORT`.
_gptfs_words() {
    local typed=${COMP_WORDS[COMP_CWORD]} command= source= dir= word name i
    local -a kept=() options=()
    _gptfs "$@"
    [[ $typed != -* ]] || return 0
    for word in "${COMPREPLY[@]}"; do
        [[ $word == [-\<\[]* ]] || kept+=("$word")
    done
    COMPREPLY=("${kept[@]}")
    [[ ${#kept[@]} -eq 0 ]] || return 0
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]//[\\\"\']/}
        word=${word/#\~\//$HOME/}
        if [[ $word == --dates || $word == --show-views ]]; then
            options+=("$word")
        elif [[ $word != -* && -z $command ]]; then
            command=$word
        elif [[ $word != -* && -z $source && -e $word ]]; then
            source=$word
        fi
    done
    case $command in
    ls | cat)
        if [[ -n $source ]]; then
            typed=${typed//[\\\"\']/}
            [[ $typed != */* ]] || dir=${typed%/*}/
            while IFS= read -r name; do
                [[ $dir$name != "$typed"* ]] || COMPREPLY+=("$dir$name")
            done < <("$1" ls "${options[@]}" "$source" ${dir:+"$dir"} 2>/dev/null)
            compopt -o filenames -o nospace 2>/dev/null || :
            return 0
        fi
        ;;
    unmount | umount | demo | man)
        compopt -o dirnames +o default +o bashdefault 2>/dev/null || :
        return 0
        ;;
    '' | help | completions | cache | doctor)
        return 0
        ;;
    esac
    # Nothing found means all files, by the default of `complete` below.
    while IFS= read -r name; do
        COMPREPLY+=("$name")
    done < <(compgen -d -- "$typed"; compgen -f -X '!*.zip' -- "$typed"; compgen -f -X '!*.json' -- "$typed")
    compopt -o filenames 2>/dev/null || :
}
complete -F _gptfs_words -o bashdefault -o default gptfs
