"""captures.py - reads and writes capture files, and builds frames, for the script tests.

Only what these tests need: classic pcap in, every form that rolecall must read out.
"""
import collections, gzip, ipaddress, os, struct, subprocess

Packet = collections.namedtuple('Packet', 'ns data wire_len')
ETHERNET = 1


def read_pcap(path):
    """The packets and the link type of a classic pcap file, of either byte order and resolution."""
    with open(path, 'rb') as f:
        octets = f.read()
    for order in '<>':
        magic, = struct.unpack_from(order + 'I', octets)
        if magic in (0xa1b2c3d4, 0xa1b23c4d):
            break
    else:
        raise ValueError('%s: not a pcap file' % path)
    unit = 1 if magic == 0xa1b23c4d else 1000
    link, = struct.unpack_from(order + 'I', octets, 20)
    packets, at = [], 24
    while at + 16 <= len(octets):
        seconds, fraction, length, wire_len = struct.unpack_from(order + 'IIII', octets, at)
        packets.append(Packet(seconds * 10 ** 9 + fraction * unit, octets[at + 16:at + 16 + length], wire_len))
        at += 16 + length
    return packets, link & 0x0fffffff


def pcap(packets, link=ETHERNET, order='<', nano=False):
    out = [struct.pack(order + 'IHHiIII', 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, 262144, link)]
    for p in packets:
        fraction = p.ns % 10 ** 9 // (1 if nano else 1000)
        out.append(struct.pack(order + 'IIII', p.ns // 10 ** 9, fraction, len(p.data), p.wire_len) + p.data)
    return b''.join(out)


def _block(order, kind, body):
    body += b'\0' * (-len(body) % 4)
    return struct.pack(order + 'II', kind, len(body) + 12) + body + struct.pack(order + 'I', len(body) + 12)


def pcapng(packets, link=ETHERNET, order='<', interfaces=1):
    """Packets take turns on `interfaces` interfaces: the first in microseconds, the others in nanoseconds."""
    out = [_block(order, 0x0a0d0d0a, struct.pack(order + 'IHHq', 0x1a2b3c4d, 1, 0, -1))]
    for i in range(interfaces):
        option = struct.pack(order + 'HHBxxx', 9, 1, 6 if i == 0 else 9) + struct.pack(order + 'HH', 0, 0)
        out.append(_block(order, 1, struct.pack(order + 'HHI', link, 0, 262144) + option))
    for number, p in enumerate(packets):
        interface = number % interfaces
        ticks = p.ns // (1000 if interface == 0 else 1)
        out.append(_block(order, 6, struct.pack(order + 'IIIII', interface, ticks >> 32, ticks & 0xffffffff,
                                                len(p.data), p.wire_len) + p.data))
    return b''.join(out)


def zstd(octets):
    return subprocess.run(['zstd', '-q', '-c'], input=octets, stdout=subprocess.PIPE, check=True).stdout


def write(path, octets):
    with open(path, 'wb') as f:
        f.write(octets)
    return path


def compress(octets):
    return gzip.compress(octets, 1, mtime=0)


# ---- frames ----

def checksum(octets):
    total = sum(struct.unpack('!%dH' % (len(octets) // 2), octets[:len(octets) // 2 * 2]))
    total += octets[-1] << 8 if len(octets) % 2 else 0
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ethernet(payload, kind=0x0800):
    return bytes.fromhex('020000000002' '020000000001') + struct.pack('!H', kind) + payload


def ipv4(source, destination, protocol, payload, ident=1, offset=0, more=False):
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), ident, (0x2000 if more else 0) | offset // 8, 64,
                       protocol, 0, ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed)
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + payload


def udp(source_port, destination_port, payload):
    return struct.pack('!HHHH', source_port, destination_port, 8 + len(payload), 0) + payload


def tcp(source_port, destination_port, seq, ack, flags, payload=b''):
    return struct.pack('!HHIIBBHHH', source_port, destination_port, seq, ack, 0x50, flags, 65535, 0, 0) + payload


def packets_of(frames, start=1700000000 * 10 ** 9, step=1000000):
    return [Packet(start + i * step, f, len(f)) for i, f in enumerate(frames)]


def tcp_payloads(packets):
    """(flow key, from the lower port's end, octets) of each new TCP segment over IPv4 on Ethernet, in file order."""
    seen = set()
    for p in packets:
        d = p.data
        if len(d) < 54 or d[12:14] != b'\x08\x00' or d[23] != 6:
            continue
        ihl, total = (d[14] & 15) * 4, struct.unpack_from('!H', d, 16)[0]
        at = 14 + ihl
        sport, dport, seq = struct.unpack_from('!HHI', d, at)
        payload = d[at + (d[at + 12] >> 4) * 4:14 + total]
        ends = ((d[26:30], sport), (d[30:34], dport))
        if payload and (ends, seq) not in seen:
            seen.add((ends, seq))
            from_server = sport < dport
            yield (ends[::-1] if from_server else ends), from_server, payload


def udp_payloads(packets):
    """(source port, destination port, octets) of each UDP datagram over IPv4 on Ethernet, in file order."""
    for p in packets:
        d = p.data
        if len(d) < 42 or d[12:14] != b'\x08\x00' or d[23] != 17:
            continue
        at = 14 + (d[14] & 15) * 4
        sport, dport, length = struct.unpack_from('!HHH', d, at)
        yield sport, dport, d[at + 8:at + length]


def base(path):
    return os.path.splitext(os.path.basename(path))[0]
