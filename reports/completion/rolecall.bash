# bash completion for rolecall; needs nothing but bash 4.

_rolecall_formats="html pdf jsonl sarif csv-findings csv-verdicts csv-hosts csv-flows markdown ecs ocsf cef syslog"

_rolecall_words()
{
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_rolecall_files()
{
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# Record types, the last of a list that commas separate.
_rolecall_types()
{
    local types="flow tls http smb ntlm kerberos ldap sql dns dcerpc rdp ssh dhcp tftp snmp quic" before="" word
    [[ $1 == *,* ]] && before="${1%,*},"
    compopt -o nospace 2>/dev/null
    COMPREPLY=()
    for word in $types; do
        if [[ $before$word == "$1"* && ,$before != *,"$word",* ]]; then
            COMPREPLY+=("$before$word")
        fi
    done
}

_rolecall_rules()
{
    local program="${COMP_WORDS[0]}"
    _rolecall_words "$("$program" rules 2>/dev/null | while read -r code name _; do echo "$code $name"; done)" "$1"
}

# The options of a command.
_rolecall_options()
{
    local input="--read --interface --user --filter --workers --memory --buffer --key-vlan --key-tunnel --no-ndpi --secrets --sql-text --paths --output --quiet --help"
    case $1 in
        audit) echo "--policy --matrix --format --events --report --formats --every --keep --keep-packets --tui --listen --token-file --certificate --key --syslog --syslog-ca --full --octets --mask --reproducible --store --fail-on --color $input" ;;
        events) echo "--type $input" ;;
        discover) echo "--policy --matrix $input" ;;
        check) echo "--policy --matrix --fail-on --help" ;;
        matrix) echo "--policy --matrix --format --output --help" ;;
        history) echo "--store --keep --format --output --color --quiet --help" ;;
        diff) echo "--store --format --fail-on --output --color --help" ;;
        report) echo "--from --audit --format --report --formats --read --full --octets --mask --output --quiet --color --help" ;;
        accept) echo "--policy --store --audit --records --until --reason --by --help" ;;
        doctor) echo "--interface --report --memory --format --output --color --help" ;;
        rules) echo "--format --output --color --help" ;;
        explain) echo "--output --color --help" ;;
    esac
}

# Values of the option before the cursor; fails when it takes none.
_rolecall_value()
{
    case $1 in
        --read | -r | --policy | -p | --matrix | --output | -o | --store | --from | --records | --token-file | --certificate | --key) _rolecall_files "$2" ;;
        --interface | -i) mapfile -t COMPREPLY < <(compgen -W "any $(ls /sys/class/net 2>/dev/null)" -- "$2") ;;
        --user) mapfile -t COMPREPLY < <(compgen -u -- "$2") ;;
        --report) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
        --format)
            if [[ ${COMP_WORDS[1]} == matrix ]]; then
                _rolecall_words "table csv json nftables windows" "$2"
            elif [[ ${COMP_WORDS[1]} == audit || ${COMP_WORDS[1]} == report ]]; then
                _rolecall_words "text $_rolecall_formats" "$2"
            else
                _rolecall_words "text jsonl" "$2"
            fi
            ;;
        --syslog) _rolecall_words "udp:// tcp:// tls://" "$2" ;;
        --listen) _rolecall_words "127.0.0.1:8080 [::1]:8080" "$2" ;;
        --syslog-ca) _rolecall_files "$2" ;;
        --formats) _rolecall_words "csv evidence text $_rolecall_formats" "$2" ;;
        --fail-on) _rolecall_words "critical high medium low info" "$2" ;;
        --color) _rolecall_words "auto always never" "$2" ;;
        --buffer) _rolecall_words "16M 64M 256M 1G" "$2" ;;
        --keep-packets) _rolecall_words "0 128M 512M 1G" "$2" ;;
        --memory) _rolecall_words "512M 1G 2G 4G" "$2" ;;
        --type) _rolecall_types "$2" ;;
        --audit) _rolecall_words "last previous" "$2" ;;
        --workers | --filter | --keep | --until | --reason | --by) COMPREPLY=() ;;
        *) return 1 ;;
    esac
}

_rolecall()
{
    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}" command="${COMP_WORDS[1]}"
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        _rolecall_words "audit events check matrix discover doctor history diff report accept rules explain --help --version" "$current"
        return
    fi
    # "--format=te" comes as three words: the option, "=" and what is typed of the value.
    if [[ $current == "=" ]]; then
        current=""
    elif [[ $previous == "=" ]]; then
        previous="${COMP_WORDS[COMP_CWORD - 2]}"
    fi
    if _rolecall_value "$previous" "$current"; then
        return
    fi
    if [[ $current == -* ]]; then
        _rolecall_words "$(_rolecall_options "$command")" "$current"
    elif [[ $command == explain ]]; then
        _rolecall_rules "$current"
    elif [[ $command == diff ]]; then
        _rolecall_words "last previous" "$current"
    elif [[ $command != rules && $command != history && $command != accept && $command != doctor ]]; then
        _rolecall_files "$current"
    fi
}

complete -F _rolecall rolecall
