#!/usr/bin/env python3
"""span.py ROLECALL PCAPS - what a mirror port shows that no capture file shows: tags that the kernel keeps beside the
packet, segments that a network card has yet to cut or has joined, several interfaces that see the same, one that goes
down for a while. In a network namespace, as live.py. Exit status 77: this machine does not allow it.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import time

from live import Capture, findings, frames, in_namespace, inside_of, listening, pair, sh, wait_for

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'golden'))
import captures

PACKET_VNET_HDR, SOL_PACKET = 15, 263
SYN, ACK, PSH = 2, 16, 8
# struct virtio_net_hdr: a segment of TCP over IPv4 whose checksum is to be made, to be cut at 1448 octets
TO_CUT = struct.pack('<BBHHHH', 1, 1, 54, 1448, 34, 16)


def tagged(octets, *tags):
    return octets[:12] + b''.join(struct.pack('!HH', *tag) for tag in tags) + octets[12:]


def send(interface, packets, header=None, pace=0.0004):
    """With `header`, each is sent as a network card's driver gets it: not cut, not summed."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        if header is not None:
            s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        s.bind((interface, 0))
        for octets in packets:
            big = header is not None and len(octets) > 1514
            s.send(octets if header is None else (header if big else bytes(10)) + octets)
            time.sleep(pace)


def run(rolecall, words, names, play, count=None):
    """Records of what `play` sends while the interfaces are read."""
    live = Capture(rolecall, [*words, '-i', ','.join(names)], names)
    play()
    if count is not None:
        time.sleep(0.3)
    status, lines, err = live.end()
    records = [json.loads(line) for line in lines]
    assert records and records[-1]['type'] == 'summary', (status, err)
    return records


def flows(records):
    return [r for r in records if r['type'] == 'flow']


class Web:
    """A request and an answer in one segment each, however large."""

    def __init__(self, body):
        self.frames, self.next = [], [1000, 5000]
        answer = b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(body) + body
        for end, flags, payload in ((0, SYN, b''), (1, SYN | ACK, b''), (0, ACK, b''),
                                    (0, ACK | PSH, b'GET /big HTTP/1.1\r\nHost: web\r\n\r\n'), (1, ACK | PSH, answer), (0, ACK, b'')):
            ends = ('10.77.0.11', '10.77.0.14') if end == 0 else ('10.77.0.14', '10.77.0.11')
            ports = (40000, 80) if end == 0 else (80, 40000)
            octets = captures.tcp(*ports, self.next[end], self.next[1 - end] if flags & ACK else 0, flags, payload)
            total = min(len(octets) + 20, 65535)
            packet = captures.ipv4(*ends, 6, b'', len(self.frames) + 1)
            # The length of the whole, and 0 where it does not fit: what the kernel writes of joined segments above 64 KiB.
            total = 0 if len(octets) + 20 > 65535 else total
            head = packet[:2] + struct.pack('!H', total) + packet[4:10] + b'\0\0' + packet[12:20]
            head = head[:10] + struct.pack('!H', captures.checksum(head)) + head[12:]
            self.frames.append(captures.ethernet(head + octets))
            self.next[end] += len(payload) + (flags & SYN != 0)


def large_segments(rolecall, pcaps):
    """A frame of forty times the MTU whose checksum nobody has made yet is one segment, whole."""
    for body, interface, offload in ((b'x' * 60000, 'in1', TO_CUT), (b'x' * 60000, 'in0', None)):
        web, tap = Web(body), interface.replace('in', 'tap')
        records = run(rolecall, ['events', '--type', 'flow,http'], [tap], lambda: send(interface, web.frames, offload))
        flow, = flows(records)
        assert flow['state'] == 'established' and flow['bytes']['server'] > len(body), flow
        summary = records[-1]
        assert summary['input']['packets'] == len(web.frames), (summary, 'cut on its way: the test is of no use')
        assert summary['partial']['gaps'] == 0 and sum(summary['malformed'].values()) == 0, summary
        assert any(r['type'] == 'http' and r.get('status') == 200 for r in records), records
    no_length(rolecall)


def no_length(rolecall):
    """IPv4 above 64 KiB says that its length is 0."""
    web = Web(b'x' * 30000)
    answer = bytearray(web.frames[4])
    answer[16:18] = b'\0\0'
    web.frames[4] = bytes(answer)
    records = run(rolecall, ['events', '--type', 'flow'], ['tap0'], lambda: send('in0', web.frames))
    flow, = flows(records)
    assert flow['bytes']['server'] > 30000 and records[-1]['partial']['gaps'] == 0, flow


def tags(rolecall, pcaps):
    """The kernel takes the outer tag off before it hands a packet over, and says it beside it."""
    capture = [octets for _, octets in frames(f'{pcaps}/demo/breaches.pcap')]
    one, two = ((0x8100, 42),), ((0x88a8, 7), (0x8100, 42))
    # Of what this machine itself sends with two tags, Linux 6.18 tells `any` only the outer one.
    for name, outer in (('tap0', one), ('tap0', two), ('any', one)):
        got = flows(run(rolecall, ['events', '--type', 'flow'], [name], lambda: send('in0', [tagged(o, *outer) for o in capture])))
        assert got and all(f['client'].get('vlan') == f['server'].get('vlan') == 42 for f in got), (name, outer, got[0])
        assert all(f['tunnel'] == [f'vlan:{tag}' for _, tag in outer] for f in got), got[0]


def fine_stamps(rolecall, pcaps):
    packets = [octets for _, octets in frames(f'{pcaps}/demo/breaches.pcap')][:40]
    live = Capture(rolecall, ['events', '--type', 'flow', '-i', 'tap0'])
    mode = subprocess.run(['ip', '-d', 'link', 'show', 'tap0'], stdout=subprocess.PIPE, text=True, check=True).stdout
    send('in0', packets)
    _, lines, _ = live.end()
    assert 'promiscuity 1' in mode or 'allmulti' in mode, mode
    times = [json.loads(line)['ts'] for line in lines if '"flow"' in line]
    assert times and all(len(t.split('.')[1].rstrip('Z')) == 9 for t in times), times
    assert any(not t.rstrip('Z').endswith('000') for t in times), times


def judged(rolecall, pcaps, names, play):
    words = ['audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '--format', 'jsonl']
    return run(rolecall, words, names, play)


def of_file(rolecall, pcaps):
    words = [rolecall, 'audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '--format', 'jsonl', '-r', f'{pcaps}/demo/breaches.pcap']
    return findings(subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False).stdout.splitlines())


def told(records):
    return findings(json.dumps(r) for r in records)


def several(rolecall, pcaps):
    """Two ports that share the traffic; two that both see all of it; all interfaces at once."""
    capture, want = [octets for _, octets in frames(f'{pcaps}/demo/breaches.pcap')], of_file(rolecall, pcaps)

    def shared():
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as a, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as b:
            a.bind(('in0', 0))
            b.bind(('in2', 0))
            for i, octets in enumerate(capture):
                (a, b)[i % 2].send(octets)
                time.sleep(0.0004)

    def twice():
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as a, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as b:
            a.bind(('in0', 0))
            b.bind(('in2', 0))
            for octets in capture:
                a.send(octets)
                b.send(octets)
                time.sleep(0.0004)

    records = judged(rolecall, pcaps, ['tap0', 'tap2'], shared)
    assert told(records) == want and records[-1]['input']['packets'] == len(capture), records[-1]
    for names, play in ((['tap0', 'tap2'], twice), (['any'], lambda: send('in0', capture))):
        records = judged(rolecall, pcaps, names, play)
        assert told(records) == want, (names, told(records), want)
        summary = records[-1]
        assert summary['input']['packets'] == 2 * len(capture), summary['input']
        assert summary['duplicates'] >= len(capture) * 9 // 10, summary['duplicates']


def goes_down(rolecall, pcaps):
    """Down and up again: the loss is counted, and the rest is read."""
    capture = [octets for _, octets in frames(f'{pcaps}/demo/breaches.pcap')]

    def play():
        sh('ip', 'link', 'set', 'tap0', 'down')
        time.sleep(0.5)
        sh('ip', 'link', 'set', 'tap0', 'up')
        time.sleep(1.5)
        wait_for(lambda: listening('tap0') > 0)
        send('in0', capture)

    records = judged(rolecall, pcaps, ['tap0'], play)
    assert told(records) == of_file(rolecall, pcaps)
    assert records[-1]['dropped']['interfaces'] == 1, records[-1]['dropped']


def inside(rolecall, pcaps):
    pair('in0', 'tap0', 65535)
    pair('in1', 'tap1', 1500)
    pair('in2', 'tap2', 65535)
    for part in (large_segments, tags, fine_stamps, several, goes_down):
        part(rolecall, pcaps)


if __name__ == '__main__':
    sys.exit(inside_of(inside) if sys.argv[1] == '--inside' else in_namespace(__file__))
