"""The shells' side of completion. A script sends the words on the line to minidecomp, and shows what comes back.

minidecomp answers with a type and a value for each suggestion. After the types ``folder`` and ``part`` the word goes
on, so the shell adds no blank.
"""

BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response type value last=plain

    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" \\
        %(complete_var)s=bash_complete "${1/#\\~\\//$HOME/}" 2>/dev/null)

    COMPREPLY=()
    while IFS=',' read -r type value; do
        [[ -n $value ]] || continue
        last=$type
        # Inside quotes the value stands as it is; elsewhere its blanks need a backslash, and ~/ must stay.
        if [[ ${COMP_WORDS[COMP_CWORD]} != [\\"\\']* ]]; then
            if [[ $value == '~/'* ]]; then
                printf -v value '~/%%q' "${value:2}"
                [[ $value == "~/''" ]] && value='~/'
            else
                printf -v value '%%q' "$value"
            fi
            value=${value//\\\\,/,}
        fi
        COMPREPLY+=("$value")
    done <<< "$response"
    if (( ${#COMPREPLY[@]} == 1 )) && [[ $last == folder || $last == part ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a response whole described going_on
    local type value help
    (( $+commands[%(prog_name)s] )) || return 1

    response=("${(@f)$(env COMP_WORDS="${(F)words}" COMP_CWORD=$((CURRENT-1)) \\
        %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")

    for type value help in "${response[@]}"; do
        [[ -n $value ]] || continue
        if [[ -z $compstate[quote] ]]; then
            value=${(q)value}
            [[ $value == '\\~/'* ]] && value=${value#\\\\}
        fi
        if [[ $type == folder || $type == part ]]; then
            going_on+=("$value")
        elif [[ $help == _ ]]; then
            whole+=("$value")
        else
            described+=("${value//:/\\\\:}:$help")
        fi
    done

    (( $#described )) && _describe -V unsorted described -U -Q
    (( $#whole )) && compadd -U -Q -V unsorted -a whole
    (( $#going_on )) && compadd -U -Q -S '' -V unsorted -a going_on
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
    compdef %(complete_func)s %(prog_name)s
fi
"""

FISH = """\
function %(complete_func)s
    env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp | string collect) \\
        COMP_CWORD=(commandline -ct | string collect) %(prog_name)s 2>/dev/null
end

complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
"""
