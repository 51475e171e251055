# SPDX-License-Identifier: Apache-2.0
# bash completion for muster(1): verbs, options, their values, and behind `muster trace` the completion of the command.
#
# It needs bash 4.3 and nothing else. Where the package bash-completion is there, a command behind `muster trace` is
# completed by its own rules; else its arguments are files. What stands between the marks is made by `make completion`.

# ---- values, by the word that stands for them in `muster VERB --help`; $1 is what is there already --------------------

# Readline itself knows best about files: it is asked where there is no reply.
__muster_value_FILE()
{
    compopt -o default
}

__muster_value_NAME()
{
    local IFS=$'\n' folder
    local -a folders
    IFS=: read -ra folders <<<"$PATH"
    for folder in "${folders[@]}"; do
        COMPREPLY+=($(compgen -f -- "$folder/$1"))
    done
    COMPREPLY=("${COMPREPLY[@]##*/}")
}

__muster_value_ARGS_SIZE()
{
    __muster_number "$1" '4K 32K 128K' K
}

__muster_value_DIR()
{
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -d -- "$1"))
}

# What cgroups of containers are named by: see muster-watch(1).
__muster_value_ID()
{
    local -a names=()
    local path
    for path in /sys/fs/cgroup/*/{docker,libpod,machine}-*.scope /sys/fs/cgroup/{docker,lxc}/*/; do
        [[ -d $path ]] || continue
        path=${path%/} path=${path##*/} path=${path%.scope}
        names+=("${path##*-}")
    done
    COMPREPLY=($(compgen -W "${names[*]}" -- "$1"))
}

__muster_value_N()
{
    COMPREPLY=($(compgen -W '100 1000 10000' -- "$1"))
}

__muster_value_PID()
{
    local -a folders=(/proc/[0-9]*)
    COMPREPLY=($(compgen -W "${folders[*]##*/}" -- "$1"))
}

__muster_value_SIZE()
{
    __muster_number "$1" '64K 1M 8M 64M 256M 1G' K M G
}

__muster_value_TIME()
{
    __muster_number "$1" '500ms 10s 1m 10m 1h 1d' ms s m h d
}

__muster_value_USER()
{
    COMPREPLY=($(compgen -u -- "$1"))
}

# Examples; or, when a number is there, its units.
__muster_number()
{
    local begun=$1 words=$2
    shift 2
    [[ $begun =~ ^[0-9]+ ]] && words="${*/#/$BASH_REMATCH}"
    COMPREPLY=($(compgen -W "$words" -- "$begun"))
}

# KEY=VALUE; the words behind are KEY:KIND.
__muster_pairs()
{
    local begun=$1 key=${1%%=*} pair
    shift
    if [[ $begun != *=* ]]; then
        COMPREPLY=($(compgen -W "${*/%:*/=}" -- "$begun"))
        compopt -o nospace
        return
    fi
    for pair; do
        if [[ $pair == "$key":* ]]; then
            "__muster_value_${pair#*:}" "${begun#*=}"
            COMPREPLY=("${COMPREPLY[@]/#/$key=}")
        fi
    done
}

# ---- what there is --------------------------------------------------------------------------------------------------

# >>> made by `make completion` from `muster --help` and `muster VERB --help`
# Into `options` and `operands`: what there is behind the verb $1, or before any.
__muster_describe()
{
    case $1 in
        '') options=(-h --help -V --version) operands=(watch service trace replay verify status selftest doctor version) ;;
        watch) options=(-f --format -o --output -d --duration --forks --no-baseline --buffer --max-args --status-interval --fail-on-loss --color -h --help --pid --parent --user --name --container --exclude) operands=() ;;
        service) options=(-f --format -o --output --forks --baseline --no-baseline --buffer --status-interval --no-fsync --pins --uninstall -h --help --pid --parent --user --name --container --exclude) operands=(run stop status) ;;
        trace) options=(-f --format -o --output --forks --max-args --color -h --help --pid --parent --user --name --container --exclude) operands=(COMMAND) ;;
        replay) options=(-f --format -o --output --color -h --help --pid --parent --user --name --container --exclude) operands=(FILE) ;;
        verify) options=(--json -q --quiet -v --verbose -h --help) operands=(FILE) ;;
        status) options=(--json --prometheus -h --help) operands=() ;;
        selftest) options=(--count --file --json -h --help) operands=() ;;
        doctor) options=(-h --help) operands=() ;;
        version) options=(-h --help) operands=() ;;
        *) return 1 ;;
    esac
}

# Into `value`: what option $2 of the verb $1 takes. False where that is nothing.
__muster_describe_value()
{
    case "$1 $2" in
        'watch -f' | 'watch --format') value=(words text ndjson driver-messages capture) ;;
        'watch -o' | 'watch --output') value=(FILE) ;;
        'watch -d' | 'watch --duration') value=(TIME) ;;
        'watch --buffer') value=(SIZE) ;;
        'watch --max-args') value=(ARGS_SIZE) ;;
        'watch --status-interval') value=(TIME) ;;
        'watch --color') value=(words auto always never) ;;
        'watch --pid') value=(PID) ;;
        'watch --parent') value=(PID) ;;
        'watch --user') value=(USER) ;;
        'watch --name') value=(NAME) ;;
        'watch --container') value=(ID) ;;
        'watch --exclude') value=(pairs pid:PID parent:PID user:USER name:NAME container:ID) ;;
        'service -f' | 'service --format') value=(words ndjson text driver-messages) ;;
        'service -o' | 'service --output') value=(FILE) ;;
        'service --buffer') value=(SIZE) ;;
        'service --status-interval') value=(TIME) ;;
        'service --pins') value=(DIR) ;;
        'service --pid') value=(PID) ;;
        'service --parent') value=(PID) ;;
        'service --user') value=(USER) ;;
        'service --name') value=(NAME) ;;
        'service --container') value=(ID) ;;
        'service --exclude') value=(pairs pid:PID parent:PID user:USER name:NAME container:ID) ;;
        'trace -f' | 'trace --format') value=(words text ndjson driver-messages capture) ;;
        'trace -o' | 'trace --output') value=(FILE) ;;
        'trace --max-args') value=(ARGS_SIZE) ;;
        'trace --color') value=(words auto always never) ;;
        'trace --pid') value=(PID) ;;
        'trace --parent') value=(PID) ;;
        'trace --user') value=(USER) ;;
        'trace --name') value=(NAME) ;;
        'trace --container') value=(ID) ;;
        'trace --exclude') value=(pairs pid:PID parent:PID user:USER name:NAME container:ID) ;;
        'replay -f' | 'replay --format') value=(words text ndjson driver-messages capture) ;;
        'replay -o' | 'replay --output') value=(FILE) ;;
        'replay --color') value=(words auto always never) ;;
        'replay --pid') value=(PID) ;;
        'replay --parent') value=(PID) ;;
        'replay --user') value=(USER) ;;
        'replay --name') value=(NAME) ;;
        'replay --container') value=(ID) ;;
        'replay --exclude') value=(pairs pid:PID parent:PID user:USER name:NAME container:ID) ;;
        'status --prometheus') value=(FILE) ;;
        'selftest --count') value=(N) ;;
        'selftest --file') value=(FILE) ;;
        *) return 1 ;;
    esac
}
# <<<

# ---- which of it fits -----------------------------------------------------------------------------------------------

# The values of option $1 of the verb that begin with $2. False where it takes none.
__muster_value()
{
    local -a value
    __muster_describe_value "$verb" "$1" || return
    case ${value[0]} in
        words) COMPREPLY=($(compgen -W "${value[*]:1}" -- "$2")) ;;
        pairs) __muster_pairs "$2" "${value[@]:1}" ;;
        *) "__muster_value_${value[0]}" "$2" ;;
    esac
}

# The command that begins at word $1 of readline's is completed as if it stood alone.
__muster_command()
{
    local offset
    for offset in _comp_command_offset _command_offset; do
        if declare -F "$offset" >/dev/null; then
            "$offset" "$1"
            return
        fi
    done
    if ((COMP_CWORD == $1)); then
        COMPREPLY=($(compgen -c -- "$2"))
    else
        compopt -o default
    fi
}

# Puts readline's words together again, which ends them at '=' and ':' too: `words`, and in `begins` where each began.
# `piece` is the part of the last one that a reply takes the place of.
__muster_words()
{
    local i glue= word
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]} piece=
        if ((i > 0)) && [[ $word == [=:]* ]]; then
            glue=1
        elif ((i == COMP_CWORD)); then
            word=$1 piece=$1
        fi
        if [[ $glue ]]; then
            words[-1]+=$word
        else
            words+=("$word") begins+=("$i")
        fi
        glue=
        [[ ${COMP_WORDS[i]} == *[=:] ]] && glue=1
    done
}

# Finds the verb, and where the command of `muster trace` begins. `before` is the option whose value is being written.
__muster_scan()
{
    local i word is_over=
    local -a value
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        word=${words[i]}
        if [[ $before ]]; then
            before=
        elif [[ ! $verb ]]; then
            [[ $word == -* ]] || verb=$word
        elif [[ $word == -- && ! $is_over ]]; then
            is_over=1
        elif [[ $word == -* && ! $is_over ]]; then
            [[ $word != *=* ]] && __muster_describe_value "$verb" "$word" && before=$word
        else
            operand_count+=1
            ((operand_count > 1)) || operand_begin=${begins[i]}
        fi
    done
    options_are_over=$is_over
}

_muster()
{
    local IFS=$' \t\n' piece verb= before= options_are_over= word lead=
    local -a words=() begins=() options=() operands=()
    local -i operand_count=0 operand_begin=-1
    COMPREPLY=()
    __muster_words "$2"
    __muster_scan
    word=${words[-1]}
    if [[ ! $verb || $verb == help ]]; then
        ((operand_count == 0)) || return
        __muster_describe ''
        [[ $word != -* ]] && options=("${operands[@]}")
        COMPREPLY=($(compgen -W "${options[*]}" -- "$word"))
        return
    fi
    __muster_describe "$verb" || return
    if [[ ${operands[0]} == COMMAND && ! $before ]]; then
        ((operand_count == 0)) || { __muster_command "$operand_begin" "$word"; return; }
        [[ $word == -* && ! $options_are_over ]] || { __muster_command "${begins[-1]}" "$word"; return; }
    fi
    if [[ $before ]]; then
        __muster_value "$before" "$word"
    elif [[ $word == --*=* && ! $options_are_over ]]; then
        lead=${word%%=*}=
        __muster_value "${lead%=}" "${word#*=}"
    elif [[ $word == -* && ! $options_are_over ]] || ((${#operands[@]} == 0)); then
        COMPREPLY=($(compgen -W "${options[*]}" -- "$word"))
    elif [[ ${operands[0]} == [A-Z]* ]]; then
        "__muster_value_${operands[0]}" "$word"
    elif ((operand_count == 0)); then
        COMPREPLY=($(compgen -W "${operands[*]}" -- "$word"))
    else
        compopt -o default
    fi
    COMPREPLY=("${COMPREPLY[@]/#/$lead}")
    COMPREPLY=("${COMPREPLY[@]#"${word%"$piece"}"}")
}

complete -F _muster muster
