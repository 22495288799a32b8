#!/usr/bin/env python3
"""made_chapters.py - pairs of captures for the rules of LDAP, Kerberos, SQL and administration: each one that breaks a
rule and its near miss. Built message by message, by the specifications, on what made.py has.

usage: tests/lab/made_chapters.py [FOLDER]      (default: pcaps/; the result is committed)
"""
import ipaddress, os, struct, sys, zlib

import made
from made import DOWN, UP, Talk, captures

DC, SITE_SERVER, MP, DP, SQL, PROVIDER = ['10.77.0.%d' % n for n in (10, 11, 12, 13, 14, 15)]
SQL_OF_CHILD, SQL_OF_PARENT, DESK, OTHER_DESK, ADMINISTRATOR = ['10.77.0.%d' % n for n in (24, 4, 101, 102, 200)]


# ---- BER: X.690 8.1 ----

def ber(tag, *parts):
    value = b''.join(parts)
    length = bytes([len(value)]) if len(value) < 128 else b'\x82' + struct.pack('!H', len(value))
    return bytes([tag]) + length + value


def sequence(*parts):
    return ber(0x30, *parts)


def integer(value, tag=2):
    return ber(tag, value.to_bytes(value.bit_length() // 8 + 1, 'big'))


def octets(text, tag=4):
    return ber(tag, text if isinstance(text, bytes) else text.encode())


# ---- LDAP: RFC 4511 ----

CONTAINER = 'CN=System Management,CN=System,DC=corp,DC=example'


class Directory:
    def __init__(self, client):
        self.talk, self.number = Talk(DC, 389, client), 0

    def ask(self, tag, *parts):
        self.number += 1
        self.talk.say(UP, sequence(integer(self.number), ber(tag, *parts)))

    def answer(self, tag, code=0, *more):
        self.talk.say(DOWN, sequence(integer(self.number), ber(tag, integer(code, 10), octets(''), octets(''), *more)))

    def simple_bind(self, name, password):
        self.ask(0x60, integer(3), octets(name), octets(password, 0x80))
        self.answer(0x61)

    def sasl_bind(self, mechanism, token, code=0, credentials=None):
        self.ask(0x60, integer(3), octets(''), ber(0xa3, octets(mechanism), octets(token)))
        self.answer(0x61, code, *([octets(credentials, 0x87)] if credentials else []))

    def search(self, base, filter_value, *attributes):
        """equalityMatch of objectClass"""
        self.ask(0x63, octets(base), integer(2, 10), integer(0, 10), integer(0), integer(0), ber(1, b'\0'),
                 ber(0xa3, octets('objectClass'), octets(filter_value)), sequence(*map(octets, attributes)))
        self.answer(0x65)

    def sealed(self, count=2):
        """RFC 4422 3.7: buffers that only the two ends can read"""
        for end in (UP, DOWN) * count:
            self.talk.say(end, struct.pack('!I', 64) + bytes((7 * i + 90) & 255 for i in range(64)))


def ldap(folder):
    d = Directory(DESK)
    d.simple_bind('CN=svc-report,CN=Users,DC=corp,DC=example', 'Passw0rd!23')
    d.search('DC=corp,DC=example', 'computer', 'cn')
    d.talk.save(folder, 'ldap/r070-simple')

    d = Directory(DESK)
    d.ask(0x77, octets('1.3.6.1.4.1.1466.20037', 0x80))
    d.answer(0x78)
    d.talk.save(folder, 'ldap/r070-starttls')

    for name in ('unsigned', 'sealed'):
        d = Directory(DESK)
        d.sasl_bind('DIGEST-MD5', 'username="svc-report",realm="corp.example"')
        if name == 'sealed':
            d.sealed()
        else:
            d.search('DC=corp,DC=example', 'computer', 'cn')
        d.talk.save(folder, 'ldap/r071-' + name)

    for name, client in (('site-server', SITE_SERVER), ('client', DESK)):
        d = Directory(client)
        d.sasl_bind('GSS-SPNEGO', made.negotiate_token(), 14, made.challenge_token())
        d.sasl_bind('GSS-SPNEGO', made.authenticate_token('svc-install'))
        d.sealed()
        d.talk.save(folder, 'ldap/r072-' + name)

    d = Directory(DESK)
    d.search(CONTAINER, '*', 'nTSecurityDescriptor')
    d.talk.save(folder, 'ldap/r073-rights')
    d = Directory(DESK)
    d.search('DC=corp,DC=example', 'mSSMSManagementPoint', 'mSSMSMPName', 'mSSMSSiteCode')
    d.talk.save(folder, 'ldap/r073-client')


# ---- Kerberos: RFC 4120 5 ----

AES, RC4, REALM = 18, 23, 'CORP.EXAMPLE'


def general(text, tag=0x1b):
    return octets(text, tag)


def principal(text):
    return sequence(ber(0xa0, integer(2)), ber(0xa1, sequence(*map(general, text.split('/')))))


def encrypted(etype):
    return sequence(ber(0xa0, integer(etype)), ber(0xa2, octets(bytes(range(48)))))


def padata(*kinds):
    return ber(0xa3, sequence(*(sequence(ber(0xa1, integer(kind)), ber(0xa2, octets(encrypted(AES)))) for kind in kinds)))


def request(kind, service, etypes, kinds, client=None, nonce=7):
    body = [ber(0xa0, ber(3, b'\0' + struct.pack('!I', 0x40810000)))]
    body += [ber(0xa1, principal(client))] if client else []
    body += [ber(0xa2, general(REALM)), ber(0xa3, principal(service)), ber(0xa5, general('20370913024805Z', 0x18)),
             ber(0xa7, integer(nonce)), ber(0xa8, sequence(*map(integer, etypes)))]
    return ber(0x60 | kind, sequence(ber(0xa1, integer(5)), ber(0xa2, integer(kind)), padata(*kinds),
                                     ber(0xa4, sequence(*body))))


def reply(kind, service, etype, client='alice'):
    ticket = ber(0x61, sequence(ber(0xa0, integer(5)), ber(0xa1, general(REALM)), ber(0xa2, principal(service)),
                                ber(0xa3, encrypted(etype))))
    return ber(0x60 | kind, sequence(ber(0xa0, integer(5)), ber(0xa1, integer(kind)), ber(0xa3, general(REALM)),
                                     ber(0xa4, principal(client)), ber(0xa5, ticket), ber(0xa6, encrypted(AES))))


def refusal(code, service):
    return ber(0x7e, sequence(ber(0xa0, integer(5)), ber(0xa1, integer(30)),
                              ber(0xa4, general('20231114221320Z', 0x18)), ber(0xa5, integer(1)),
                              ber(0xa6, integer(code)), ber(0xa9, general(REALM)), ber(0xaa, principal(service))))


class Kdc:
    def __init__(self, client):
        self.talk = Talk(DC, 88, client)

    def exchange(self, question, answer):
        for end, octets_ in ((UP, question), (DOWN, answer)):
            self.talk.say(end, struct.pack('!I', len(octets_)) + octets_)

    def ticket(self, service, etype, etypes=(AES, RC4)):
        self.exchange(request(12, service, etypes, (1,)), reply(13, service, etype))


def kerberos(folder):
    for name, etype in (('rc4', RC4), ('aes', AES)):
        k = Kdc(DESK)
        k.ticket('HTTP/app.corp.example', etype)
        k.talk.save(folder, 'kerberos/r080-' + name)

    services = ['HTTP/app', 'HTTP/wiki', 'FTP/files', 'HTTP/shop', 'HTTP/mail']
    for name, etype in (('rc4', RC4), ('aes', AES)):
        k = Kdc(DESK)
        for service in services:
            k.ticket(service + '.corp.example', etype)
        k.talk.save(folder, 'kerberos/r081-five-' + name)

    krbtgt = 'krbtgt/' + REALM
    for name, proof in (('none', ()), ('timestamp', (2,))):
        k = Kdc(DESK)
        if proof:
            k.exchange(request(10, krbtgt, (AES,), (), 'alice'), refusal(25, krbtgt))
        k.exchange(request(10, krbtgt, (AES,), proof, 'alice', 8), reply(11, krbtgt, AES))
        k.talk.save(folder, 'kerberos/r082-' + name)

    for name, host in (('same-host', 'dp01'), ('other-host', 'mp01')):
        k = Kdc(SITE_SERVER)
        service = 'cifs/%s.corp.example' % host
        k.exchange(request(12, service, (AES,), (1,)), refusal(7, service))
        smb = made.Smb(445)
        smb.negotiate()
        smb.setup('svc-install')
        made.save(k.talk.close() + smb.talk.close(), folder, 'kerberos/r083-' + name)


# ---- SQL ----

def open_sql(client, encryption):
    talk = Talk(SQL, 1433, client)
    talk.say(UP, made.packet(made.PRELOGIN, made.prelogin('120700000000', encryption, 0)))
    talk.say(DOWN, made.packet(made.REPLY, made.prelogin('0f0007d00000', encryption, 0)))
    return talk


def connect(client, server, port):
    return Talk(server, port, client).close()


NOT_SUPPORTED, ON = 2, 1


def sql(folder):
    open_sql(MP, ON).save(folder, 'sql/r100-encrypted')
    talk = open_sql(MP, NOT_SUPPORTED)
    talk.say(UP, made.packet(made.LOGIN7, made.login('', '', b'\x60\x02\x06\x00')))
    talk.say(DOWN, made.packet(made.REPLY, made.welcome()))
    talk.save(folder, 'sql/r101-windows')
    open_sql(DESK, ON).save(folder, 'sql/r102-client')
    open_sql(MP, ON).save(folder, 'sql/r102-management-point')
    for name, binding in (('unbound', b''), ('channel-binding', bytes(range(1, 17)))):
        talk = open_sql(MP, NOT_SUPPORTED)
        talk.say(UP, made.packet(made.LOGIN7, made.login('', '', made.negotiate_token())))
        challenge = made.challenge_token()
        talk.say(DOWN, made.packet(made.REPLY, b'\xed' + struct.pack('<H', len(challenge)) + challenge))
        talk.say(UP, made.packet(0x11, made.authenticate_token('svc-mpdb', binding=binding)))
        talk.say(DOWN, made.packet(made.REPLY, made.welcome()))
        talk.save(folder, 'sql/r103-' + name)
    made.save(connect(SQL_OF_CHILD, SQL, 4022), folder, 'sql/r104-siblings')
    made.save(connect(SQL_OF_PARENT, SQL, 4022), folder, 'sql/r104-parent')
    for name, client in (('takeover', MP), ('site-server', SITE_SERVER)):
        talk = open_sql(client, NOT_SUPPORTED)
        talk.say(UP, made.packet(made.LOGIN7, made.login('', '', b'\x60\x02\x06\x00')))
        talk.say(DOWN, made.packet(made.REPLY, made.welcome()))
        talk.say(UP, made.batch("INSERT INTO RBAC_Admins (AdminSID, LogonName) VALUES (0x0105, 'CORP\\alice')"))
        talk.say(DOWN, made.packet(made.REPLY, made.done(1)))
        talk.save(folder, 'sql/r105-' + name)


# ---- administration ----

def bind_pdu(kind, uuid):
    """C706 12.6.4.3, 12.6.4.4: of one interface in NDR"""
    ndr = bytes.fromhex('045d888aeb1cc9119fe808002b104860') + struct.pack('<I', 2)
    if kind == 11:
        body = struct.pack('<HHIB3xHBx', 5840, 5840, 0, 1, 0, 1) + uuid + struct.pack('<I', 0) + ndr
    else:
        body = struct.pack('<HHI', 5840, 5840, 1) + struct.pack('<H', 6) + b'49670\0' + struct.pack('<B3xHH', 1, 0, 0) + ndr
    return struct.pack('<BBBBIHHI', 5, 0, kind, 3, 0x10, 16 + len(body), 0, 1) + body


def level1_login():
    return struct.pack('<IHH', 0xf309ad18, 0xd86a, 0x11d0) + bytes.fromhex('a07500c04fb68820')


def datagram(source, destination, sport, dport, payload):
    return captures.ethernet(captures.ipv4(source, destination, 17, captures.udp(sport, dport, payload)))


def discover(relay):
    """RFC 2131 2: a PXE client's first message, as a relay passes it on"""
    fixed = struct.pack('!BBBBIHH', 1, 1, 6, 1, 0x1234, 4, 0x8000) + bytes(12) + ipaddress.ip_address(relay).packed
    fixed += bytes.fromhex('020000000101') + bytes(10 + 64 + 128)
    vendor = b'PXEClient:Arch:00007:UNDI:003016'
    return fixed + bytes.fromhex('63825363' '350101' '3c') + bytes([len(vendor)]) + vendor + b'\xff'


def administration(folder):
    for name, client in (('client', DESK), ('administrator', ADMINISTRATOR)):
        talk = Talk(PROVIDER, 49670, client)
        talk.say(UP, bind_pdu(11, level1_login()))
        talk.say(DOWN, bind_pdu(12, level1_login()))
        talk.save(folder, 'admin/r110-' + name)

        talk = Talk(DP, 3389, client)
        talk.say(UP, bytes.fromhex('030000130ee000000000000100080003000000'))
        talk.say(DOWN, bytes.fromhex('030000130ed000001234000200080002000000'))
        talk.save(folder, 'admin/r112-' + name)

        made.save(connect(client, OTHER_DESK, 2701), folder, 'admin/r113-' + name)
    for name, client in (('stranger', '10.77.40.7'), ('client', DESK)):
        register(client).save(folder, 'admin/r114-' + name)
    for name, relay in (('other-network', '10.77.40.1'), ('desks', '10.77.0.97')):
        made.save([datagram(relay, DP, 67, 67, discover(relay))], folder, 'admin/r115-' + name)
    question = struct.pack('!6H', 9, 0, 1, 0, 0, 0) + b'\x05files\0' + struct.pack('!HH', 1, 1)
    for name, client in (('site-system', MP), ('client', DESK)):
        made.save([datagram(client, '224.0.0.252', 50001, 5355, question)], folder, 'admin/r116-' + name)


def register(client):
    """A client's registration (CCM_POST): a header in UTF-16, then the body proper, deflated"""
    header = ('<Msg SchemaVersion="1.1"><Body Type="ByteRange" Length="9" Offset="0"/>'
              '<ID>{6B2C7A5E-1D0F-4C52-9C3B-0A1B2C3D4E5F}</ID><Payload Type="inline"/>'
              '<SourceHost>CL01</SourceHost><TargetAddress>mp:[http]MP_ClientRegistration</TargetAddress>'
              '<TargetEndpoint>MP_ClientRegistration</TargetEndpoint><TargetHost>mp01</TargetHost></Msg>')
    body = zlib.compress(made.utf16('<ClientRegistrationRequest><Data/></ClientRegistrationRequest>'))
    parts = b''.join(b'--aAbBcCdDv1234567890VxXyYzZ\r\ncontent-type: %s\r\n\r\n%s\r\n' % part for part in
                     ((b'text/plain; charset=UTF-16', b'\xff\xfe' + made.utf16(header)),
                      (b'application/octet-stream', body))) + b'--aAbBcCdDv1234567890VxXyYzZ--'
    talk = Talk(MP, 80, client)
    talk.say(UP, b'CCM_POST /ccm_system/request HTTP/1.1\r\nHost: mp01.corp.example\r\nUser-Agent: ConfigMgr Messaging '
             b'HTTP Sender\r\nContent-Type: multipart/mixed; boundary="aAbBcCdDv1234567890VxXyYzZ"\r\nContent-Length: '
             b'%d\r\n\r\n%s' % (len(parts), parts))
    talk.say(DOWN, b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    return talk


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(made.TOP, 'pcaps')
    for make in (ldap, kerberos, sql, administration):
        make(folder)


if __name__ == "__main__":
    main()
