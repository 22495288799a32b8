#!/usr/bin/env python3
"""made.py - the captures under pcaps/ that no server of the laboratory can give: SQL Server is not to be had there,
NetBIOS sessions and reauthentication are not what Samba does by itself. Built message by message, by the specifications.

usage: tests/lab/made.py [FOLDER]      (default: pcaps/; the result is committed)
"""
import os, struct, sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, 'tests', 'golden'))
import captures

CLIENT, SQL, SHARES = '10.77.0.11', '10.77.0.14', '10.77.0.13'
SYN, ACK, PSH, FIN = 2, 16, 8, 1
UP, DOWN = 0, 1


def utf16(text):
    return text.encode('utf-16-le')


# ---- TCP ----

class Talk:
    """One connection, each message in a segment of its own."""

    def __init__(self, server, port, client=CLIENT):
        self.ends, self.ports, self.next, self.frames = (client, server), (49732, port), [1000, 5000], []
        for end, flags in ((UP, SYN), (DOWN, SYN | ACK), (UP, ACK)):
            self.segment(end, flags)
            self.next[end] += flags & SYN != 0

    def segment(self, end, flags, payload=b''):
        ends, ports = (self.ends, self.ports) if end == UP else (self.ends[::-1], self.ports[::-1])
        ack = self.next[1 - end] if flags & ACK else 0
        octets = captures.tcp(*ports, self.next[end], ack, flags, payload)
        pseudo = captures.ipv4(*ends, 6, octets)[12:20] + struct.pack('!HH', 6, len(octets))
        octets = octets[:16] + struct.pack('!H', captures.checksum(pseudo + octets)) + octets[18:]
        self.frames.append(captures.ethernet(captures.ipv4(*ends, 6, octets, len(self.frames) + 1)))
        self.next[end] = (self.next[end] + len(payload)) & 0xffffffff

    def say(self, end, payload):
        self.segment(end, ACK | PSH, payload)

    def close(self):
        for end in (UP, DOWN):
            self.segment(end, FIN | ACK)
            self.next[end] += 1
        self.segment(UP, ACK)
        return self.frames

    def save(self, folder, name):
        save(self.close(), folder, name)


def save(frames, folder, name):
    path = os.path.join(folder, name + '.pcap')
    os.makedirs(os.path.dirname(path), exist_ok=True)
    captures.write(path, captures.pcap(captures.packets_of(frames)))


# ---- TDS: [MS-TDS] 2.2 ----

BATCH, RPC, REPLY, ATTENTION, LOGIN7, PRELOGIN = 1, 3, 4, 6, 0x10, 0x12


def packet(kind, content):
    return struct.pack('!BBHHBB', kind, 1, 8 + len(content), 0, 1, 0) + content


def prelogin(version, encryption, mars):
    options = [(0, bytes.fromhex(version)), (1, bytes([encryption])), (2, b'MSSQLServer\0'), (4, bytes([mars]))]
    at, head, data = 5 * len(options) + 1, b'', b''
    for token, value in options:
        head += struct.pack('!BHH', token, at + len(data), len(value))
        data += value
    return head + b'\xff' + data


def login(user, password, sspi=b''):
    """LOGIN7; with a security token it asks for Windows authentication (fIntSecurity)."""
    scrambled = bytes(((o << 4 | o >> 4) & 0xff) ^ 0xa5 for o in utf16(password))
    texts = ['CM01', user, None, 'Configuration Manager', 'sql01.corp.example', '', 'ODBC', '', 'CM_P01']
    fields, data = b'', b''
    for text in texts:
        octets = scrambled if text is None else utf16(text)
        fields += struct.pack('<HH', 94 + len(data), len(octets) // 2)
        data += octets
    fixed = struct.pack('<IIIIIBBBBII', 0x74000004, 4096, 0, 1234, 0, 0xe0, 0x83 if sspi else 3, 0, 0, 0, 0x409) + fields
    fixed += bytes(6) + struct.pack('<HHHHHHI', 94 + len(data), len(sspi), 94 + len(data), 0, 94 + len(data), 0, 0)
    return struct.pack('<I', 4 + len(fixed) + len(data) + len(sspi)) + fixed + data + sspi


def token(kind, value):
    return struct.pack('<BH', kind, len(value)) + value


def message(kind, number, state, level, text):
    return token(kind, struct.pack('<IBBH', number, state, level, len(text)) + utf16(text) + b'\5' + utf16('SQL01') + bytes(5))


def done(rows=0):
    return struct.pack('<BHHQ', 0xfd, 0x10 if rows else 0, 0xc1, rows)


def welcome():
    database = token(0xe3, b'\1\6' + utf16('CM_P01') + b'\6' + utf16('master'))
    program = utf16('Microsoft SQL Server\0\0')
    return (database + message(0xab, 5701, 2, 0, "Changed database context to 'CM_P01'.") +
            token(0xad, b'\1\x74\0\0\4' + bytes([len(program) // 2]) + program + bytes.fromhex('0f0007d0')) + done())


HEADERS = struct.pack('<IIHQI', 22, 18, 2, 1, 1)


def batch(text):
    return packet(BATCH, HEADERS + utf16(text))


def text_parameter(name, text):
    return bytes([len(name)]) + utf16(name) + b'\0\xe7' + struct.pack('<H', 8000) + bytes.fromhex('0904d00034') + \
        struct.pack('<H', 2 * len(text)) + utf16(text)


def execute(statement, declaration, value):
    return packet(RPC, HEADERS + struct.pack('<HHH', 0xffff, 10, 0) + text_parameter('', statement) +
                  text_parameter('', declaration) + text_parameter('@name', value))


def open_sql(mars):
    talk = Talk(SQL, 1433)
    talk.say(UP, packet(PRELOGIN, prelogin('110700000000', 2, mars)))
    talk.say(DOWN, packet(REPLY, prelogin('0f0007d00000', 2, mars)))
    talk.say(UP, packet(LOGIN7, login('smsuser', 'Passw0rd!23')))
    talk.say(DOWN, packet(REPLY, welcome()))
    return talk


def sql_text(folder):
    talk = open_sql(0)
    for request, reply in (
            (batch('SELECT SiteCode, SiteName FROM dbo.v_Site'), done(1)),
            (execute('SELECT Name0 FROM dbo.v_R_System WHERE Name0 = @name', '@name nvarchar(64)', 'CL01'), done(1)),
            (batch('DELETE FROM dbo.RBAC_Admins'),
             message(0xaa, 229, 5, 14, "The DELETE permission was denied on the object 'RBAC_Admins'.") + done()),
            (batch("CREATE LOGIN svc WITH PASSWORD = 'Passw0rd!23'"), done())):
        talk.say(UP, request)
        talk.say(DOWN, packet(REPLY, reply))
    talk.say(UP, batch("WAITFOR DELAY '00:10'"))
    talk.say(UP, packet(ATTENTION, b''))
    talk.say(DOWN, packet(REPLY, struct.pack('<BHHQ', 0xfd, 0x20, 0, 0)))
    talk.save(folder, 'sql/sql-text')


# ---- MARS: [MC-SMP] 2.2.1 ----

def frame(flags, session, number=0, content=b''):
    return struct.pack('<BBHIII', 0x53, flags, session, 16 + len(content), number, 4) + content


def mars(folder):
    talk = open_sql(1)
    talk.say(UP, frame(1, 0))
    talk.say(UP, frame(8, 0, 1, batch('SELECT * FROM dbo.v_Collection')))
    talk.say(UP, frame(1, 1) + frame(8, 1, 1, batch('SELECT 1')))
    talk.say(DOWN, frame(8, 1, 1, packet(REPLY, done(1))))
    talk.say(DOWN, frame(8, 0, 1, packet(REPLY, done(7))))
    talk.say(UP, frame(4, 1, 1))
    talk.say(DOWN, frame(4, 1, 1))
    talk.save(folder, 'sql/mars')


# ---- NTLM: [MS-NLMP] 2.2 ----

FLAGS = 0xe2088215


def security_buffer(octets, at):
    return struct.pack('<HHI', len(octets), len(octets), at)


def negotiate_token():
    return b'NTLMSSP\0' + struct.pack('<II', 1, FLAGS) + bytes(16)


def names(binding=b''):
    pairs = [(2, 'CORP'), (1, 'DP01'), (4, 'corp.example'), (3, 'dp01.corp.example')]
    values = b''.join(struct.pack('<HH', kind, 2 * len(text)) + utf16(text) for kind, text in pairs)
    return values + (struct.pack('<HH', 10, 16) + binding if binding else b'') + bytes(4)


def challenge_token():
    target = utf16('CORP')
    return b'NTLMSSP\0' + struct.pack('<I', 2) + security_buffer(target, 48) + struct.pack('<I', FLAGS) + \
        bytes.fromhex('0123456789abcdef') + bytes(8) + security_buffer(names(), 48 + len(target)) + target + names()


def authenticate_token(user, binding=b''):
    response = bytes(16) + b'\1\1' + bytes(6) + struct.pack('<Q', 133000000000000000) + bytes(8) + bytes(4) + \
        names(binding)
    fields, data = b'', b''
    for octets in (bytes(24), response, utf16('CORP'), utf16(user), utf16('CM01'), b''):
        fields += security_buffer(octets, 64 + len(data))
        data += octets
    return b'NTLMSSP\0' + struct.pack('<I', 3) + fields + struct.pack('<I', FLAGS) + data


# ---- SMB: [MS-SMB2] 2.2, RFC 1002 4.3 ----

SESSION, TREE, OK, MORE, EXPIRED = 0x400000000011, 5, 0, 0xc0000016, 0xc000035c


class Smb:
    def __init__(self, port):
        self.talk, self.number, self.session = Talk(SHARES, port), 0, 0

    def send(self, end, command, body, status=OK, tree=0):
        head = b'\xfeSMB' + struct.pack('<HHIHHIIQIIQ', 64, 1, status, command, 1, 1 if end == DOWN else 0, 0,
                                        self.number, 0xfeff, tree, self.session) + bytes(16)
        self.talk.say(end, struct.pack('!I', len(head + body)) + head + body)
        self.number += end == DOWN

    def negotiate(self):
        self.send(UP, 0, struct.pack('<HHHHI', 36, 2, 1, 0, 0) + bytes(range(16)) + bytes(8) + struct.pack('<HH', 0x210, 0x302))
        self.send(DOWN, 0, struct.pack('<HHHH', 65, 1, 0x302, 0) + bytes(range(16, 32)) + bytes(28 + 4) +
                  struct.pack('<HHI', 128, 0, 0))

    def setup(self, user):
        for up, down, status in ((negotiate_token(), challenge_token(), MORE), (authenticate_token(user), b'', OK)):
            self.send(UP, 1, struct.pack('<HBBIIHHQ', 25, 0, 1, 0, 0, 88, len(up), 0) + up)
            self.session = SESSION
            self.send(DOWN, 1, struct.pack('<HHHH', 9, 0, 72, len(down)) + down, status)

    def connect(self, share):
        path = utf16('\\\\dp01.corp.example\\' + share)
        self.send(UP, 3, struct.pack('<HHHH', 9, 0, 72, len(path)) + path)
        self.send(DOWN, 3, struct.pack('<HBBIII', 16, 1, 0, 0, 0, 0x1f01ff), OK, TREE)

    def write(self, name, octets):
        name = utf16(name)
        self.send(UP, 5, struct.pack('<H', 57) + bytes(42) + struct.pack('<HHII', 120, len(name), 0, 0) + name, OK, TREE)
        self.send(DOWN, 5, struct.pack('<HBBI', 89, 0, 0, 2) + bytes(56) + struct.pack('<QQII', 7, 7, 0, 0), OK, TREE)
        self.send(UP, 9, struct.pack('<HHIQQQIIHHI', 49, 112, octets, 0, 7, 7, 0, 0, 0, 0, 0) + bytes(octets), OK, TREE)
        self.send(DOWN, 9, struct.pack('<HHIIHH', 17, 0, octets, 0, 0, 0), OK, TREE)
        self.send(UP, 6, struct.pack('<HHIQQ', 24, 0, 0, 7, 7), OK, TREE)
        self.send(DOWN, 6, struct.pack('<HH', 60, 0) + bytes(56), OK, TREE)


def reauthentication(folder):
    """The session expires on the way: what was asked is refused, and asked again after a second logon."""
    smb = Smb(445)
    smb.negotiate()
    smb.setup('svc-install')
    smb.connect('SMSPKGD$')
    smb.write('P0100001\\setup.exe', 900)
    smb.send(UP, 13, struct.pack('<HH', 4, 0))
    smb.send(DOWN, 13, struct.pack('<HBBI', 9, 0, 0, 0) + b'\0', EXPIRED)
    smb.setup('svc-install')
    smb.write('P0100001\\setup.ini', 300)
    smb.talk.save(folder, 'smb/reauthentication')


def netbios_name(name, suffix):
    octets = name.encode().ljust(15) + bytes([suffix])
    return b' ' + b''.join(bytes([ord('A') + (o >> 4), ord('A') + (o & 15)]) for o in octets) + b'\0'


def netbios(folder):
    smb = Smb(139)
    smb.talk.say(UP, bytes.fromhex('81000044') + netbios_name('DP01', 0x20) + netbios_name('CM01', 0))
    smb.talk.say(DOWN, bytes.fromhex('82000000'))
    smb.negotiate()
    smb.setup('svc-install')
    smb.connect('SMS_P01')
    smb.write('policy.xml', 200)
    smb.talk.say(UP, bytes.fromhex('85000000'))
    smb.talk.save(folder, 'smb/netbios-139')


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, 'pcaps')
    for make in (sql_text, mars, reauthentication, netbios):
        make(folder)


if __name__ == '__main__':
    main()
