#!/usr/bin/env python3
"""soak.py ROLECALL PCAPS [MINUTES] - the same load again and again (default: for a minute): what is found stays complete,
and the memory in use flat: within 2 % after ten minutes, of half an hour and more; within 10 % of shorter runs. In a network namespace, as
live.py; prints a table. Exit status 77: not allowed here.

A round: the demonstration's breaches, a working day of the laboratory, and 2,000 web requests of 200 clients that are the
same ones each time, from ports that are not.
"""
import calendar
import json
import os
import signal
import socket
import subprocess
import sys
import time

from live import Capture, Folder, announced, frames, in_namespace, inside_of, pair, reports, wait_for

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'golden'))
import captures

SYN, ACK, PSH, FIN = 2, 16, 8, 1
ROUND_SECONDS = 10


def request(number, client):
    """One request and its answer, closed."""
    ends, ports, following = (f'10.1.{client // 250}.{client % 250 + 1}', '10.77.0.12'), (1024 + number % 60000, 8080), [number, 9 * number]
    for end, flags, payload in ((0, SYN, b''), (1, SYN | ACK, b''), (0, ACK, b''), (0, ACK | PSH, b'GET /%d HTTP/1.1\r\nHost: a\r\n\r\n' % number),
                                (1, ACK | PSH, b'HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n' + bytes(1000)), (1, ACK, bytes(1000)),
                                (0, ACK | FIN, b''), (1, ACK | FIN, b''), (0, ACK, b'')):
        a, b = (0, 1) if end == 0 else (1, 0)
        octets = captures.tcp(ports[a], ports[b], following[a] & 0xffffffff, following[b] & 0xffffffff if flags & ACK else 0, flags, payload)
        following[a] += len(payload) + (flags & (SYN | FIN) != 0)
        yield captures.ethernet(captures.ipv4(ends[a], ends[b], 6, octets, number & 0xffff))


def play(s, packets, pace):
    """Paced by batches: sleeping after each packet would be the most of it."""
    for i, octets in enumerate(packets):
        s.send(octets[:65535])
        if i % 50 == 49:
            time.sleep(50 * pace)


def resident(pid):
    """KiB of its own: what a report's process shares with it is not counted twice."""
    with open(f'/proc/{pid}/status') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS'))


def findings_of(folder):
    """None while it is being written."""
    with open(f'{folder}/records.jsonl') as f:
        lines = f.read().split('\n')
    if lines.pop() != '' or not any('"type":"summary"' in line for line in lines):
        return None
    records = [json.loads(line) for line in lines]
    return {r['id']: r for r in records if r['type'] == 'finding'}, next(r for r in records if r['type'] == 'summary')


def told_in(text):
    """ns of a record's time, as a number of seconds."""
    whole, part = text.rstrip('Z').split('.')

    return calendar.timegm(time.strptime(whole, '%Y-%m-%dT%H:%M:%S')) + float('0.' + part)


def inside(rolecall, pcaps, minutes='1'):
    end = float(minutes) * 60
    pair('in0', 'tap0', 65535)
    demo = [octets for _, octets in frames(f'{pcaps}/demo/breaches.pcap')]
    with Folder() as work:
        with open(f'{work}/day.pcap', 'wb') as f:
            subprocess.run(['zstdcat', f'{pcaps}/lab/day-breaches.pcap.zst'], stdout=f, check=True)
        day = [octets for _, octets in frames(f'{work}/day.pcap')]
        soak(rolecall, pcaps, f'{work}/report', end, (demo, day))


def soak(rolecall, pcaps, work, seconds, loads):
    demo, day = loads
    live = Capture(rolecall, ['audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '-i', 'tap0', '--report', work, '--formats', 'jsonl,evidence',
                              '--keep', '2', '--keep-packets', '16M', '--memory', '64M', '-o', '/dev/null'])
    pid, begin, warm = live.auditor(), time.monotonic(), min(seconds / 3, 600)
    samples, rounds, number = [], 0, 1
    offline = subprocess.run([rolecall, 'audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '--format', 'jsonl', '-r', f'{pcaps}/demo/breaches.pcap'],
                             stdout=subprocess.PIPE, text=True, check=False).stdout
    want = {r['id'] for r in map(json.loads, offline.splitlines()) if r['type'] == 'finding'}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(('in0', 0))
        while time.monotonic() - begin < seconds:
            started, told = time.monotonic(), time.time()
            play(s, demo, 0.0004)
            play(s, day, 0.0002)
            for client in range(2000):
                play(s, request(number, client % 200), 0)
                number += 1
                if client % 20 == 19:
                    time.sleep(0.01)
            rounds += 1
            time.sleep(max(0.5, started + ROUND_SECONDS - time.monotonic()))
            before = reports(work)
            live.process.send_signal(signal.SIGUSR1)
            newest = wait_for(lambda: [r for r in reports(work) if r not in before], 60)[-1]
            got, summary = wait_for(lambda folder=f'{work}/{newest}': findings_of(folder), 60)
            missing = [i for i in want if i not in got]
            # What a connection's end shows is told when it is over: a round later.
            stale = [got[i]['code'] for i in want if i in got and told_in(got[i]['last']) < told - 2 * ROUND_SECONDS]
            assert rounds < 2 or (not missing and not stale), (rounds, missing, stale)
            samples.append((time.monotonic() - begin, resident(pid)))
            if rounds % 10 == 1 or seconds <= 60:
                print(f'{samples[-1][0]:7.0f} s  round {rounds:4}  {samples[-1][1] / 1024:7.1f} MiB resident  {summary["input"]["packets"]:10,} packets  '
                      f'{summary["dropped"]["capture"]} dropped  {len(got)} findings  {len(announced(work))} announced', flush=True)
    status, _, err = live.end()
    later = [kib for at, kib in samples if at >= warm]
    growth = (max(later) - later[0]) / later[0]
    print(f'rounds {rounds}, resident after {warm:.0f} s {later[0] / 1024:.1f} MiB, then {min(later) / 1024:.1f} to {max(later) / 1024:.1f} MiB: '
          f'grown by {100 * growth:.2f} %')
    got, summary = findings_of(work)
    assert status == 1 and want <= got.keys(), (status, err)
    # Tables and caches fill in the first minutes.
    assert growth <= (0.02 if warm >= 600 else 0.1), growth


if __name__ == '__main__':
    sys.exit(inside_of(inside) if sys.argv[1] == '--inside' else in_namespace(__file__))
