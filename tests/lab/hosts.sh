# shellcheck shell=bash
# Hosts: one mount, network, UTS and PID namespace each, joined by one bridge. The bridge stands
# in a namespace of its own ("wire"), where tcpdump sees each frame once. Killing a host's
# first process ends everything that ever ran on it.

declare -A ADDRESS=(
    [dc01]=10.77.0.10  [cm01]=10.77.0.11  [mp01]=10.77.0.12  [dp01]=10.77.0.13  [sup01]=10.77.0.14
    [mp02]=10.77.0.22  [cl01]=10.77.0.101 [proxy01]=10.77.9.5 [usys01]=10.77.9.20
    [ni01]=198.51.100.50 [cmg01]=203.0.113.80)
declare -A DOMAIN=([usys01]=partner.example [cmg01]=cloud.example [ni01]=internet.example)
HOSTS=(dc01 cm01 mp01 dp01 sup01 mp02 cl01 proxy01 usys01 ni01 cmg01)
NETWORKS=(10.77.0.0/16 198.51.100.0/24 203.0.113.0/24)   # all on the one link, no router

fqdn() { echo "$1.${DOMAIN[$1]:-corp.example}"; }

# Waits until a command succeeds: wait_for SECONDS WHAT COMMAND...
wait_for() {
    local tries=$(($1 * 10)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || die "gave up waiting for $what"
        sleep 0.1
    done
}

# new_namespace NAME: a sleeping first process; its PID goes to $LAB/NAME/pid
new_namespace() {
    local dir=$LAB/$1
    mkdir -p "$dir"/{tmp,log,etc.new,etc.work,var.new,var.work}
    setsid unshare -m -n -u -p --fork --kill-child --mount-proc --propagation private \
        bash -c '
            set -e
            mount -t overlay overlay -o lowerdir=/etc,upperdir="$1/etc.new",workdir="$1/etc.work" /etc
            mount -t overlay overlay -o lowerdir=/var,upperdir="$1/var.new",workdir="$1/var.work" /var
            mount -t tmpfs tmpfs /run
            mkdir -p /run/lock /run/samba /run/apache2
            hostname "$2"
            ip link set lo up
            # No IPv6 chatter, and no tail loss probes, which a slow machine sends without any loss.
            sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
                net.ipv4.tcp_early_retrans=0
            touch "$1/built"
            exec sleep infinity' host "$dir" "$1" >"$dir/log/holder" 2>&1 </dev/null &
    local holder=$!
    wait_for 10 "namespace $1" test -e "$dir/built"
    tr -d ' ' <"/proc/$holder/task/$holder/children" >"$dir/pid"
    echo "$holder" >"$dir/holder"
}

pid_of() { cat "$LAB/$1/pid"; }

# on HOST COMMAND: run a shell command line on a host
on() {
    local host=$1
    shift
    nsenter -t "$(pid_of "$host")" -m -n -u -p -- \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        WORK="$LAB/$host/tmp" KRB5CCNAME="FILE:$LAB/$host/tmp/krb5cc" LAB="$LAB" PKI="$LAB/pki" \
        bash -c "cd \"\$WORK\"; $*"
}

# start HOST NAME COMMAND: a daemon in the foreground, in a session of its own, with its own log
start() {
    local host=$1 name=$2 dir=$LAB/$1
    shift 2
    on "$host" "setsid bash -c 'echo \$\$ >/run/lab-$name.pid; exec $*'" \
        >>"$dir/log/$name" 2>&1 </dev/null &
    wait_for 5 "$name on $host" on "$host" "test -s /run/lab-$name.pid"
}

# stop HOST NAME: end a daemon with its children and wait for them
stop() {
    # shellcheck disable=SC2016
    on "$1" 'p=$(cat /run/lab-'"$2"'.pid 2>/dev/null) || exit 0
        rm -f /run/lab-'"$2"'.pid
        kill -TERM -- "-$p" 2>/dev/null || exit 0
        for _ in $(seq 30); do kill -0 -- "-$p" 2>/dev/null || exit 0; sleep 0.1; done
        kill -KILL -- "-$p" 2>/dev/null || true'
}

build_hosts() {
    local host dir network
    new_namespace wire
    on wire 'ip link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0; ip link set br0 up promisc on
             ethtool -K br0 tx off gso off tso off gro off >/dev/null 2>&1 || true'
    for host in "${HOSTS[@]}"; do
        new_namespace "$host"
        dir=$LAB/$host
        nsenter -t "$(pid_of wire)" -n ip link add "$host" type veth peer name eth0 netns "$(pid_of "$host")"
        on wire "ip link set $host master br0 up; ethtool -K $host tx off gso off tso off gro off >/dev/null 2>&1 || true"
        on "$host" "ethtool -K eth0 tx off gso off tso off gro off >/dev/null 2>&1 || true
            ip address add ${ADDRESS[$host]}/32 dev eth0; ip link set eth0 up"
        for network in "${NETWORKS[@]}"; do
            on "$host" "ip route add $network dev eth0 src ${ADDRESS[$host]}"
        done
        write_names "$host"
    done
}

# Names: hosts of CORP ask the domain controller; the perimeter and the internet know theirs by file.
write_names() {
    local host=$1 other
    {
        echo "127.0.0.1 localhost"
        echo "${ADDRESS[$host]} $(fqdn "$host") $host"
        case $host in
            usys01 | proxy01 | ni01 | cmg01)
                for other in "${HOSTS[@]}"; do
                    [[ $other == "$host" ]] || echo "${ADDRESS[$other]} $(fqdn "$other")"
                done ;;
        esac
    } >"$LAB/$host/tmp/hosts"
    on "$host" "cp hosts /etc/hosts
        printf 'search %s\nnameserver %s\n' ${DOMAIN[$host]:-corp.example} ${ADDRESS[dc01]} >/etc/resolv.conf
        printf '%s\n' '[libdefaults]' 'default_realm = CORP.EXAMPLE' 'dns_lookup_kdc = false' \
            'dns_lookup_realm = false' 'rdns = false' 'dns_canonicalize_hostname = false' \
            'udp_preference_limit = 1' '[realms]' 'CORP.EXAMPLE = {' 'kdc = ${ADDRESS[dc01]}' '}' >/etc/krb5.conf"
}

stop_hosts() {
    local file name
    for file in "$LAB"/*/pid; do
        [[ -e $file ]] || continue
        kill -KILL "$(cat "$file")" 2>/dev/null || true
    done
    for file in "$LAB"/*/holder; do
        [[ -e $file ]] || continue
        name=$(cat "$file")
        for _ in $(seq 50); do [[ -d /proc/$name ]] || break; sleep 0.1; done
    done
}
