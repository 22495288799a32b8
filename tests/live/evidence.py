#!/usr/bin/env python3
"""evidence.py ROLECALL PCAPS - a live audit has the packets of what it finds, with the opening of their connections: the
same as the audit of the file; also when other traffic came between. What was overwritten is told. In a network
namespace, as live.py. Exit status 77: not allowed here.
"""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

from live import Capture, Folder, frames, in_namespace, inside_of, pair, refused, reports, wait_for
from losses import MIB, flood


def packets_of(path):
    """Of a pcapng file as rolecall writes it: [(octets, comments)]."""
    with open(path, 'rb') as f:
        octets = f.read()
    at, found = 0, []
    while at < len(octets):
        kind, length = struct.unpack_from('<II', octets, at)
        if kind == 6:
            captured, = struct.unpack_from('<I', octets, at + 20)
            found.append(octets[at + 28:at + 28 + captured])
        at += length
    return found


def evidence(folder):
    return {name: packets_of(f'{folder}/{name}') for name in sorted(os.listdir(folder))}


def of_file(rolecall, pcaps, work):
    subprocess.run([rolecall, 'audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '-r', f'{pcaps}/demo/breaches.pcap', '--report',
                    f'{work}/offline', '-o', '/dev/null'], check=False)
    return evidence(f'{work}/offline/evidence')


def play(packets, between=None, after=None):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(('in0', 0))
        for i, octets in enumerate(packets):
            s.send(octets)
            time.sleep(0.0004)
            if i == after:
                time.sleep(1)
                between()


def start(rolecall, pcaps, work, *more):
    return Capture(rolecall, ['audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '-i', 'tap0', '--report', f'{work}/live',
                              '--formats', 'jsonl,evidence', *more])


def summary(folder):
    with open(f'{folder}/records.jsonl') as f:
        return next(r for r in map(json.loads, f) if r['type'] == 'summary')


def same_as_file(rolecall, pcaps, capture):
    """Also in the report of a running audit, when the ring has gone round."""
    with Folder() as work:
        want = of_file(rolecall, pcaps, work)
        live = start(rolecall, pcaps, work, '--keep-packets', '16M', '--buffer', '128M')
        play(capture)
        time.sleep(1)
        flood('in0', 40 * MIB)
        time.sleep(1)
        live.process.send_signal(signal.SIGUSR1)
        first = wait_for(lambda: reports(f'{work}/live'))[0]
        live.end()
        assert want and all(len(packets) > 1 for packets in want.values()), want.keys()
        running, whole = evidence(f'{work}/live/{first}/evidence'), evidence(f'{work}/live/evidence')
        assert running and all(set(packets) <= set(want[name]) for name, packets in running.items()), (running.keys(), want.keys())
        assert whole == want, {n: (len(whole.get(n, [])), len(p)) for n, p in want.items()}
        assert 'evidence' not in summary(f'{work}/live')['dropped'], summary(f'{work}/live')['dropped']


def overwritten(rolecall, pcaps, capture):
    """The ticket that was refused has gone when the logon that it explains comes (R083)."""
    with Folder() as work:
        of_file(rolecall, pcaps, work)
        with open(f'{work}/offline/records.jsonl') as f:
            late = next(r for r in map(json.loads, f) if r['type'] == 'finding' and r['code'] == 'R083')
        live = start(rolecall, pcaps, work, '--keep-packets', '16M', '--buffer', '128M')
        play(capture, lambda: flood('in0', 40 * MIB), late['evidence'][-1]['packet'] - 2)
        time.sleep(1)
        _, _, err = live.end()
        assert summary(f'{work}/live')['dropped']['evidence'] >= 1, (summary(f'{work}/live')['dropped'], err)
        got, want = evidence(f'{work}/live/evidence'), evidence(f'{work}/offline/evidence')
        mine = late['id'] + '.pcapng'
        assert 0 < len(got[mine]) < len(want[mine]) and set(got[mine]) < set(want[mine]), (got[mine], want[mine])


def inside(rolecall, pcaps):
    pair('in0', 'tap0', 65535)
    capture = [octets for _, octets in frames(f'{pcaps}/demo/breaches.pcap')]
    same_as_file(rolecall, pcaps, capture)
    overwritten(rolecall, pcaps, capture)
    words = ['audit', '-p', f'{pcaps}/demo/policy.yaml', '-i', 'tap0', '--report', '/tmp/none', '--formats', 'evidence']
    refused(rolecall, [*words, '--keep-packets', '0'], 'leaves nothing for evidence')
    refused(rolecall, [*words, '--keep-packets', '1M'], 'expected 0 or a size')


if __name__ == '__main__':
    sys.exit(inside_of(inside) if sys.argv[1] == '--inside' else in_namespace(__file__))
