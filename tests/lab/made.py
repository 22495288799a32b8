#!/usr/bin/env python3
"""made.py - the captures under pcaps/ that no server of the laboratory can give: SQL Server is not to be had there,
NetBIOS sessions and reauthentication are not what Samba does by itself. Built message by message, by the specifications.

usage: tests/lab/made.py [FOLDER]      (default: pcaps/; the result is committed)
"""
import base64, os, struct, sys

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

    def __init__(self, server, port, client=CLIENT, beside=None):
        """`beside`: another connection of the same capture, whose frames these are put among."""
        self.ends, self.ports, self.next = (client, server), (49732, port), [1000, 5000]
        self.frames = [] if beside is None else beside.frames
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


def names(server='dp01', more=b'', binding=b''):
    pairs = [(2, 'CORP'), (1, server.upper()), (4, 'corp.example'), (3, server + '.corp.example')]
    values = b''.join(struct.pack('<HH', kind, 2 * len(text)) + utf16(text) for kind, text in pairs) + more
    return values + (struct.pack('<HH', 10, 16) + binding if binding else b'') + bytes(4)


def challenge_token(server='dp01', challenge='0123456789abcdef'):
    target, pairs = utf16('CORP'), names(server)
    return b'NTLMSSP\0' + struct.pack('<I', 2) + security_buffer(target, 48) + struct.pack('<I', FLAGS) + \
        bytes.fromhex(challenge) + bytes(8) + security_buffer(pairs, 48 + len(target)) + target + pairs


MIC = struct.pack('<HHI', 6, 4, 2)


def authenticate_token(user, domain='CORP', server='dp01', more=b'', workstation='CM01', binding=b''):
    response = bytes(16) + b'\1\1' + bytes(6) + struct.pack('<Q', 133000000000000000) + bytes(8) + bytes(4) + \
        names(server, more, binding)
    fields, data = b'', b''
    for octets in (bytes(24), response, utf16(domain), utf16(user), utf16(workstation), b''):
        fields += security_buffer(octets, 64 + len(data))
        data += octets
    return b'NTLMSSP\0' + struct.pack('<I', 3) + fields + struct.pack('<I', FLAGS) + data


# ---- SMB: [MS-SMB2] 2.2, RFC 1002 4.3 ----

SESSION, TREE, OK, MORE, EXPIRED = 0x400000000011, 5, 0, 0xc0000016, 0xc000035c


class Smb:
    def __init__(self, port, talk=None, signing=1):
        self.talk, self.number, self.session, self.signing = talk or Talk(SHARES, port), 0, 0, signing

    def send(self, end, command, body, status=OK, tree=0):
        head = b'\xfeSMB' + struct.pack('<HHIHHIIQIIQ', 64, 1, status, command, 1, 1 if end == DOWN else 0, 0,
                                        self.number, 0xfeff, tree, self.session) + bytes(16)
        self.talk.say(end, struct.pack('!I', len(head + body)) + head + body)
        self.number += end == DOWN

    def negotiate(self):
        self.send(UP, 0, struct.pack('<HHHHI', 36, 2, 1, 0, 0) + bytes(range(16)) + bytes(8) + struct.pack('<HH', 0x210, 0x302))
        self.send(DOWN, 0, struct.pack('<HHHH', 65, self.signing, 0x302, 0) + bytes(range(16, 32)) + bytes(28 + 4) +
                  struct.pack('<HHI', 128, 0, 0))

    def setup(self, user):
        self.authenticate(challenge_token(), authenticate_token(user))

    def authenticate(self, challenge, proof):
        for up, down, status in ((negotiate_token(), challenge, MORE), (proof, b'', OK)):
            self.ask(up)
            self.answer(down, status)

    def ask(self, octets):
        self.send(UP, 1, struct.pack('<HBBIIHHQ', 25, 0, 1, 0, 0, 88, len(octets), 0) + octets)

    def answer(self, octets, status):
        self.session = SESSION
        self.send(DOWN, 1, struct.pack('<HHHH', 9, 0, 72, len(octets)) + octets, status)

    def connect(self, share, server='dp01'):
        path = utf16('\\\\%s.corp.example\\' % server + share)
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


# ---- Kerberos in SPNEGO: RFC 4120 5.5.1, RFC 4178 4.2 ----

def der(tag, *contents):
    content = b''.join(contents)
    length = bytes([len(content)]) if len(content) < 128 else struct.pack('!BH', 0x82, len(content))
    return bytes([tag]) + length + content


def ap_request(service, fill):
    sealed = der(0x30, der(0xa0, der(2, b'\x12')), der(0xa2, der(4, bytes([fill]) * 200)))
    name = der(0x30, der(0xa0, der(2, b'\2')), der(0xa1, der(0x30, *(der(0x1b, p.encode()) for p in service.split('/')))))
    ticket = der(0x61, der(0x30, der(0xa0, der(2, b'\5')), der(0xa1, der(0x1b, b'CORP.EXAMPLE')), der(0xa2, name), der(0xa3, sealed)))
    request = der(0x6e, der(0x30, der(0xa0, der(2, b'\5')), der(0xa1, der(2, b'\x0e')), der(0xa2, der(3, bytes(5))),
                            der(0xa3, ticket), der(0xa4, sealed)))
    kerberos = der(6, bytes.fromhex('2a864886f712010202'))
    token = der(0x60, kerberos, b'\1\0', request)
    return der(0x60, der(6, bytes.fromhex('2b0601050502')),
               der(0xa0, der(0x30, der(0xa0, der(0x30, kerberos)), der(0xa2, der(4, token)))))


def accepted():
    return der(0xa1, der(0x30, der(0xa0, der(10, b'\0')), der(0xa1, der(6, bytes.fromhex('2a864886f712010202')))))


# ---- DCERPC: C706 12.6 ----

SVCCTL = '81bb7a364498f135ad3298f03800100302000000'
WINREG = '01d08c334422f131aaaa90003800100301000000'
SRVSVC = 'c84f324b7016d30112785a47bf6ee18803000000'
EFSRPC = '88d481c650d8d0118c5200c04fd90f7e01000000'
NDR = '045d888aeb1cc9119fe808002b10486002000000'


def rpc(kind, body, flags=3):
    return struct.pack('<BBBBIHHI', 5, 0, kind, flags, 0x10, 16 + len(body), 0, 1) + body


class Rpc:
    def __init__(self, talk, interface):
        self.talk = talk
        talk.say(UP, rpc(11, struct.pack('<HHIBxxxHBx', 4280, 4280, 0, 1, 0, 1) + bytes.fromhex(interface + NDR)))
        talk.say(DOWN, rpc(12, struct.pack('<HHIH', 4280, 4280, 0x1234, 6) + b'49664\0' + struct.pack('<BxxxHH', 1, 0, 0) +
                           bytes.fromhex(NDR)))

    def call(self, operation):
        self.talk.say(UP, rpc(0, struct.pack('<IHH', 64, 0, operation) + bytes(64)))
        self.talk.say(DOWN, rpc(2, struct.pack('<IHBx', 16, 0, 0) + bytes(16)))


# ---- the stories of chapters D and E ----

CM, MP, DP, SUP, DESK, DESK2, ADMIN = ('10.77.0.11', '10.77.0.12', '10.77.0.13', '10.77.0.14', '10.77.0.101', '10.77.0.102',
                                       '10.77.0.200')


def open_smb(client, server, beside=None):
    smb = Smb(445, Talk(server, 445, client, beside), 3)
    smb.negotiate()
    return smb


def relay(folder):
    """A desk makes the site server authenticate to it, and passes that on to the distribution point."""
    call = Talk(CM, 49664, DESK)
    forced = Rpc(call, EFSRPC)
    call.say(UP, rpc(0, struct.pack('<IHH', 64, 0, 0) + bytes(64)))
    victim, target = open_smb(CM, DESK, call), open_smb(DESK, DP, call)
    proof = authenticate_token('CM01$', more=MIC)
    for smb in (victim, target):
        smb.ask(negotiate_token())
    for smb in (target, victim):
        smb.answer(challenge_token(), MORE)
    for smb in (victim, target):
        smb.ask(proof)
    for smb in (target, victim):
        smb.answer(b'', OK)
    target.connect('ADMIN$')
    forced.talk.say(DOWN, rpc(2, struct.pack('<IHBx', 16, 0, 0) + bytes(16)))
    victim.talk.close()
    target.talk.close()
    call.save(folder, 'relay/r044-relay')


def copies(folder):
    """One logon with a local account, on both sides of an address translation."""
    inside = open_smb(DESK, DP)
    inside.authenticate(challenge_token(), authenticate_token('admin', 'DP01', more=MIC))
    outside = open_smb(DESK2, DP, inside.talk)
    outside.authenticate(challenge_token(), authenticate_token('admin', 'DP01', more=MIC))
    outside.talk.close()
    inside.talk.save(folder, 'relay/r044-copies')


def tickets(folder):
    """A ticket for the distribution point goes to a desk, and from there to where it is for; then one each."""
    for name, fills in (('r053-relay', (7, 7)), ('r053-two-tickets', (7, 8))):
        victim = open_smb(CM, DESK)
        target = open_smb(DESK, DP, victim.talk)
        service = 'cifs/dp01.corp.example' if fills[0] == fills[1] else 'cifs/cl01.corp.example'
        for smb, principal, fill in ((victim, service, fills[0]), (target, 'cifs/dp01.corp.example', fills[1])):
            smb.ask(ap_request(principal, fill))
            smb.answer(accepted(), OK)
        target.talk.close()
        victim.talk.save(folder, 'relay/' + name)


def no_mic(folder):
    smb = open_smb(DESK, DP)
    smb.authenticate(challenge_token(), authenticate_token('admin', 'DP01', workstation='CL01'))
    smb.talk.save(folder, 'relay/r042-no-mic')


def network_access(folder):
    """The network access account fetches content, and a user does."""
    for name, user, domain in (('r048-network-access', 'svc-naa', 'CORP'), ('r048-other-account', 'admin', 'DP01')):
        smb = open_smb('10.77.0.130', DP)
        smb.authenticate(challenge_token(), authenticate_token(user, domain, more=MIC, workstation='KIOSK'))
        smb.talk.save(folder, 'relay/' + name)


def push(folder):
    for name, share in (('r047-push', 'ADMIN$'), ('r047-other-share', 'logs')):
        smb = open_smb(CM, DESK)
        smb.authenticate(challenge_token('cl01'), authenticate_token('admin', 'CL01', 'cl01', MIC))
        smb.connect(share, 'cl01')
        smb.talk.save(folder, 'relay/' + name)


def remote(folder):
    """Services, registry and shares of site systems: by a desk, then by an administrator."""
    for name, client in (('r064-desk', DESK), ('r064-administrator', ADMIN)):
        first = None
        for server, interface, operation in ((DP, SVCCTL, 15), (MP, WINREG, 2), (DP, SRVSVC, 15), (MP, SRVSVC, 15), (SUP, SRVSVC, 15)):
            talk = Talk(server, 49664, client, first)
            talk.ports = (49732 + len(talk.frames), 49664)
            first = first or talk
            Rpc(talk, interface).call(operation)
            if talk is not first:
                talk.close()
        first.save(folder, 'relay/' + name)


def web(talk, method, uri, status, more=b'', reply=b''):
    talk.say(UP, ('%s %s HTTP/1.1\r\nHost: x\r\n' % (method, uri)).encode() + more + b'Content-Length: 0\r\n\r\n')
    talk.say(DOWN, ('HTTP/1.1 %d X\r\n' % status).encode() + reply + b'Content-Length: 0\r\n\r\n')


def web_logon(talk, method, uri, proof, challenge, agent=b''):
    web(talk, method, uri, 401, agent, b'WWW-Authenticate: NTLM\r\n')
    for up, status, down in ((negotiate_token(), 401, challenge), (proof, 200, None)):
        web(talk, method, uri, status, agent + b'Authorization: NTLM ' + base64.b64encode(up) + b'\r\n',
            b'' if down is None else b'WWW-Authenticate: NTLM ' + base64.b64encode(down) + b'\r\n')


def webdav(folder):
    """The site server authenticates to a desk as a WebDAV client; and, to a declared server, in WebDAV without NTLM."""
    dav = b'User-Agent: Microsoft-WebDAV-MiniRedir/10.0\r\n'
    talk = Talk(DESK, 80)
    web_logon(talk, 'PROPFIND', '/share', authenticate_token('admin', 'CL01', 'cl01', MIC), challenge_token('cl01'), dav)
    talk.save(folder, 'relay/r051-webdav')
    talk = Talk(DESK, 80)
    web(talk, 'PROPFIND', '/share', 207, dav)
    talk.save(folder, 'relay/r051-no-ntlm')


def administration(folder):
    talk = Talk(CM, 80, ADMIN)
    web_logon(talk, 'GET', '/AdminService/wmi/SMS_Site', authenticate_token('admin', 'CM01', 'cm01', MIC), challenge_token('cm01'))
    talk.save(folder, 'relay/r052-ntlm')
    talk = Talk(CM, 80, ADMIN)
    web(talk, 'GET', '/AdminService/wmi/SMS_Site', 401, b'', b'WWW-Authenticate: Negotiate\r\n')
    talk.save(folder, 'relay/r052-refused')


def looting(folder):
    for name, uri in (('r066-datalib', 'Datalib'), ('r066-package', 'P0100001/Datalib')):
        talk = Talk(DP, 80, DESK)
        web(talk, 'GET', '/SMS_DP_SMSPKG$/' + uri, 200)
        talk.save(folder, 'relay/' + name)


def variables(folder):
    for name, client in (('r067-smb', DESK), ('r067-administrator', ADMIN)):
        smb = open_smb(client, DP)
        smb.authenticate(challenge_token(), authenticate_token('admin', 'DP01', more=MIC))
        smb.connect('REMINST')
        smb.write('SMSTemp\\2026.boot.var', 0)
        smb.talk.save(folder, 'relay/' + name)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, 'pcaps')
    for make in (sql_text, mars, reauthentication, netbios, relay, copies, tickets, no_mic, network_access, push, remote, webdav,
                 administration, looting, variables):
        make(folder)


if __name__ == '__main__':
    main()
