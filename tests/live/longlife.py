#!/usr/bin/env python3
"""longlife.py ROLECALL PCAPS SHIM - what weeks bring: the clock is put an hour forward and two back while connections are
open, logs are rotated. In a network namespace, as live.py. Exit status 77: not allowed here.
"""
import json
import os
import shutil
import signal
import struct
import sys
import time

from live import Capture, Folder, announced, in_namespace, inside_of, pair, reports, send, wait_for
from span import Web, send as send_frames


class Clock:
    """That of programs with the shim."""

    def __init__(self, work, shim):
        self.path = f'{work}/clock'
        self.put(0)
        os.environ['CLOCK_SHIM'], os.environ['LD_PRELOAD'] = self.path, shim

    def put(self, seconds):
        with open(self.path, 'r+b' if os.path.exists(self.path) else 'wb') as f:
            f.write(struct.pack('l', seconds))

    @staticmethod
    def end():
        del os.environ['LD_PRELOAD'], os.environ['CLOCK_SHIM']


def clock_leaps(rolecall, shim, workers, leaps):
    """A connection that lives through them is one, closed as late as ever."""
    with Folder() as work:
        clock = Clock(work, shim)
        live = Capture(rolecall, ['events', '--type', 'flow,http', '-i', 'tap0', '--workers', str(workers)])
        clock.end()
        web = Web(b'x' * 1000).frames
        for i, seconds in enumerate(leaps):
            time.sleep(0.6)
            send_frames('in0', web[2 * i:2 * i + 2])
            time.sleep(0.6)
            clock.put(seconds)
        time.sleep(0.5)
        _, lines, err = live.end()
        records = [json.loads(line) for line in lines]
        flow, = [r for r in records if r['type'] == 'flow']
        assert flow['packets'] == {'client': 4, 'server': 2} and flow['state'] == 'established', (flow, err)
        assert flow['rtt_us'] < 3_000_000, flow
        steps = records[-1]['input']
        assert steps['clock_steps'] == len(leaps), steps
        last = leaps[-1] - leaps[-2]
        assert abs(steps['clock_forward_s' if last > 0 else 'clock_back_s'] - abs(last)) <= 1, steps


def expires_still(rolecall, shim):
    """After the clock went back, what is silent too long ends all the same: nothing waits for the hour to come again."""
    with Folder() as work:
        clock = Clock(work, shim)
        live = Capture(rolecall, ['events', '--type', 'http', '-i', 'tap0', '-o', f'{work}/out'])
        clock.end()
        web = Web(b'x' * 1000).frames
        send_frames('in0', web[:3])
        time.sleep(0.5)
        clock.put(-7200)
        time.sleep(0.5)
        send_frames('in0', web[3:])
        wait_for(lambda: '"http"' in open(f'{work}/out').read(), 5)
        status, _, err = live.end()
        assert status == 0, err


def rotated(rolecall, pcaps):
    """findings.jsonl is moved away, as logrotate does: from SIGHUP on there is a new one, and the audit goes on."""
    with Folder() as work:
        for name in ('policy.yaml', 'corp-root.pem'):
            shutil.copy(f'{pcaps}/demo/{name}', work)
        live = Capture(rolecall, ['audit', '-q', '-p', f'{work}/policy.yaml', '-i', 'tap0', '--report', f'{work}/report', '--formats', 'jsonl'])
        send('in0', f'{pcaps}/demo/breaches.pcap')
        first = wait_for(lambda: announced(f'{work}/report'))
        os.rename(f'{work}/report/findings.jsonl', f'{work}/report/findings.jsonl.1')
        live.process.send_signal(signal.SIGHUP)
        time.sleep(0.6)
        send('in0', f'{pcaps}/ntlm/r041-ntlmv1.pcap')
        fresh = wait_for(lambda: announced(f'{work}/report'))
        live.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: len(reports(f'{work}/report')) == 1)
        _, _, err = live.end()
        ids = {json.loads(line)['id'] for line in fresh}
        assert ids and len(reports(f'{work}/report')) == 1, (ids, err)
        with open(f'{work}/report/records.jsonl') as f:
            kept = {r['id'] for r in map(json.loads, f) if r['type'] == 'finding'}
        assert {json.loads(line)['id'] for line in first} <= kept, 'the audit began anew'


def inside(rolecall, pcaps, shim):
    pair('in0', 'tap0', 65535)
    for workers in (1, 2):
        clock_leaps(rolecall, shim, workers, (3600, -3600, -3000))
    expires_still(rolecall, shim)
    rotated(rolecall, pcaps)


if __name__ == '__main__':
    sys.exit(inside_of(inside) if sys.argv[1] == '--inside' else in_namespace(__file__))
