# shellcheck shell=bash
# Recording one case: tcpdump on the bridge, the commands of the case, then what tshark must
# find in the result. A case is a function; inside it
#   run HOST COMMAND        does something and notes it for the provenance
#   expect CODE CLIENT SERVER MAX FILTER   says which finding the capture must give, and which
#                           packets decide it (the first MAX that the display filter finds)
#   shows WHAT FILTER       says what must be in it;   lacks WHAT FILTER: what must not
# and the deciding packet numbers are read from the capture, never written by hand.

CASES=()
declare -A CASE_PURPOSE CASE_FUNCTION CASE_POLICY
CAPTURE_PID=
MAY_FAIL=no
MAX_BYTES=150000

# new_case NAME FUNCTION POLICY PURPOSE
new_case() {
    CASES+=("$1")
    CASE_FUNCTION[$1]=$2
    CASE_POLICY[$1]=$3
    CASE_PURPOSE[$1]=$4
}

list_cases() {
    local name
    for name in "${CASES[@]}"; do printf '%-36s %s\n' "$name" "${CASE_PURPOSE[$name]}"; done
}

start_capture() {
    local log=$LAB/wire/log/tcpdump
    : >"$log"
    nsenter -t "$(pid_of wire)" -n -u -- tcpdump -i br0 --immediate-mode -s 9216 -U -Z root -w "$PCAP" \
        'not ip6' >"$log" 2>&1 </dev/null &
    CAPTURE_PID=$!
    wait_for 10 tcpdump grep -q 'listening on' "$log"
}

# Ends tcpdump once the wire has been quiet for half a second.
stop_capture() {
    local size=-1 now
    for _ in $(seq 40); do
        now=$(stat -c %s "$PCAP")
        [[ $now != "$size" ]] || break
        size=$now
        sleep 0.5
    done
    stop_capture_quietly
}

stop_capture_quietly() {
    [[ -n $CAPTURE_PID ]] || return 0
    kill -INT "$CAPTURE_PID" 2>/dev/null || true
    wait "$CAPTURE_PID" 2>/dev/null || true
    CAPTURE_PID=
}

run() {
    local host=$1
    shift
    RUN_STATUS=0
    printf '%s: %s\n' "$host" "$*" | sed -e "s,$LAB/pki,PKI,g" -e "s,$LAB,LAB,g" >>"$BASE.commands"
    on "$host" "$*" >>"$LAB/$host/log/commands" 2>&1 </dev/null || RUN_STATUS=$?
    sleep 0.2
    [[ $RUN_STATUS -eq 0 || $MAY_FAIL == yes ]] || die "$CASE: failed on $host: $* (log: $LAB/$host/log/commands)"
}

# A command that is meant to fail
run_fails() {
    MAY_FAIL=yes run "$@"
    [[ $RUN_STATUS -ne 0 ]] || die "$CASE: should have failed: $*"
}

expect() { EXPECT+=("$(printf '%s\t' "$@")"); }
shows() { SHOWS+=("$1"$'\t'"$2"); }
lacks() { LACKS+=("$1"$'\t'"$2"); }

frames() { tshark -r "$PCAP" -Y "$1" -T fields -e frame.number 2>/dev/null; }

record_case() {
    CASE=$1
    BASE=$OUT/$CASE
    PCAP=$BASE.pcap
    EXPECT=() SHOWS=() LACKS=()
    say "recording $CASE"
    mkdir -p "$(dirname "$BASE")"
    rm -f "$PCAP" "$BASE.commands"
    "${CASE_FUNCTION[$CASE]}"
    [[ -z $CAPTURE_PID ]] || stop_capture
    check_capture
    write_findings
}

# Sanity common to all captures, then what the case itself claims.
check_capture() {
    local pair what filter found size
    shows_none 'retransmission or lost segment' 'tcp.analysis.retransmission or tcp.analysis.lost_segment'
    shows_none 'malformed packet' '_ws.malformed'
    size=$(stat -c %s "$PCAP")
    [[ $size -lt $MAX_BYTES ]] || die "$CASE: $size bytes are more than $MAX_BYTES"
    for pair in "${SHOWS[@]}"; do
        what=${pair%%$'\t'*} filter=${pair#*$'\t'}
        [[ -n $(frames "$filter") ]] || die "$CASE: does not show $what ($filter)"
    done
    for pair in "${LACKS[@]}"; do shows_none "${pair%%$'\t'*}" "${pair#*$'\t'}"; done
    found=$(capinfos -Tmrc "$PCAP" 2>/dev/null | cut -d, -f2)
    say "  $found packets, $size bytes"
}

shows_none() {
    local found
    found=$(frames "$2" | tr '\n' ' ')
    [[ -z $found ]] || die "$CASE: must not show $1, yet packets $found do"
}

write_findings() {
    local row code client server max filter packets
    for row in "${EXPECT[@]}"; do
        IFS=$'\t' read -r code client server max filter <<<"$row"
        packets=$(frames "$filter" | head -n "$max" | paste -sd,)
        [[ -n $packets ]] || die "$CASE: no packet decides $code ($filter)"
        echo "$code $client $server $packets"
    done >"$BASE.findings"
}
write_readme() { :; }
