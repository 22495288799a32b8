#!/usr/bin/env python3
"""seeds.py - makes the seeds tests/fuzz/corpus/*/made-* from captures: conversations, small captures, flow scripts.

usage: tests/fuzz/seeds.py [CAPTURE...]     (the result is committed)

Without arguments from pcaps/. What those lack comes from a capture of the benchmark's generator:
build-gcc/tests/bench/generate --seed 1 --bytes 1000000 --flows 300 generated.pcap
"""
import os, struct, sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, 'tests', 'golden'))
import captures

PROTOCOL = {445: 'smb', 139: 'smb', 443: 'tls', 8531: 'tls', 80: 'http', 8530: 'http', 8080: 'http',
            389: 'ldap', 3268: 'ldap', 88: 'kerberos', 135: 'dcerpc', 1433: 'tds'}
CASES = ['demo/breaches', 'ntlm/r041-ntlmv1', 'smb/r049-guest', 'smb/r060-smb1', 'smb/r062-encrypted', 'http/proxy-connect',
         'http/r050-negotiate', 'tls/r090-tls10', 'tls/r090-tls10-refused', 'tls/r092-sha1', 'tls/tls13-client-certificate',
         'smb/reauthentication', 'smb/netbios-139', 'sql/sql-text', 'sql/mars']
CONVERSATION, OCTETS_MOST, PIECE_MOST, CASE_MOST = 0x80, 12000, 0x7fff, 3


def save(target, name, octets):
    folder = os.path.join(HERE, 'corpus', target)
    os.makedirs(folder, exist_ok=True)
    captures.write(os.path.join(folder, 'made-' + name), octets)


def conversations(path, name):
    packets, _ = captures.read_pcap(path)
    flows = {}
    for ends, from_server, payload in captures.tcp_payloads(packets):
        if ends[1][1] in PROTOCOL and len(flows.setdefault(ends, b'')) < OCTETS_MOST:
            payload = payload[:PIECE_MOST]
            flows[ends] += struct.pack('!H', len(payload) | (0x8000 if from_server else 0)) + payload
    kept = {}
    for ends, octets in flows.items():
        target = PROTOCOL[ends[1][1]]
        kept[target] = kept.get(target, 0) + 1
        if kept[target] <= CASE_MOST:
            save(target, '%s-%d' % (name, kept[target]), bytes([CONVERSATION]) + octets)


def small_captures():
    packets, link = captures.read_pcap(os.path.join(TOP, 'pcaps', 'tls', 'r090-tls10.pcap'))
    some = packets[:6]
    save('pcap', 'little', captures.pcap(some, link))
    save('pcap', 'big-nano', captures.pcap(some, link, '>', True))
    save('pcap', 'pcapng', captures.pcapng(some, link, '<', 2))
    save('pcap', 'pcapng-big', captures.pcapng(some, link, '>', 1))
    save('pcap', 'gzip', captures.compress(captures.pcap(some, link)))
    save('pcap', 'zstd', captures.zstd(captures.pcap(some, link)))
    save('pcap', 'cut', captures.pcap(some, link)[:-7])
    data = captures.udp(40000, 53, bytes(3000))
    parts = [captures.ethernet(captures.ipv4('192.0.2.1', '192.0.2.2', 17, data[at:at + 1480], 7, at, at + 1480 < len(data)))
             for at in range(0, len(data), 1480)]
    save('pcap', 'fragments', captures.pcap(captures.packets_of(parts)))


def flow_scripts():
    """Steps as fuzz_flow.c reads them: who, flags, sequence, acknowledgement, length, options, pause, mood."""
    SYN, FIN, RST, ACK = 2, 1, 4, 16
    hands = [(0, SYN), (1, SYN | ACK), (0, ACK)]
    talk = [(0, ACK, 0, 100), (1, ACK, 0, 200), (1, ACK, 2, 50), (1, ACK, 0, 60), (0, ACK, 17, 30)]
    bye = [(0, ACK | FIN), (1, ACK | FIN), (0, ACK)]
    steps = lambda rows, who=0, pause=0: b''.join(
        bytes([r[0] | who, r[1], r[2] if len(r) > 2 else 0, 128, r[3] if len(r) > 3 else 0, 0, pause, 1]) for r in rows)
    save('flow', 'whole', b'\0' + steps(hands + talk + bye))
    save('flow', 'reset', b'\0' + steps(hands + talk + [(1, RST)]))
    save('flow', 'midstream', b'\0' + steps(talk + bye) + steps(hands, 0, 6))
    save('flow', 'two-and-silence', b'\3' + steps(hands) + steps(hands, 2) + steps(talk, 2, 4) + steps(talk, 0, 5) + steps(bye, 0, 7))
    save('flow', 'datagrams', b'\0' + steps([(0xc0, 0, 0, 90), (0xc1, 0, 0, 80), (0xe0, 3, 0, 8)]))


for path in sys.argv[1:]:
    conversations(path, captures.base(path))
if len(sys.argv) == 1:
    for case in CASES:
        conversations(os.path.join(TOP, 'pcaps', case + '.pcap'), case.replace('/', '-'))
    small_captures()
    flow_scripts()
