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
BASE=
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
    [[ -n $CAPTURE_PID ]] || return 0
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

# note HOST TEXT: a line of provenance
note() {
    local host=$1
    shift
    printf '%s: %s\n' "$host" "$*" | sed -e "s,$LAB/pki,PKI,g" -e "s,$LAB,LAB,g" >>"$BASE.commands"
}

run() {
    local host=$1
    shift
    RUN_STATUS=0
    note "$host" "$*"
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

# find_frames FILTER: the numbers of the packets it finds, in FOUND. A filter that tshark refuses
# ends the run: it would otherwise look like a capture without such packets.
find_frames() {
    local output
    output=$(tshark -r "$PCAP" -Y "$1" -T fields -e frame.number 2>"$LAB/tshark.err") ||
        die "$CASE: tshark refuses '$1': $(tail -n 2 "$LAB/tshark.err")"
    mapfile -t FOUND <<<"$output"
    [[ -n $output ]] || FOUND=()
}

# A busy machine makes TCP repeat itself; such a recording is thrown away and made again.
record_case() {
    local try
    CASE=$1
    BASE=$OUT/$CASE
    PCAP=$BASE.pcap
    mkdir -p "$(dirname "$BASE")"
    for try in 1 2 3 4 5; do
        say "recording $CASE"
        EXPECT=() SHOWS=() LACKS=()
        rm -f "$PCAP" "$BASE.commands"
        "${CASE_FUNCTION[$CASE]}"
        stop_capture
        find_frames 'tcp.analysis.lost_segment or tcp.analysis.retransmission and (tcp.len > 0 or tcp.flags.syn == 1)'
        [[ ${#FOUND[@]} -gt 0 ]] || break
        say "  attempt $try: TCP repeated itself in packets ${FOUND[*]}"
        [[ $try -lt 5 ]] || die "$CASE: no quiet recording"
    done
    check_capture
    write_findings
}

# Sanity common to all captures, then what the case itself claims.
check_capture() {
    local row size packets whole
    must_lack 'a malformed packet' '_ws.malformed'
    for row in "${SHOWS[@]}"; do
        find_frames "${row#*$'\t'}"
        [[ ${#FOUND[@]} -gt 0 ]] || die "$CASE: does not show ${row%%$'\t'*} (${row#*$'\t'})"
    done
    for row in "${LACKS[@]}"; do must_lack "${row%%$'\t'*}" "${row#*$'\t'}"; done
    whole=$(tshark -r "$PCAP" -Y tcp -T fields -e tcp.stream -e tcp.flags.syn 2>/dev/null |
        awk '$2 { opened[$1] } !($1 in opened) { print $1; exit }')
    [[ -z $whole ]] || die "$CASE: the opening of TCP stream $whole is not in the capture"
    find_frames frame
    packets=${#FOUND[@]}
    size=$(stat -c %s "$PCAP")
    [[ $size -lt $MAX_BYTES ]] || die "$CASE: $size bytes are more than $MAX_BYTES"
    say "  $packets packets, $size bytes"
}

must_lack() {
    find_frames "$2"
    [[ ${#FOUND[@]} -eq 0 ]] || die "$CASE: must not show $1, yet packets ${FOUND[*]} do"
}

# One line a finding: CODE CLIENT SERVER:PORT PACKET[,PACKET...]
write_findings() {
    local row code client server max filter IFS
    : >"$BASE.findings"
    for row in "${EXPECT[@]}"; do
        IFS=$'\t' read -r code client server max filter <<<"$row"
        find_frames "$filter"
        [[ ${#FOUND[@]} -gt 0 ]] || die "$CASE: no packet decides $code ($filter)"
        IFS=,
        echo "$code $client $server ${FOUND[*]:0:max}" >>"$BASE.findings"
    done
}
