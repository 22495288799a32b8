#!/usr/bin/env python3
"""make_names.py - makes pcaps/names/lookups.pcap: what the laboratory's servers do not speak is written here by hand.

usage: tests/lab/make_names.py [FILE]     (the result is committed)

Look-ups of the laboratory's hosts, each message octet by octet from its specification: DNS over UDP and TCP (RFC 1035),
NetBIOS names (RFC 1002), LLMNR (RFC 4795), mDNS (RFC 6762), SSRP ([MC-SQLR]).
"""
import ipaddress, os, struct, sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tests', 'golden'))
import captures

DC, CM, MP, CL, PR = '10.77.0.10', '10.77.0.11', '10.77.0.12', '10.77.0.101', '10.77.0.150'
BROADCAST, LLMNR, MDNS = '10.77.255.255', '224.0.0.252', '224.0.0.251'
A, SOA, PTR, TXT, AAAA, SRV, OPT, NB, NBSTAT = 1, 6, 12, 16, 28, 33, 41, 32, 33
FIRST_NAME = b'\xc0\x0c'
MILLISECOND = 10 ** 6

packets, now = [], 1700000000 * 10 ** 9


def wait(milliseconds):
    global now
    now += milliseconds * MILLISECOND


def add(frame):
    packets.append(captures.Packet(now, frame, len(frame)))
    wait(1)


def datagram(source, destination, payload):
    (client, sport), (server, dport) = source, destination
    add(captures.ethernet(captures.ipv4(client, server, 17, captures.udp(sport, dport, payload))))


# ---- messages ----

def name(text):
    return b''.join(bytes([len(label)]) + label.encode() for label in text.split('.') if label) + b'\0'


def netbios(text, kind):
    octets = text.encode().ljust(15) + bytes([kind]) if text != '*' else b'*' + bytes(15)
    return b' ' + bytes(v for o in octets for v in (65 + (o >> 4), 65 + (o & 15))) + b'\0'


def message(ident, flags, questions=(), answers=(), authority=(), additional=()):
    sections = (questions, answers, authority, additional)
    return struct.pack('!6H', ident, flags, *map(len, sections)) + b''.join(b''.join(s) for s in sections)


def question(owner, kind):
    return owner + struct.pack('!HH', kind, 1)


def record(owner, kind, data, class_=1, ttl=14400):
    return owner + struct.pack('!HHIH', kind, class_, ttl, len(data)) + data


def address(text):
    return ipaddress.ip_address(text).packed


def service(priority, weight, port, target):
    return struct.pack('!HHH', priority, weight, port) + name(target)


def ask(ident, owner, kind, port, answers=(), rcode=0, **sections):
    """A query with EDNS and its response, unless rcode is None."""
    client, edns = (CL, port), record(b'\0', OPT, b'', 1232, 0)
    datagram(client, (DC, 53), message(ident, 0x0100, [question(name(owner), kind)], additional=[edns]))
    if rcode is not None:
        datagram((DC, 53), client, message(ident, 0x8580 | rcode, [question(name(owner), kind)], answers, **sections))
    wait(50)


# ---- DNS ----

def dns():
    ask(0x1001, '_mssms_mp_p01._tcp.corp.example', SRV, 50001,
        [record(FIRST_NAME, SRV, service(0, 0, 443, 'mp01.corp.example'))],
        additional=[record(name('mp01.corp.example'), A, address(MP))])
    ask(0x1002, 'mp01.corp.example', A, 50002, [record(FIRST_NAME, A, address(MP))])
    start = name('dc01.corp.example') + name('hostmaster.corp.example') + struct.pack('!5I', 7, 900, 600, 86400, 3600)
    ask(0x1003, 'mp01.corp.example', AAAA, 50002, authority=[record(name('corp.example'), SOA, start)])
    ask(0x1004, 'wpad.corp.example', A, 50003, rcode=3, authority=[record(name('corp.example'), SOA, start)])
    ask(0x1005, 'sup.corp.example', A, 50004,
        [record(FIRST_NAME, 5, name('sup01.corp.example')), record(name('sup01.corp.example'), A, address('10.77.0.14'))])
    for _ in range(3):
        ask(0x1006, 'gone.corp.example', A, 50005, rcode=None)
        wait(1000)
    datagram((CL, 50006), (DC, 53), message(0x1007, 0x2800, [question(name('corp.example'), SOA)],
                                            authority=[record(name('cl01.corp.example'), A, address(CL))]))
    datagram((DC, 53), (CL, 50006), message(0x1007, 0xa805, [question(name('corp.example'), SOA)]))
    datagram((CL, 50007), (MP, 5300), message(0x1008, 0x0100, [question(name('cm01.corp.example'), A)]))
    datagram((MP, 5300), (CL, 50007), message(0x1008, 0x8180, [question(name('cm01.corp.example'), A)],
                                              [record(FIRST_NAME, A, address(CM))]))


def dns_over_tcp():
    """Two queries in one connection, the second answered first, a message cut in the middle."""
    text = record(FIRST_NAME, TXT, b'\x05hello\x05world')
    framed = lambda octets: struct.pack('!H', len(octets)) + octets
    up = framed(message(0x2001, 0x0100, [question(name('corp.example'), TXT)])) + \
        framed(message(0x2002, 0x0100, [question(name('nosuch.corp.example'), A)]))
    down = framed(message(0x2002, 0x8583, [question(name('nosuch.corp.example'), A)])) + \
        framed(message(0x2001, 0x8580, [question(name('corp.example'), TXT)], [text]))
    SYN, FIN, PSH, ACK = 2, 1, 8, 16
    seq = {CL: 1000, DC: 2000}

    def segment(source, flags, payload=b''):
        client = source == CL
        other = DC if client else CL
        ports = (50010, 53) if client else (53, 50010)
        add(captures.ethernet(captures.ipv4(source, other, 6, captures.tcp(
            *ports, seq[source], seq[other] if flags & ACK else 0, flags, payload))))
        seq[source] += len(payload) + (flags & (SYN | FIN) != 0)

    for source, flags in ((CL, SYN), (DC, SYN | ACK), (CL, ACK)):
        segment(source, flags)
    segment(CL, PSH | ACK, up)
    segment(DC, PSH | ACK, down[:30])
    segment(DC, PSH | ACK, down[30:])
    for source, flags in ((CL, FIN | ACK), (DC, FIN | ACK), (CL, ACK)):
        segment(source, flags)


# ---- the other name services ----

def nbns():
    claim = lambda host: struct.pack('!H', 0) + address(host)
    wpad, corp, me = netbios('WPAD', 0), netbios('CORP', 0x1b), netbios('CL01', 0)
    for _ in range(3):
        datagram((CL, 137), (BROADCAST, 137), message(0x3001, 0x0110, [question(wpad, NB)]))
        wait(250)
    datagram((CL, 137), (DC, 137), message(0x3002, 0x0100, [question(corp, NB)]))
    datagram((DC, 137), (CL, 137), message(0x3002, 0x8580, answers=[record(corp, NB, claim(DC))]))
    datagram((CL, 137), (DC, 137), message(0x3003, 0x2900, [question(me, NB)],
                                           additional=[record(FIRST_NAME, NB, claim(CL))]))
    datagram((DC, 137), (CL, 137), message(0x3003, 0xbc00, answers=[record(me, 10, b'\x29\x00')]))
    datagram((DC, 137), (CL, 137), message(0x3003, 0xad80, answers=[record(me, NB, claim(CL))]))
    nodes = b''.join(text.ljust(15) + bytes([kind]) + flags for text, kind, flags in (
        (b'CM01', 0x00, b'\x04\x00'), (b'CM01', 0x20, b'\x04\x00'), (b'CORP', 0x00, b'\x84\x00')))
    datagram((CL, 137), (CM, 137), message(0x3004, 0x0000, [question(netbios('*', 0), NBSTAT)]))
    datagram((CM, 137), (CL, 137), message(0x3004, 0x8400, answers=[
        record(netbios('*', 0), NBSTAT, b'\x03' + nodes + bytes(46), ttl=0)]))
    head = struct.pack('!BBH4sHHH', 0x11, 0x0a, 0x3005, address(CL), 138, 68 + 20, 0)
    datagram((CL, 138), (BROADCAST, 138), head + netbios('CL01', 0) + netbios('CORP', 0x1d) + bytes(20))


def multicast():
    asked = [question(name('printer'), A)]
    for _ in range(2):
        datagram((CL, 50020), (LLMNR, 5355), message(0x4001, 0, asked))
        wait(100)
    datagram((PR, 5355), (CL, 50020), message(0x4001, 0x8000, asked, [record(FIRST_NAME, A, address(PR), ttl=30)]))
    datagram((CL, 5353), (MDNS, 5353), message(0, 0, [question(name('_ipp._tcp.local'), PTR), question(name('pr1.local'), A)]))
    datagram((PR, 5353), (MDNS, 5353), message(0, 0x8400, answers=[
        record(name('_ipp._tcp.local'), PTR, name('Printer 1._ipp._tcp.local')),
        record(name('Printer 1._ipp._tcp.local'), SRV, service(0, 0, 631, 'pr1.local'), 0x8001),
        record(name('pr1.local'), A, address(PR), 0x8001)]))


def ssrp():
    listed = lambda text: b'\x05' + struct.pack('<H', len(text)) + text
    instance = b'ServerName;CM01;InstanceName;INST1;IsClustered;No;Version;15.0.2000.5;tcp;50123;;'
    default = b'ServerName;CM01;InstanceName;MSSQLSERVER;IsClustered;No;Version;15.0.2000.5;np;\\\\CM01\\pipe\\sql\\query;tcp;1433;;'
    for port, request, response in ((50030, b'\x03', listed(instance + default)), (50031, b'\x04INST1\0', listed(instance)),
                                    (50032, b'\x0f\x01INST1\0', b'\x05\x06\x00\x01' + struct.pack('<H', 50124)),
                                    (50033, b'\x04NOSUCH\0', None)):
        datagram((MP, port), (CM, 1434), request)
        if response is not None:
            datagram((CM, 1434), (MP, port), response)


for part in (dns, dns_over_tcp, nbns, multicast, ssrp):
    part()
    wait(100)
captures.write(sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, 'pcaps', 'names', 'lookups.pcap'),
               captures.pcap(packets))
