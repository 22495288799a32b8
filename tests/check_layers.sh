#!/usr/bin/env bash
# check_layers.sh - includes point only to the left, and each foreign library has its one door (architecture.md).
# Run at the top of the tree; prints what is wrong, one line each.
set -u
bad=0
complain() { printf '%s\n' "$1"; bad=1; }

layers=(capture dissect policy reports)

# includes FOLDER: "file:line:included path" of every quoted include.
includes() { grep -nHoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+"' "$@" 2>/dev/null | sed -E 's/#[^"]*"([^"]+)"/\1/'; }

for at in "${!layers[@]}"; do
    folder=${layers[at]}
    allowed=$(IFS='|'; echo "${layers[*]:0:at+1}")
    while IFS= read -r line; do
        complain "$folder may include only ${allowed//|/, }: $line"
    done < <(includes "$folder"/*.[ch] | grep -vE ":($allowed)/[^/]+$")
    for file in "$folder"/*.[ch]; do
        [ -e "$file" ] || complain "$folder is empty"
    done
done

# Tests of a folder see what the folder sees, and their own helpers.
for at in "${!layers[@]}"; do
    folder=${layers[at]}
    allowed=$(IFS='|'; echo "${layers[*]:0:at+1}")
    own=$(printf 'tests/%s/|' "${layers[@]:0:at+1}")
    while IFS= read -r line; do
        complain "tests/$folder may include only ${allowed//|/, } and tests of them: $line"
    done < <(includes tests/"$folder"/*.[ch] | grep -vE ":(($allowed)/[^/]+|(${own%|})[^/]+|tests/test\.h)$")
done

# door NAME PATTERN FILE...: only these files include headers that match.
door() {
    local name=$1 pattern=$2
    shift 2
    while IFS= read -r file; do
        local allowed
        for allowed in "$@"; do
            [ "$file" = "$allowed" ] && continue 2
        done
        complain "$name is included by $file; its only door: $*"
    done < <(grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<($pattern)" ./*.[ch] capture/*.[ch] dissect/*.[ch] \
        policy/*.[ch] reports/*.[ch] commands/*.[ch] 2>/dev/null | sed 's,^\./,,')
}
door libpcap 'pcap' capture/source_reader.c capture/source_filter.c capture/source_live.c
door nDPI 'ndpi' dissect/ndpi_shim.h
door OpenSSL 'openssl/' dissect/tls_authority.c dissect/tls_cert.c policy/policy_load.c reports/input_file.c reports/server_access.c reports/syslog_send.c
door libyaml 'yaml' policy/yaml.c
door zlib 'zlib' capture/source_feed.c dissect/ccm_message.c reports/html.c
door libnghttp2 'nghttp2/' dissect/hpack.c
door libmicrohttpd 'microhttpd' reports/server_part.h
door jansson 'jansson' reports/document.h reports/tree.h
door SQLite 'sqlite3' reports/store_part.h
door libseccomp 'seccomp' commands/guard_filter.c
door libzstd 'zstd' capture/source_feed.c
door ncurses 'n?curses|term\.h' reports/screen_terminal.c
while IFS= read -r line; do
    complain "ndpi_shim.h is for identify.c alone: $line"
done < <(includes ./*.[ch] capture/*.[ch] dissect/*.[ch] policy/*.[ch] reports/*.[ch] commands/*.[ch] | grep ':dissect/ndpi_shim\.h$' |
    grep -v '^dissect/identify\.c:')

[ "$bad" = 0 ] && echo "layers: in order"
exit "$bad"
