#!/bin/bash
# completion.bash ROLECALL - what bash completes, and that completions and man page know every option and command.
set -u
program=$(realpath "$1")
folder=$(cd "$(dirname "$0")/../../reports" && pwd)
failures=0
count=0

fail()
{
    echo "not ok: $*"
    failures=$((failures + 1))
}

if ! source "$folder/completion/rolecall.bash"; then
    fail "rolecall.bash cannot be sourced"
fi

# complete_line WORD... : what is offered for the last word, sorted, on one line
complete_line()
{
    COMP_WORDS=("$program" "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _rolecall
    printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ' | sed 's/ *$//'
}

expect()
{
    local wanted=$1
    shift
    local got
    got=$(complete_line "$@")
    count=$((count + 1))
    [ "$got" = "$wanted" ] || fail "'$*' offers '$got', not '$wanted'"
}

expect_some()
{
    local wanted=$1
    shift
    count=$((count + 1))
    [[ " $(complete_line "$@") " == *" $wanted "* ]] || fail "'$*' does not offer '$wanted'"
}

expect "--help --version accept audit check diff discover doctor events explain history matrix report rules" ""
expect "audit" au
expect "last previous" diff ""
expect "last" report --audit l
expect "sarif syslog" report --format s
expect "text" audit --format t
expect "jsonl text" rules --format ""
expect "jsonl" audit --format = j
expect "cef csv-findings csv-flows csv-hosts csv-verdicts" audit --format = c
expect "sarif syslog" audit --formats s
expect "critical" audit --fail-on c
expect "critical high info low medium" check --fail-on ""
expect "always auto" audit --color a
expect "ntlm" events --type n
expect "flow,tls" events --type flow,tl
expect "" events --type flow,f
expect "--fail-on" check --fa
expect "" rules --events
expect "" audit --workers ""
expect_some "R010" explain R0
expect_some "smb1-used" explain smb
expect "R060" explain R060

empty=$(mktemp -d)
touch "$empty/monday.pcap" "$empty/site.yaml"
mkdir "$empty/captures"
cd "$empty" || exit 1
expect "monday.pcap" audit -p site.yaml -r mon
expect "site.yaml" check s
expect "captures" audit --report ""
cd / && rm -r "$empty"

# Every command and option of the program is known to both completions and to the man page, each for its command.
mentions()
{
    count=$((count + 1))
    grep -qF -e "$2" "$1" || fail "$(basename "$1") does not know $2"
}
for command in $("$program" --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p' | grep -v rolecall); do
    mentions "$folder/completion/rolecall.bash" "$command)"
    mentions "$folder/completion/_rolecall" "'$command:"
    mentions "$folder/rolecall.1" ".Cm $command"
    for option in $("$program" "$command" --help | grep -o -e '--[a-z][a-z-]*' | sort -u); do
        expect_some "$option" "$command" "$option"
        mentions "$folder/completion/_rolecall" "$option"
        mentions "$folder/rolecall.1" "Fl -${option#--}"
    done
done
[ "$count" -gt 60 ] || fail "only $count checks: the help could not be read"
for type in $(sed -n 's/^RECORD([A-Z]*, "\(.*\)")/\1/p' "$folder/../dissect/records.def"); do
    expect_some "$type" events --type "$type"
    mentions "$folder/completion/_rolecall" "$type"
    mentions "$folder/rolecall.1" "$type"
done

# Errors of the man page; references to pages that this machine lacks are none.
if command -v mandoc >/dev/null; then
    faults=$(mandoc -T lint "$folder/rolecall.1" 2>/dev/null | grep -v 'referenced manual not found')
    [ -z "$faults" ] || fail "$faults"
fi
if command -v zsh >/dev/null; then
    zsh -n "$folder/completion/_rolecall" || fail "_rolecall cannot be read"
fi
echo "$count checks, $failures failed"
[ "$failures" -eq 0 ]
