# SPDX-License-Identifier: Apache-2.0
# fish completion for muster(1): verbs, options, their values, and behind `muster trace` the completion of the command.
# What stands between the marks is made by `make completion`.

# ---- values, by the word that stands for them in `muster VERB --help`; $argv[1] is what is there already ---------------

function __muster_value_NAME
    for folder in $PATH
        set -l files $folder/*
        string replace -r '.*/' '' -- $files
    end
end

function __muster_value_ARGS_SIZE
    __muster_number "$argv" 4K 32K 128K -- K
end

function __muster_value_DIR
    __fish_complete_directories "$argv"
end

# What cgroups of containers are named by: see muster-watch(1).
function __muster_value_ID
    set -l folders /sys/fs/cgroup/*/docker-*.scope /sys/fs/cgroup/*/libpod-*.scope /sys/fs/cgroup/*/machine-*.scope /sys/fs/cgroup/docker/* /sys/fs/cgroup/lxc/*
    for folder in $folders
        test -d $folder; and string replace -r '.*/' '' -- $folder | string replace -r '\.scope$' '' | string replace -r '.*-' ''
    end
end

function __muster_value_N
    printf '%s\n' 100 1000 10000
end

function __muster_value_PID
    __fish_complete_pids
end

function __muster_value_SIZE
    __muster_number "$argv" 64K 1M 8M 64M 256M 1G -- K M G
end

function __muster_value_TIME
    __muster_number "$argv" 500ms 10s 1m 10m 1h 1d -- ms s m h d
end

function __muster_value_USER
    __fish_complete_users
end

# Examples; or, when a number is there, its units.
function __muster_number -a begun
    set -l end (contains -i -- -- $argv)
    set -l number (string match -r '^[0-9]+' -- $begun)
    if test -n "$number"
        printf '%s\n' $number$argv[(math $end + 1)..]
    else
        printf '%s\n' $argv[2..(math $end - 1)]
    end
end

# KEY=VALUE; the words behind are KEY:KIND.
function __muster_pairs -a begun
    if not string match -q '*=*' -- $begun
        string replace -r ':.*' = -- $argv[2..]
        return
    end
    set -l words (string split -m 1 = -- $begun)
    for pair in $argv[2..]
        set -l kind (string split : -- $pair)
        if test $kind[1] = $words[1]
            __muster_value_$kind[2] "$words[2]" | string replace -r '^' $words[1]=
        end
    end
end

# ---- where we are -----------------------------------------------------------------------------------------------------

# What is there already of a value.
function __muster_begun
    string replace -r '^--[a-z-]+=' '' -- (commandline -ct)
end

# Whether the verb is $argv[1], which may be '', and, if $argv[2] is there, so many operands follow it up to here.
function __muster_at -a verb operand_count
    set -l words (commandline -opc)[2..]
    set -l found ''
    set -l count 0
    set -l is_value
    set -l is_over
    for word in $words
        if set -q is_value[1]
            set is_value
        else if test -z "$found"
            string match -q -- '-*' $word; or set found $word
        else if not set -q is_over[1]; and test $word = --
            set is_over 1
        else if not set -q is_over[1]; and string match -q -- '-*' $word
            contains -- $word (__muster_options_with_value $found); and set is_value 1
        else
            set count (math $count + 1)
        end
    end
    test "$found" = "$verb"; and test "$operand_count" = "" -o "$operand_count" = $count
end

# ---- what there is ----------------------------------------------------------------------------------------------------

complete -c muster -f

# >>> made by `make completion` from `muster --help` and `muster VERB --help`
function __muster_options_with_value
    switch $argv[1]
        case watch
            printf '%s\n' -f --format -o --output -d --duration --buffer --max-args --status-interval --color --pid --parent --user --name --container --exclude
        case service
            printf '%s\n' -f --format -o --output --buffer --status-interval --pins --pid --parent --user --name --container --exclude
        case trace
            printf '%s\n' -f --format -o --output --max-args --color --pid --parent --user --name --container --exclude
        case replay
            printf '%s\n' -f --format -o --output --color --pid --parent --user --name --container --exclude
        case status
            printf '%s\n' --prometheus
        case selftest
            printf '%s\n' --count --file
    end
end

complete -c muster -n '__muster_at \'\'' -s h -l help -d 'print this help'
complete -c muster -n '__muster_at \'\'' -s V -l version -d 'print the version'

complete -c muster -n '__muster_at watch' -s f -l format -x -a 'text ndjson driver-messages capture' -d 'text, ndjson, driver-messages or capture'
complete -c muster -n '__muster_at watch' -s o -l output -r -F -d 'write to FILE'
complete -c muster -n '__muster_at watch' -s d -l duration -x -a '(__muster_value_TIME (__muster_begun))' -d 'stop after TIME'
complete -c muster -n '__muster_at watch' -l forks -d 'report forks too, and the exits of processes that never called exec'
complete -c muster -n '__muster_at watch' -l no-baseline -d 'leave out the processes that already run'
complete -c muster -n '__muster_at watch' -l buffer -x -a '(__muster_value_SIZE (__muster_begun))' -d 'kernel-side ring, 64K to 1G, rounded up to a power of two'
complete -c muster -n '__muster_at watch' -l max-args -x -a '(__muster_value_ARGS_SIZE (__muster_begun))' -d 'keep up to SIZE of the arguments, 4K to 128K, else their ends'
complete -c muster -n '__muster_at watch' -l status-interval -x -a '(__muster_value_TIME (__muster_begun))' -d 'put the ledger into the stream each TIME'
complete -c muster -n '__muster_at watch' -l fail-on-loss -d 'end with 3 if events were lost'
complete -c muster -n '__muster_at watch' -l color -x -a 'auto always never' -d 'auto, always or never'
complete -c muster -n '__muster_at watch' -s h -l help -d 'print this help'
complete -c muster -n '__muster_at watch' -l pid -x -a '(__muster_value_PID (__muster_begun))' -d 'only the process with this number'
complete -c muster -n '__muster_at watch' -l parent -x -a '(__muster_value_PID (__muster_begun))' -d 'only processes whose direct parent has this number'
complete -c muster -n '__muster_at watch' -l user -x -a '(__muster_value_USER (__muster_begun))' -d 'only processes that run as this user, by name or identifier'
complete -c muster -n '__muster_at watch' -l name -x -a '(__muster_value_NAME (__muster_begun))' -d 'only programs of this name, without folder'
complete -c muster -n '__muster_at watch' -l container -x -a '(__muster_value_ID (__muster_begun))' -d 'only this container\'s'
complete -c muster -n '__muster_at watch' -l exclude -x -a '(__muster_pairs (__muster_begun) pid:PID parent:PID user:USER name:NAME container:ID)' -d 'not those'

complete -c muster -n '__muster_at service' -s f -l format -x -a 'ndjson text driver-messages' -d 'ndjson, text or driver-messages'
complete -c muster -n '__muster_at service' -s o -l output -r -F -d 'append to FILE'
complete -c muster -n '__muster_at service' -l forks -d 'report forks too, and the exits of processes that never called exec'
complete -c muster -n '__muster_at service' -l baseline -d 'list the processes that already run after each start'
complete -c muster -n '__muster_at service' -l no-baseline -d 'leave them out'
complete -c muster -n '__muster_at service' -l buffer -x -a '(__muster_value_SIZE (__muster_begun))' -d 'kernel-side ring, 64K to 1G, rounded up to a power of two'
complete -c muster -n '__muster_at service' -l status-interval -x -a '(__muster_value_TIME (__muster_begun))' -d 'put the ledger into the stream each TIME'
complete -c muster -n '__muster_at service' -l no-fsync -d 'do not wait for the disk before what was delivered is let go'
complete -c muster -n '__muster_at service' -l pins -x -a '(__muster_value_DIR (__muster_begun))' -d 'keep it in DIR, in a file system of type bpf'
complete -c muster -n '__muster_at service' -l uninstall -d 'stop'
complete -c muster -n '__muster_at service' -s h -l help -d 'print this help'
complete -c muster -n '__muster_at service' -l pid -x -a '(__muster_value_PID (__muster_begun))' -d 'only the process with this number'
complete -c muster -n '__muster_at service' -l parent -x -a '(__muster_value_PID (__muster_begun))' -d 'only processes whose direct parent has this number'
complete -c muster -n '__muster_at service' -l user -x -a '(__muster_value_USER (__muster_begun))' -d 'only processes that run as this user, by name or identifier'
complete -c muster -n '__muster_at service' -l name -x -a '(__muster_value_NAME (__muster_begun))' -d 'only programs of this name, without folder'
complete -c muster -n '__muster_at service' -l container -x -a '(__muster_value_ID (__muster_begun))' -d 'only this container\'s'
complete -c muster -n '__muster_at service' -l exclude -x -a '(__muster_pairs (__muster_begun) pid:PID parent:PID user:USER name:NAME container:ID)' -d 'not those'
complete -c muster -n '__muster_at service 0' -a 'run stop status'

complete -c muster -n '__muster_at trace 0' -s f -l format -x -a 'text ndjson driver-messages capture' -d 'text, ndjson, driver-messages or capture'
complete -c muster -n '__muster_at trace 0' -s o -l output -r -F -d 'write to FILE'
complete -c muster -n '__muster_at trace 0' -l forks -d 'report forks too, and the exits of processes that never called exec'
complete -c muster -n '__muster_at trace 0' -l max-args -x -a '(__muster_value_ARGS_SIZE (__muster_begun))' -d 'keep up to SIZE of the arguments, 4K to 128K, else their ends'
complete -c muster -n '__muster_at trace 0' -l color -x -a 'auto always never' -d 'auto, always or never'
complete -c muster -n '__muster_at trace 0' -s h -l help -d 'print this help'
complete -c muster -n '__muster_at trace 0' -l pid -x -a '(__muster_value_PID (__muster_begun))' -d 'only the process with this number'
complete -c muster -n '__muster_at trace 0' -l parent -x -a '(__muster_value_PID (__muster_begun))' -d 'only processes whose direct parent has this number'
complete -c muster -n '__muster_at trace 0' -l user -x -a '(__muster_value_USER (__muster_begun))' -d 'only processes that run as this user, by name or identifier'
complete -c muster -n '__muster_at trace 0' -l name -x -a '(__muster_value_NAME (__muster_begun))' -d 'only programs of this name, without folder'
complete -c muster -n '__muster_at trace 0' -l container -x -a '(__muster_value_ID (__muster_begun))' -d 'only this container\'s'
complete -c muster -n '__muster_at trace 0' -l exclude -x -a '(__muster_pairs (__muster_begun) pid:PID parent:PID user:USER name:NAME container:ID)' -d 'not those'
complete -c muster -n '__muster_at trace' -x -a '(__fish_complete_subcommand --fcs-skip=2 -f --format -o --output --max-args --color --pid --parent --user --name --container --exclude)'

complete -c muster -n '__muster_at replay' -s f -l format -x -a 'text ndjson driver-messages capture' -d 'text, ndjson, driver-messages or capture'
complete -c muster -n '__muster_at replay' -s o -l output -r -F -d 'write to FILE'
complete -c muster -n '__muster_at replay' -l color -x -a 'auto always never' -d 'auto, always or never'
complete -c muster -n '__muster_at replay' -s h -l help -d 'print this help'
complete -c muster -n '__muster_at replay' -l pid -x -a '(__muster_value_PID (__muster_begun))' -d 'only the process with this number'
complete -c muster -n '__muster_at replay' -l parent -x -a '(__muster_value_PID (__muster_begun))' -d 'only processes whose direct parent has this number'
complete -c muster -n '__muster_at replay' -l user -x -a '(__muster_value_USER (__muster_begun))' -d 'only processes that run as this user, by name or identifier'
complete -c muster -n '__muster_at replay' -l name -x -a '(__muster_value_NAME (__muster_begun))' -d 'only programs of this name, without folder'
complete -c muster -n '__muster_at replay' -l container -x -a '(__muster_value_ID (__muster_begun))' -d 'only this container\'s'
complete -c muster -n '__muster_at replay' -l exclude -x -a '(__muster_pairs (__muster_begun) pid:PID parent:PID user:USER name:NAME container:ID)' -d 'not those'
complete -c muster -n '__muster_at replay' -F

complete -c muster -n '__muster_at verify' -l json -d 'one JSON object'
complete -c muster -n '__muster_at verify' -s q -l quiet -d 'nothing'
complete -c muster -n '__muster_at verify' -s v -l verbose -d 'all that was found, not the first 20'
complete -c muster -n '__muster_at verify' -s h -l help -d 'print this help'
complete -c muster -n '__muster_at verify' -F

complete -c muster -n '__muster_at status' -l json -d 'one JSON object a sensor, a line each'
complete -c muster -n '__muster_at status' -l prometheus -r -F -d 'write them as node_exporter\'s textfile collector reads them'
complete -c muster -n '__muster_at status' -s h -l help -d 'print this help'

complete -c muster -n '__muster_at selftest' -l count -x -a '(__muster_value_N (__muster_begun))' -d 'processes in all, 100 to 100000'
complete -c muster -n '__muster_at selftest' -l file -r -F -d 'the NDJSON file that the sensor writes, instead of looking for it'
complete -c muster -n '__muster_at selftest' -l json -d 'the figures as one JSON object'
complete -c muster -n '__muster_at selftest' -s h -l help -d 'print this help'

complete -c muster -n '__muster_at doctor' -s h -l help -d 'print this help'

complete -c muster -n '__muster_at version' -s h -l help -d 'print this help'
complete -c muster -n '__muster_at \'\'; or __muster_at help 0' -a watch -d 'show every process that starts and ends, live'
complete -c muster -n '__muster_at \'\'; or __muster_at help 0' -a service -d 'keep the kernel side recording, also while no agent runs'
complete -c muster -n '__muster_at \'\'; or __muster_at help 0' -a trace -d 'the same for one command and all that it starts, without any privilege'
complete -c muster -n '__muster_at \'\'; or __muster_at help 0' -a replay -d 'read captures back into any output'
complete -c muster -n '__muster_at \'\'; or __muster_at help 0' -a verify -d 'check what muster wrote: is anything missing, where, and why'
complete -c muster -n '__muster_at \'\'; or __muster_at help 0' -a status -d 'show where the events of running sensors are, and what was lost'
complete -c muster -n '__muster_at \'\'; or __muster_at help 0' -a selftest -d 'start processes and look for each in the running sensor\'s output'
complete -c muster -n '__muster_at \'\'; or __muster_at help 0' -a doctor -d 'check whether this machine can run the sensor'
complete -c muster -n '__muster_at \'\'; or __muster_at help 0' -a version -d 'print the version'
# <<<
