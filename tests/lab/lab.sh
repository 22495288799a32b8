#!/bin/bash
# A small Configuration Manager hierarchy of real servers and clients in network
# namespaces, and a recorder. Everything under pcaps/ was captured by this script.
#
#   lab.sh packages          say what is needed; install it when root
#   lab.sh up                build the hosts and start the directory, leave them running
#   lab.sh record [CASE...]  record these cases, or all (brings the lab up when it is down)
#   lab.sh down              stop every process and remove every namespace of the lab
#   lab.sh all               up, record everything, down
#   lab.sh list              the cases, one line each
#   lab.sh on HOST COMMAND   run a shell command on a host of a running lab
# Options, before the verb:
#   -o DIR   where captures go (default: pcaps/ of this checkout)
#   -k       leave the lab running after `record` although `record` started it
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OUT=$(cd "$HERE/../.." && pwd)/pcaps
STATE=/run/rolecall-lab            # symbolic link to the running lab's folder
KEEP=no

# shellcheck source=tests/lab/hosts.sh
. "$HERE/hosts.sh"
# shellcheck source=tests/lab/certificates.sh
. "$HERE/certificates.sh"
# shellcheck source=tests/lab/servers.sh
. "$HERE/servers.sh"
# shellcheck source=tests/lab/recorder.sh
. "$HERE/recorder.sh"
# shellcheck source=tests/lab/readme.sh
. "$HERE/readme.sh"
# shellcheck source=tests/lab/cases_demo.sh
. "$HERE/cases_demo.sh"
# shellcheck source=tests/lab/cases.sh
. "$HERE/cases.sh"
# shellcheck source=tests/lab/cases_tls.sh
. "$HERE/cases_tls.sh"

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

PACKAGES=(samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind libnss-winbind smbclient
          python3-samba krb5-user ldap-utils libsasl2-modules-gssapi-mit
          apache2 libapache2-mod-auth-gssapi gnutls-bin openssl curl nghttp2-client
          bind9-dnsutils iproute2 ethtool tcpdump tshark)

missing_packages() {
    local p
    for p in "${PACKAGES[@]}"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) == installed ]] || echo "$p"
    done
}

# Installs without starting the packages' own daemons: the lab runs them in its namespaces only.
packages() {
    local wanted policy=/usr/sbin/policy-rc.d made=no
    mapfile -t wanted < <(missing_packages)
    echo "needs: ${PACKAGES[*]}"
    [[ ${#wanted[@]} -gt 0 ]] || { echo "all of them are installed"; return; }
    echo "missing: ${wanted[*]}"
    [[ $EUID -eq 0 ]] || { echo "run as root to install them"; return 1; }
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=yes
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "${wanted[@]}" || { [[ $made == no ]] || rm -f "$policy"; return 1; }
    [[ $made == no ]] || rm -f "$policy"
}

is_up() { [[ -e $STATE/ready ]]; }

up() {
    is_up && { LAB=$(readlink -f "$STATE"); return; }
    [[ $EUID -eq 0 ]] || die "namespaces need root"
    [[ -z $(missing_packages) ]] || die "packages are missing: run '$0 packages'"
    [[ ! -e $STATE ]] || down            # what an interrupted run left behind
    LAB=$(mktemp -d /tmp/rolecall-lab.XXXXXX)
    chmod 755 "$LAB"                     # daemons that change their user must reach their files
    ln -sfn "$LAB" "$STATE"
    say "building in $LAB"
    build_hosts
    make_certificates
    provision
    touch "$LAB/ready"
    say "up"
}

down() {
    [[ -e $STATE || -L $STATE ]] || return 0
    LAB=$(readlink -f "$STATE")
    stop_capture_quietly
    stop_hosts
    rm -f "$STATE"
    [[ $LAB != /tmp/rolecall-lab.* ]] || rm -rf --one-file-system "$LAB"
    say "down"
}

must_be_cases() {
    local name
    for name in "$@"; do
        [[ -n ${CASE_PURPOSE[$name]:-} ]] || die "no case '$name'; '$0 list' names them"
    done
}

record() {
    local names=("$@") name
    [[ ${#names[@]} -gt 0 ]] || names=("${CASES[@]}")
    mkdir -p "$OUT"
    OUT=$(cd "$OUT" && pwd)
    publish_certificates
    for name in "${names[@]}"; do record_case "$name"; done
    write_readme
}

# Whatever happens, nothing of the lab outlives a run that started it.
clean_up() {
    local status=$?
    trap - EXIT
    stop_capture_quietly
    down
    exit "$status"
}

main() {
    local option
    while getopts 'o:kh' option; do
        case $option in
            o) OUT=$OPTARG ;;
            k) KEEP=yes ;;
            *) sed -n '2,16s/^# \?//p' "${BASH_SOURCE[0]}"; exit 2 ;;
        esac
    done
    shift $((OPTIND - 1))
    local verb=${1:-help}
    shift || true
    case $verb in
        packages) packages ;;
        list) list_cases ;;
        up)
            [[ $KEEP == yes ]] || { trap clean_up EXIT; trap 'exit 130' INT TERM; }
            up
            trap - EXIT ;;
        down) down ;;
        all) down; trap clean_up EXIT; trap 'exit 130' INT TERM; up; record ;;
        record)
            must_be_cases "$@"
            trap 'exit 130' INT TERM
            if is_up || [[ $KEEP == yes ]]; then trap stop_capture_quietly EXIT; else trap clean_up EXIT; fi
            up
            record "$@" ;;
        on) is_up || die "the lab is down"; up; on "$@" ;;
        *) sed -n '2,16s/^# \?//p' "${BASH_SOURCE[0]}"; exit 2 ;;
    esac
}

main "$@"
