"""Bad links: wire.py between a host and the bridge, or between the bridge and the recorders; the kernel's tbf for the rate.

A plan is what a scenario declares: {loss: 2%, duplicate: 1%, reorder: 5%, delay: 20ms, rate: 512kbit, seed: 1}; the mirror
port's may also have {vlan: 20, filter: EXPRESSION}: a tag on each frame, and what the port is set to copy (pcap-filter).
"""
import re

from network import MIRROR, OFFLOAD, Failed, on, start, stop

WIRE = {'loss': r'\d+(\.\d+)?%', 'duplicate': r'\d+(\.\d+)?%', 'reorder': r'\d+(\.\d+)?%', 'delay': r'\d+(\.\d+)?ms',
        'rate': r'\d+[km]bit', 'seed': r'\d+'}
SPAN = dict({key: value for key, value in WIRE.items() if key not in ('delay', 'rate')}, vlan=r'\d+', filter='.+')
SPAN_PORT = 'span1'                     # where the recorders read what the mirror port lets through
# The queue of a slow link: as much as it sends in two seconds, and bursts of some frames.
RATE = 'tc qdisc add dev %s root tbf rate %s burst 8kb latency 2000ms\n'


def words_of(plan, known):
    """What wire.py is told; a plan that says something else is refused."""
    for key, value in plan.items():
        if key not in known or not re.fullmatch(known[key], str(value)):
            raise Failed('a wire has no %s: %s' % (key, value))
    return ' '.join('%s=%s' % (key, value) for key, value in plan.items() if key not in ('rate', 'filter'))


def pair(one, other):
    return 'ip link add %s type veth peer name %s; ip link set %s up; ip link set %s up\n' % (one, other, one, other) + \
        OFFLOAD % one + OFFLOAD % other


def lay(host, plan):
    """Puts a bad wire between a host and the bridge."""
    words, inner = words_of(plan, WIRE), host + '-w'
    on('wire', 'ip link set %s nomaster\n' % host + pair(inner, host + '-b') + 'ip link set %s-b master %s\n' % (host, MIRROR) +
       ''.join(RATE % (side, plan['rate']) for side in (host, inner) if 'rate' in plan), 'links')
    start('wire', 'wire-' + host, 'python3 "$HERE/wire.py" %s %s %s' % (host, inner, words))
    wait_for_ports('wire-' + host, 2)


def take_up(host):
    """The host's own good wire again."""
    stop('wire', 'wire-' + host)
    on('wire', 'tc qdisc del dev %s root 2>/dev/null; ip link del %s-w; ip link set %s master %s' % (host, host, host, MIRROR), 'links')


def spoil_mirror(plan):
    """Puts a bad wire between the mirror port and its readers."""
    words = words_of(plan, SPAN)
    on('wire', pair('span0', SPAN_PORT), 'links')
    start('wire', 'wire-span', 'python3 "$HERE/wire.py" --one-way %s span0 %s' % (MIRROR, words))
    wait_for_ports('wire-span', 2)


def mend_mirror():
    stop('wire', 'wire-span')
    on('wire', 'ip link del span0', 'links')


def wait_for_ports(name, count):
    """Until wire.py has opened its ports: frames that come before are lost."""
    on('wire', 'p=$(cat /run/lab-%s.pid); for _ in $(seq 100); do [ "$(find /proc/$p/fd -lname "socket:*" 2>/dev/null | wc -l)" -ge %d ] '
       '&& sleep 0.05 && exit 0; sleep 0.05; done; exit 1' % (name, count), 'links')
