"""Hosts: one mount, network, UTS and PID namespace each, joined by one bridge.

The bridge stands in a namespace of its own ("wire"); its own interface is the mirror port, where tcpdump sees each frame
once. /etc and /var of a host are overlays, /run a tmpfs of its own, so Debian's default paths work unchanged. Killing a
host's first process ends everything that ever ran on it.
"""
import os, re, shlex, signal, subprocess, time

HERE = os.path.dirname(os.path.abspath(__file__))
# Symbolic link to the running lab's folder; another path is another lab.
STATE = os.environ.get('LAB_STATE', '/run/rolecall-lab')
MIRROR = 'br0'

# name: (address, domain)
HOSTS = {
    'dc01': ('10.77.0.10', 'corp.example'), 'cm01': ('10.77.0.11', 'corp.example'), 'mp01': ('10.77.0.12', 'corp.example'),
    'dp01': ('10.77.0.13', 'corp.example'), 'sup01': ('10.77.0.14', 'corp.example'), 'sql01': ('10.77.0.15', 'corp.example'),
    'fsp01': ('10.77.0.16', 'corp.example'), 'cm02': ('10.77.0.21', 'corp.example'), 'mp02': ('10.77.0.22', 'corp.example'),
    'dp02': ('10.77.0.23', 'corp.example'), 'cl01': ('10.77.0.101', 'corp.example'), 'cl02': ('10.77.0.102', 'corp.example'),
    'cl03': ('10.77.0.103', 'corp.example'), 'wg01': ('10.77.0.140', 'workgroup.example'),
    'adm01': ('10.77.0.200', 'corp.example'), 'proxy01': ('10.77.9.5', 'corp.example'),
    'pdc01': ('10.77.9.10', 'partner.example'), 'usys01': ('10.77.9.20', 'partner.example'),
    'pm01': ('10.77.9.21', 'partner.example'), 'ni01': ('198.51.100.50', 'internet.example'),
    'cmg01': ('203.0.113.80', 'cloud.example')}
NETWORKS = ('10.77.0.0/16', '198.51.100.0/24', '203.0.113.0/24')     # all on the one link, no router
CONTROLLERS = {'corp.example': 'dc01', 'partner.example': 'pdc01'}
BY_FILE = ('proxy01', 'usys01', 'ni01', 'cmg01', 'wg01')     # these know the others' names from /etc/hosts


class Failed(Exception):
    """Something of the laboratory did not do what was asked."""


def say(text):
    print('lab: ' + text, flush=True)


def address(host):
    return HOSTS[host][0]


def domain(host):
    return HOSTS[host][1]


def fqdn(host):
    return '%s.%s' % (host, domain(host))


def lab():
    return os.path.realpath(STATE)


def folder(host, *rest):
    return os.path.join(lab(), host, *rest)


def pid_of(host):
    if not os.path.exists(folder(host, 'pid')):
        raise Failed('no host %s in this laboratory' % host)
    with open(folder(host, 'pid')) as f:
        return f.read().strip()


def wait_for(seconds, what, check):
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise Failed('gave up waiting for %s' % what)
        time.sleep(0.1)


def enter(host):
    """The words that lead into a host, with the environment of its commands."""
    work = folder(host, 'tmp')
    return ['nsenter', '-t', pid_of(host), '-m', '-n', '-u', '-p', '--', 'env', '-i',
            'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8',
            'WORK=' + work, 'KRB5CCNAME=FILE:%s/krb5cc' % work, 'LAB=' + lab(), 'PKI=%s/pki' % lab(), 'HERE=' + HERE]


def on(host, command, log=None, check=True):
    """Runs a shell command line on a host, as commands.sh knows it; what it says goes to the log of that name."""
    line = '. "$HERE/commands.sh"; cd "$WORK"; ' + command
    with open(folder(host, 'log', log or 'commands'), 'ab') as out:
        out.write(('$ %s\n' % command).encode())
        out.flush()
        done = subprocess.run(enter(host) + ['bash', '-c', line], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    if check and done.returncode != 0:
        raise Failed('failed on %s: %s (log: %s)' % (host, command, out.name))
    return done.returncode


def output_of(host, command):
    return subprocess.run(enter(host) + ['bash', '-c', command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True).stdout


def start(host, name, command):
    """A daemon in the foreground, in a session of its own, with its own log."""
    line = '. "$HERE/commands.sh"; cd "$WORK"; echo $$ >/run/lab-%s.pid; exec %s' % (name, command)
    with open(folder(host, 'log', name), 'ab') as out:
        subprocess.Popen(enter(host) + ['setsid', 'bash', '-c', line], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                         start_new_session=True)
    wait_for(5, '%s on %s' % (name, host), lambda: on(host, 'test -s /run/lab-%s.pid' % name, 'waiting', False) == 0)


def stop(host, name):
    """Ends a daemon with its children and waits for them."""
    on(host, r'''p=$(cat /run/lab-%s.pid 2>/dev/null) || exit 0
rm -f /run/lab-%s.pid
kill -TERM -- "-$p" 2>/dev/null || exit 0
for _ in $(seq 30); do kill -0 -- "-$p" 2>/dev/null || exit 0; sleep 0.1; done
kill -KILL -- "-$p" 2>/dev/null || true''' % (name, name), 'stopping')


def wait_listening(host, port, kind='t'):
    wait_for(15, 'port %d on %s' % (port, host),
             lambda: ':%d ' % port in output_of(host, "ss -Hln%s 'sport = :%d'" % (kind, port)) + ' ')


NAMESPACE = r'''set -e
mount -t overlay overlay -o lowerdir="$3/etc",upperdir="$1/etc.new",workdir="$1/etc.work" /etc
mount -t overlay overlay -o lowerdir="$3/var",upperdir="$1/var.new",workdir="$1/var.work" /var
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/samba /run/apache2
# Only the hosts that a scenario names offer NTLM through GSS-API.
rm -f /etc/gss/mech.d/mech.ntlmssp.conf
hostname "$2"
ip link set lo up
# No IPv6 chatter, and no tail loss probes, which a slow machine sends without any loss.
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 net.ipv4.tcp_early_retrans=0
touch "$1/built"
# The first process must bury what others leave behind, which a shell does that waits.
sleep infinity &
while :; do wait; done'''


# A user owns nothing of the machine's /etc and /var, and may not write through an overlay to what is not its own: copies.
OWN_BASE = r'''mkdir -p "$1/var"
cp -r --no-preserve=ownership /etc "$1/etc" 2>/dev/null || true
for file in passwd:shadow group:gshadow; do
    rm -f "$1/etc/${file#*:}"
    cut -d: -f1 "/etc/${file%:*}" | sed 's/$/:*:19000:0:99999:7:::/' >"$1/etc/${file#*:}"
done
sed -i 's/:\*:.*/:*::/' "$1/etc/gshadow"
for folder in cache lib log mail spool tmp www lib/samba/private cache/samba log/samba log/apache2 lib/misc lib/dhcp lib/nginx; do
    mkdir -p "$1/var/$folder"
done
cp -r --no-preserve=ownership /var/lib/samba "$1/var/lib" 2>/dev/null || true
ln -s /run "$1/var/run"; ln -s /run/lock "$1/var/lock"'''


def base():
    """The folder whose etc and var are the hosts' own to begin with."""
    own = folder('base')
    return own if os.path.isdir(own) else ''


def is_user():
    """Whether this root is one of a user's namespace only."""
    with open('/proc/self/uid_map') as f:
        return f.readline().split()[1] != '0'


def new_namespace(name):
    top = folder(name)
    for part in ('tmp', 'log', 'etc.new', 'etc.work', 'var.new', 'var.work'):
        os.makedirs(os.path.join(top, part), exist_ok=True)
    with open(os.path.join(top, 'log', 'holder'), 'ab') as out:
        holder = subprocess.Popen(['setsid', 'unshare', '-m', '-n', '-u', '-p', '--fork', '--kill-child', '--mount-proc',
                                   '--propagation', 'private', 'bash', '-c', NAMESPACE, 'host', top, name, base()],
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    wait_for(10, 'namespace ' + name, lambda: os.path.exists(os.path.join(top, 'built')))
    with open('/proc/%d/task/%d/children' % (holder.pid, holder.pid)) as f:
        first = f.read().strip()
    for what, number in (('pid', first), ('holder', str(holder.pid))):
        with open(os.path.join(top, what), 'w') as f:
            f.write(number)


OFFLOAD = 'ethtool -K %s tx off gso off tso off gro off >/dev/null 2>&1 || true\n'


def build_hosts():
    if is_user():
        subprocess.run(['bash', '-c', OWN_BASE, 'base', folder('base')], check=True)
    new_namespace('wire')
    on('wire', 'ip link add %s type bridge stp_state 0 forward_delay 0 mcast_snooping 0; ip link set %s up promisc on\n'
       % (MIRROR, MIRROR) + OFFLOAD % MIRROR)
    for host, (ip, _) in HOSTS.items():
        new_namespace(host)
        subprocess.run(['nsenter', '-t', pid_of('wire'), '-n', 'ip', 'link', 'add', host, 'type', 'veth', 'peer', 'name', 'eth0',
                        'netns', pid_of(host)], check=True)
        on('wire', 'ip link set %s master %s up\n' % (host, MIRROR) + OFFLOAD % host)
        on(host, OFFLOAD % 'eth0' + 'ip address add %s/32 dev eth0; ip link set eth0 up\n' % ip +
           ''.join('ip route add %s dev eth0 src %s\n' % (network, ip) for network in NETWORKS))
        write_names(host)


def write_names(host):
    """Members ask the controller of their domain; the perimeter and the internet know the others by file."""
    lines = ['127.0.0.1 localhost', '%s %s %s' % (address(host), fqdn(host), host)]
    if host in BY_FILE:
        lines += ['%s %s' % (address(other), fqdn(other)) for other in HOSTS if other != host]
    realms = ''.join('%s = {\nkdc = %s\n}\n' % (name.upper(), address(dc)) for name, dc in CONTROLLERS.items())
    files = {'/etc/hosts': '\n'.join(lines) + '\n',
             '/etc/resolv.conf': 'search %s\nnameserver %s\n' % (domain(host), address(CONTROLLERS.get(domain(host), 'dc01'))),
             '/etc/krb5.conf': '[libdefaults]\ndefault_realm = %s\ndns_lookup_kdc = false\ndns_lookup_realm = false\n'
                               'rdns = false\ndns_canonicalize_hostname = false\nudp_preference_limit = 1\n[realms]\n%s'
                               '[domain_realm]\n.corp.example = CORP.EXAMPLE\n.partner.example = PARTNER.EXAMPLE\n'
                               % (domain(host).upper() if domain(host) in CONTROLLERS else 'CORP.EXAMPLE', realms)}
    for path, text in files.items():
        put(host, path, text)


def put(host, path, text, mode=0o644):
    """Writes a file on a host."""
    subprocess.run(enter(host) + ['bash', '-c', 'cat >%s; chmod %o %s' % (shlex.quote(path), mode, shlex.quote(path))],
                   input=text.encode(), check=True)


def stop_hosts():
    """Kills what this laboratory started, by the numbers that it wrote down, and waits until it is gone."""
    holders = []
    for name in os.listdir(lab()):
        for what in ('pid', 'holder'):
            path = folder(name, what)
            if os.path.exists(path):
                with open(path) as f:
                    number = f.read().strip()
                if what == 'pid' and number:
                    try:
                        os.kill(int(number), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                elif number:
                    holders.append(number)
    wait_for(10, 'the hosts to end', lambda: not any(os.path.exists('/proc/%s/ns' % h) and running(h) for h in holders))


def running(number):
    try:
        with open('/proc/%s/stat' % number) as f:
            return re.sub(r'.*\) ', '', f.read()).split()[0] != 'Z'
    except FileNotFoundError:
        return False


def may_make_namespaces():
    return subprocess.run(['unshare', '-m', '-n', '-u', '-p', '--fork', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'],
                          capture_output=True).returncode == 0
