#!/usr/bin/env python3
"""losses.py ROLECALL PCAPS - what a live capture loses is counted, with its time, and told with what it touches: the
program is held until the kernel's ring is full. In a network namespace, as live.py. Exit status 77: not allowed here.
"""
import json
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'golden'))
import captures
from live import Capture, Folder, frames, in_namespace, inside_of, pair, send, wait_for

MIB = 1 << 20


def flood(interface, octets):
    """Datagrams of 8 KiB to nobody, until so much was sent. How many."""
    frame = bytes.fromhex('02000000000202000000000108004500') + (8192).to_bytes(2, 'big') + bytes.fromhex('0000000040110000c0000201c0000202')
    frame += bytes.fromhex('c35000351fec0000') + bytes(8192 - 28)
    count = octets // len(frame)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 0))
        for _ in range(count):
            s.send(frame)
    return count


def drops_are_told(rolecall, pcaps):
    with Folder() as work:
        folder = f'{work}/report'
        live = Capture(rolecall, ['audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '-i', 'tap0', '--buffer', '16M', '--every', '10s',
                                  '--report', folder, '--formats', 'jsonl,text'])
        wait_for(lambda: time.time() % 10 < 4)  # all of it in one interval
        send('in0', f'{pcaps}/demo/breaches.pcap')
        time.sleep(0.5)
        os.kill(live.auditor(), signal.SIGSTOP)
        sent = flood('in0', 48 * MIB)
        os.kill(live.auditor(), signal.SIGCONT)
        time.sleep(1)
        _, out, err = live.end()
        with open(f'{folder}/records.jsonl') as f:
            records = [json.loads(line) for line in f]
        summary = next(r for r in records if r['type'] == 'summary')
        dropped = summary['dropped']['capture']
        assert 0 < dropped < sent, (dropped, sent)
        assert summary['input']['packets'] + dropped == sent + len(frames(f'{pcaps}/demo/breaches.pcap')), summary
        assert sum(i.get('ring', 0) for i in summary['losses']) == dropped, summary['losses']
        for i in summary['losses']:
            assert int(i['to'][17:19]) % 10 == 0 and i['from'] < i['to'], i
        verdicts = [r for r in records if r['type'] == 'verdict']
        kept = [v for v in verdicts if v['status'] == 'consistent' and v['code'] not in ('R120', 'R121', 'R122', 'R123')]
        assert kept and sum(v.get('partial', False) for v in kept) == summary['verdicts_partial'] > len(kept) // 2
        gap = next(v for v in verdicts if v['code'] == 'R120' and v['subject'] == 'hierarchy')
        assert f'{dropped} packets were dropped' in gap['because'] and 'interval' in gap['because'], gap
        joined = [r for r in records if r['type'] == 'finding' and r['confidence'] == 'derived']
        assert joined and all('Packets were lost at that time' in f['explanation'] for f in joined), joined
        text = ' '.join(' '.join(out).split())
        assert 'Lost within' in text and f"{dropped:,} packets dropped, the kernel's ring was full" in text, text


def tcp(client, server, ports, sequence, flags, payload=b''):
    octets = captures.tcp(*ports, sequence & 0xffffffff, 1, flags, payload)
    return captures.ethernet(captures.ipv4(client, server, 6, octets, sequence & 0xffff))


def too_much_is_shed(rolecall, pcaps):
    """The program is held while a backlog of four fifths of the ring comes up: a transfer, and openings among it."""
    live = Capture(rolecall, ['audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '-i', 'tap0', '--buffer', '16M', '--format', 'jsonl', '--events'])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(('in0', 0))
        sequence = 1
        for i in range(1600):  # 2 MiB at a rate that is no load: the transfer is long
            s.send(tcp('10.77.0.11', '10.77.0.13', (40000, 9000), sequence, 16, bytes(1400)))
            sequence += 1400
            time.sleep(0.001 if i % 10 == 0 else 0)
        time.sleep(0.5)
        os.kill(live.auditor(), signal.SIGSTOP)
        for i in range(9000):
            s.send(tcp('10.77.0.11', '10.77.0.13', (40000, 9000), sequence, 16, bytes(1400)))
            sequence += 1400
            if i % 100 == 99:
                s.send(tcp('203.0.113.5', '203.0.113.6', (20000 + i, 8443), 1, 2))
                s.send(tcp('203.0.113.5', '10.77.0.12', (20000 + i, 8443), 1, 2))
        os.kill(live.auditor(), signal.SIGCONT)
    time.sleep(1.5)
    _, lines, err = live.end()
    records = [json.loads(line) for line in lines]
    dropped = records[-1]['dropped'] if records[-1]['type'] == 'summary' else next(r for r in records if r['type'] == 'summary')['dropped']
    assert dropped['capture'] == 0, dropped
    assert dropped['content'] > 1000 and dropped['content_octets'] == 1400 * dropped['content'], dropped
    assert 0 < dropped['newcomer_flows'] == dropped['newcomers'] < 90, dropped
    flows = [r for r in records if r['type'] == 'flow']
    assert sum(f['server']['ip'] == '10.77.0.12' for f in flows) == 90, (len(flows), err)
    assert sum(f['server']['ip'] == '203.0.113.6' for f in flows) == 90 - dropped['newcomer_flows'], len(flows)
    transfer = next(f for f in flows if f['server']['port'] == 9000 or f['client']['port'] == 9000)
    assert sum(transfer['packets'].values()) == 10600, transfer


def inside(rolecall, pcaps):
    pair('in0', 'tap0', 65535)
    drops_are_told(rolecall, pcaps)
    too_much_is_shed(rolecall, pcaps)


if __name__ == '__main__':
    sys.exit(inside_of(inside) if sys.argv[1] == '--inside' else in_namespace(__file__))
