
# Paths in an export, for the words after `gptfs ls EXPORT` and `gptfs cat EXPORT`.
_gptfs_in_export() {
    local typed=${COMP_WORDS[COMP_CWORD]//\\/} dir= name
    if [[ ${COMP_WORDS[1]} != @(ls|cat) || $COMP_CWORD -lt 3 || $typed == -* || ! -e ${COMP_WORDS[2]} ]]; then
        _gptfs "$@"
        return
    fi
    [[ $typed != */* ]] || dir=${typed%/*}/
    COMPREPLY=()
    while IFS= read -r name; do
        [[ $dir$name != "$typed"* ]] || COMPREPLY+=("$dir$name")
    done < <("$1" ls "${COMP_WORDS[2]}" ${dir:+"$dir"} 2>/dev/null)
    compopt -o filenames -o nospace 2>/dev/null || :
}
complete -F _gptfs_in_export -o bashdefault -o default gptfs
