#!/usr/bin/env python3
"""A part of the traffic is missing: cut packets, lost ones, one direction, a late start.

Every capture of pcaps/ is audited so; what did all things right then breaks nothing either, for what is not there may have
explained it, and no audit fails. Of a build with sanitizers a sample, which takes as long.
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
    def less_of(self, path):
        """What is wrong with the audits of one capture, a line each."""
        whole, wrong = read(path, self.folder), []
        right = not audit_pcaps.expected(path)
        for what, less in LESS.items() if whole else ():
            capture = pathlib.Path(self.folder, path.name.split('.')[0] + '-%x.pcap' % hash((path, what)))
            capture.write_bytes(captures.pcap(less(whole[0]), whole[1]))
            findings, _, odd = audit_pcaps.audit(ROLECALL, capture, audit_pcaps.policy_of(path, PCAPS))
            capture.unlink()
            if findings and right:
                odd += audit_pcaps.differences(findings, [])
            wrong += ['%s, %s: %s' % (path.relative_to(PCAPS), what, line) for line in odd]
        return wrong

    def test_captures(self):
        paths = [p for p in sorted(PCAPS.rglob('*.pcap*')) if audit_pcaps.stem(p).with_suffix('.findings').exists()]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            wrong = [line for lines in pool.map(self.less_of, paths[::3 if SANITIZED else 1]) for line in lines]
        self.assertEqual(wrong, [])
        self.assertGreater(len(paths), 100)


if __name__ == '__main__':
    main()
