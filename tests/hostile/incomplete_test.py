#!/usr/bin/env python3
"""A part of the traffic is missing (cut packets, lost ones, one direction, a late start), or packets changed places.

Every capture of pcaps/ is audited so; what did all things right then breaks nothing either, for what is not there may have
explained it, and no audit fails. Where neighbours changed places, as two taps or two queues of one card hand them over, all is
found that is found in order, and nothing else. Of a build with sanitizers a sample, which takes as long.
"""
import concurrent.futures, pathlib, random, subprocess, sys

import captures
from program import ROLECALL, SANITIZED, TOP, Case, main

sys.path.insert(0, TOP + '/tests')
import audit_pcaps

PCAPS = pathlib.Path(TOP, 'pcaps')
MOST_PACKETS = 20000
IPV4 = b'\x08\x00'


def upwards(packet):
    return packet.data[26:30] < packet.data[30:34]


def one_sided(packets, up):
    return [p for p in packets if p.data[12:14] != IPV4 or upwards(p) == up]


def lossy(packets, seed):
    chance = random.Random(seed)
    return [p for p in packets if chance.random() > 0.03]


def cut(packets, length):
    return [p._replace(data=p.data[:length]) for p in packets]


LESS = {
    'cut to 96 octets': lambda packets: cut(packets, 96),
    'cut to 200 octets': lambda packets: cut(packets, 200),
    'cut to 400 octets': lambda packets: cut(packets, 400),
    'lossy': lambda packets: lossy(packets, 1),
    'lossy otherwise': lambda packets: lossy(packets, 2),
    'one direction': lambda packets: one_sided(packets, True),
    'the other direction': lambda packets: one_sided(packets, False),
    'begun late': lambda packets: packets[len(packets) // 3:],
}


def exchanged(packets):
    """Every third packet and the next one in each other's place; times stay where they are."""
    packets = list(packets)
    for i in range(0, len(packets) - 1, 3):
        a, b = packets[i], packets[i + 1]
        packets[i:i + 2] = b._replace(ns=a.ns), a._replace(ns=b.ns)
    return packets


# An ICMP error before the SYN that it refuses: of a conversation that nobody has seen.
ORDER_MATTERS = ('coverage/r123-prohibited.pcap',)


def read(path, folder):
    """The packets and the link type; None: not a classic pcap file, or a large one."""
    if path.suffix == '.zst':
        plain = pathlib.Path(folder, path.name[:-len('.zst')])
        subprocess.run(['zstd', '-q', '-d', '-f', str(path), '-o', str(plain)], check=True)
        path = plain
    try:
        packets, link = captures.read_pcap(path)
    except ValueError:
        return None
    return (packets, link) if 0 < len(packets) <= MOST_PACKETS else None


class Incomplete(Case):
    def changed(self, path, packets, link):
        """Findings of one capture with other packets in it, and what went wrong."""
        capture = pathlib.Path(self.folder, '%s-%x.pcap' % (path.name.split('.')[0], hash(path)))
        capture.write_bytes(captures.pcap(packets, link))
        findings, _, wrong = audit_pcaps.audit(ROLECALL, capture, audit_pcaps.policy_of(path, PCAPS))
        capture.unlink()
        return findings or [], wrong

    def less_of(self, path):
        """What is wrong with the audits of one capture, a line each."""
        whole, wrong = read(path, self.folder), []
        wanted = audit_pcaps.expected(path)
        name = str(path.relative_to(PCAPS))
        for what, less in LESS.items() if whole else ():
            findings, odd = self.changed(path, less(whole[0]), whole[1])
            odd += [] if wanted else audit_pcaps.differences(findings, [])
            wrong += ['%s, %s: %s' % (name, what, line) for line in odd]
        if whole and name not in ORDER_MATTERS:
            findings, odd = self.changed(path, exchanged(whole[0]), whole[1])
            odd += audit_pcaps.differences(findings, [(*want[:3], set()) for want in wanted])
            wrong += ['%s, neighbours exchanged: %s' % (name, line) for line in odd]
        return wrong

    def test_captures(self):
        paths = [p for p in sorted(PCAPS.rglob('*.pcap*')) if audit_pcaps.stem(p).with_suffix('.findings').exists()]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            wrong = [line for lines in pool.map(self.less_of, paths[::3 if SANITIZED else 1]) for line in lines]
        self.assertEqual(wrong, [])
        self.assertGreater(len(paths), 100)


if __name__ == '__main__':
    main()
