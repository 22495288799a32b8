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
NAMES = {53: 'dns', 137: 'nbns', 5355: 'llmnr', 5353: 'mdns', 1434: 'ssrp'}
FRAMED = ('dns', 'llmnr')  # the fuzz targets play these over TCP: a length before each message
CASES = ['demo/breaches', 'ntlm/r041-ntlmv1', 'smb/r049-guest', 'smb/r060-smb1', 'smb/r062-encrypted', 'http/proxy-connect',
         'http/r050-negotiate', 'http/r010-ccm-post', 'http/h2c-upgrade', 'http/h2c-prior-knowledge',
         'http/websocket-tunnel', 'tls/r090-tls10', 'tls/r090-tls10-refused', 'tls/r092-sha1', 'tls/tls13-client-certificate',
         'smb/reauthentication', 'smb/netbios-139', 'sql/sql-text', 'sql/mars']
TARGET = {'http-h2c-prior-knowledge': 'http2'}  # where the port does not tell
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
        target = TARGET.get(name, PROTOCOL[ends[1][1]])
        kept[target] = kept.get(target, 0) + 1
        if kept[target] <= CASE_MOST:
            save(target, '%s-%d' % (name, kept[target]), bytes([CONVERSATION]) + octets)


def datagrams(path, name):
    """All datagrams of one name service, as one conversation."""
    packets, _ = captures.read_pcap(path)
    found = {}
    for source, destination, payload in captures.udp_payloads(packets):
        target = NAMES.get(destination) or NAMES.get(source)
        if target is None:
            continue
        payload = struct.pack('!H', len(payload)) + payload if target in FRAMED else payload
        dir = 0 if destination in NAMES else 0x8000
        found[target] = found.get(target, b'') + struct.pack('!H', len(payload) | dir) + payload
    for target, octets in found.items():
        save(target, name, bytes([CONVERSATION]) + octets)


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


def openings():
    """Protocols that no capture here holds: conversations as their specifications show them, (from the server, octets)."""
    h = bytes.fromhex
    dhcp = lambda op, options: bytes([op, 1, 6, 0]) + h('112233440000800000000000c0a80a63c0a80a0a000000000050569a0b0c') + \
        bytes(202) + h('63825363') + options + b'\xff'
    client = h('0300005a02f0807f6552040101040101') + b'Duca' + h('804401c04400040008000004000301ca03aa09040000280a0000') + \
        'CL01'.encode('utf-16-le') + bytes(36)
    server = h('0300002f02f0807f66270a0100020100') + b'McDn' + h('18010c0c000400080000000000020c0c000200000002000000')
    framed = lambda octets: octets[:3] + bytes([len(octets)]) + octets[4:]
    save_talk('rdp', 'credssp', [(0, h('030000130ee000000000000100080003000000')), (1, h('030000130ed000001234000200080002000000')),
                                 (0, h('160301002d010000290303') + bytes(32) + h('000002c02f0100'))])
    save_talk('rdp', 'standard', [(0, h('0300000b06e00000000000')), (1, h('0300000b06d00000123400')), (0, framed(client)), (1, framed(server))])
    save_talk('ssh', 'versions', [(1, b'SSH-2.0-OpenSSH_9.3p1 Debian-1\r\n'), (0, b'SSH-2.0-PuTTY_Release_0.78\r\n')])
    save_talk('proxy_protocol', 'line', [(0, b'PROXY TCP4 10.77.0.21 10.77.0.12 50000 443\r\nGET / HTTP/1.1\r\n\r\n')])
    save_talk('proxy_protocol', 'header', [(0, h('0d0a0d0a000d0a515549540a2111000c0a4d00150a4d000cc35001bb') + b'SSH-2.0-a\r\n')])
    save_talk('dhcp', 'pxe', [(0, dhcp(1, h('3501013c09') + b'PXEClient' + h('5d020007611100') + bytes(16))),
                              (1, dhcp(2, h('3401033501053604c0a80a0af303020101')))])
    save_talk('tftp', 'request', [(0, b'\0\1boot.efi\0octet\0tsize\x000\0'), (1, b'\0\5\0\1File not found\0')])
    save_talk('snmp', 'v2c', [(0, h('301a02010104067075626c6963a00d02010102010002010030023000'))])
    save_talk('snmp', 'v3', [(0, h('301a020103300d020101020205c00401040201030402300030020400'))])
    save_talk('quic', 'versions', [(1, h('80000000000008001122334455667700000001')), (0, h('c30000000108001122334455667700004496') + bytes(20))])


def save_talk(target, name, steps):
    save(target, name, bytes([CONVERSATION]) + b''.join(struct.pack('!H', len(o) | (0x8000 if s else 0)) + o for s, o in steps))


for path in sys.argv[1:]:
    conversations(path, captures.base(path))
if len(sys.argv) == 1:
    for case in CASES:
        conversations(os.path.join(TOP, 'pcaps', case + '.pcap'), case.replace('/', '-'))
    datagrams(os.path.join(TOP, 'pcaps', 'names', 'lookups.pcap'), 'names-lookups')
    small_captures()
    flow_scripts()
    openings()
