#!/usr/bin/env python3
"""made_roles.py - captures under pcaps/ for the rules of topology, client communication and forests, built message by
message: no server of the laboratory plays these roles, and each capture is to break one rule only.

usage: tests/lab/made_roles.py [FOLDER]      (default: pcaps/; the result is committed)
"""
import os, struct, subprocess, sys

import made
from made import DOWN, UP, Smb, Talk, captures

DC, CM, MP, DP, SUP, FSP, DB, WS = ('10.77.0.%d' % n for n in (10, 11, 12, 13, 14, 15, 16, 17))
DESK, ALLY_DESK, INTERNET, PROXY = '10.77.0.101', '10.77.5.101', '198.51.100.50', '10.77.9.5'
KIOSK, EXCHANGE = '10.77.0.130', '10.77.0.18'
PARTNER_MP, PARTNER_DP, PARTNER_WS, PARTNER_CM, ALLY_CM = '10.77.9.20', '10.77.9.21', '10.77.9.22', '10.77.6.11', '10.77.5.11'


class Line(Talk):
    """A connection, its client named first."""

    def __init__(self, client, server, port, beside=None):
        super().__init__(server, port, client, beside)


# ---- HTTP: RFC 9112 ----

def request(method, path, host, body=b'', *fields):
    head = '%s %s HTTP/1.1\r\nHost: %s\r\n' % (method, path, host) + ''.join(f + '\r\n' for f in fields)
    if body:
        head += 'Content-Length: %d\r\n' % len(body)
    return head.encode() + b'\r\n' + body


def reply(status, body=b'', *fields):
    head = 'HTTP/1.1 %s\r\n' % status + ''.join(f + '\r\n' for f in fields) + 'Content-Length: %d\r\n\r\n' % len(body)
    return head.encode() + body


def exchange(talk, asked, answered):
    talk.say(UP, asked)
    talk.say(DOWN, answered)


# ---- TLS 1.2: RFC 5246 7.3, 7.4; an abbreviated handshake shows no certificate ----

SUITE, SESSION = b'\xc0\x2f', bytes(range(64, 96))


def record(kind, content):
    return struct.pack('!BHH', kind, 0x0303, len(content)) + content


def handshake(kind, content):
    return record(22, struct.pack('!I', kind << 24 | len(content)) + content)


def client_hello(random, session=SESSION):
    groups = struct.pack('!HHHH', 10, 4, 2, 29) + struct.pack('!HHBB', 11, 2, 1, 0)
    signatures = struct.pack('!HHHH', 13, 4, 2, 0x0401)
    extensions = groups + signatures
    return handshake(1, b'\x03\x03' + random + bytes([len(session)]) + session + b'\0\2' + SUITE + b'\1\0' +
                     struct.pack('!H', len(extensions)) + extensions)


def server_hello(session=SESSION):
    return handshake(2, b'\x03\x03' + bytes(range(128, 160)) + bytes([len(session)]) + session + SUITE + b'\0')


def finished():
    return record(20, b'\1') + record(22, bytes(range(40)))


def resume(talk, random=bytes(range(32))):
    talk.say(UP, client_hello(random))
    talk.say(DOWN, server_hello() + finished())
    talk.say(UP, finished())
    talk.say(UP, record(23, bytes(range(200))))
    talk.say(DOWN, record(23, bytes(range(200))))


# ---- a certificate: RFC 5280 4.1, its signature of no worth ----

def der(tag, *contents):
    octets = b''.join(contents)
    size = len(octets)
    length = bytes([size]) if size < 128 else bytes([0x82]) + struct.pack('!H', size)
    return bytes([tag]) + length + octets


def oid(text):
    return der(6, bytes.fromhex(text))


def name(text):
    return der(0x30, der(0x31, der(0x30, oid('550403'), der(12, text.encode()))))


def certificate(subject, issuer):
    algorithm = der(0x30, oid('2a864886f70d01010b'), der(5))
    modulus = b'\0\xc1' + bytes((7 * n + 3) & 0xff for n in range(254)) + b'\x0b'
    key = der(0x30, der(0x30, oid('2a864886f70d010101'), der(5)),
              der(3, b'\0' + der(0x30, der(2, modulus), der(2, b'\1\0\1'))))
    usage = der(0x30, oid('551d25'), der(4, der(0x30, oid('2b06010505070301'))))
    names = der(0x30, oid('551d11'), der(4, der(0x30, der(0x82, subject.encode()))))
    dates = der(0x30, der(23, b'230101000000Z'), der(23, b'330101000000Z'))
    body = der(0x30, der(0xa0, der(2, b'\2')), der(2, b'\x11\x22'), algorithm, name(issuer), dates, name(subject), key,
               der(0xa3, der(0x30, usage, names)))
    return der(0x30, body, algorithm, der(3, b'\0' + bytes(range(256))))


def shake(talk, *shown):
    """A whole handshake with ECDHE on x25519, with this chain of certificates."""
    chain = b''.join(struct.pack('!I', len(one))[1:] + one for one in shown)
    chain = struct.pack('!I', len(chain))[1:] + chain
    talk.say(UP, client_hello(bytes(range(32)), b''))
    talk.say(DOWN, server_hello(b'') + handshake(11, chain) +
             handshake(12, b'\3\0\x1d\x20' + bytes(range(32)) + b'\4\1\1\0' + bytes(256)) + handshake(14, b''))
    talk.say(UP, handshake(16, b'\x20' + bytes(range(32))) + finished())
    talk.say(DOWN, finished())
    talk.say(UP, record(23, bytes(range(100))))


# ---- SMB with signing required ----

class Signed(Smb):
    def __init__(self, client, server):
        self.talk, self.number, self.session = Line(client, server, 445), 0, 0

    def negotiate(self):
        self.send(UP, 0, struct.pack('<HHHHI', 36, 2, 3, 0, 0) + bytes(range(16)) + bytes(8) + struct.pack('<HH', 0x210, 0x302))
        self.send(DOWN, 0, struct.pack('<HHHH', 65, 3, 0x302, 0) + bytes(range(16, 32)) + bytes(28 + 4) +
                  struct.pack('<HHI', 128, 0, 0))


def negotiated(client, server):
    smb = Signed(client, server)
    smb.negotiate()
    return smb.talk


def logged_on(client, server, user):
    smb = Signed(client, server)
    smb.negotiate()
    smb.setup(user)
    return smb.talk


def sql(client):
    talk = Line(client, DB, 1433)
    talk.say(UP, made.packet(made.PRELOGIN, made.prelogin('110700000000', 1, 0)))
    talk.say(DOWN, made.packet(made.REPLY, made.prelogin('0f0007d00000', 1, 0)))
    return talk


def web(client, server, port, *exchanges):
    talk = Line(client, server, port)
    for asked, answered in exchanges:
        exchange(talk, asked, answered)
    return talk


def tls(client, server, port):
    talk = Line(client, server, port)
    resume(talk)
    return talk


# ---- DNS: RFC 1035 4.1, RFC 2782 ----

def labels(text):
    return b''.join(bytes([len(part)]) + part.encode() for part in text.split('.')) + b'\0'


def service_lookup(folder, case, target, port=443):
    question = labels('_mssms_mp_p01._tcp.corp.example') + struct.pack('!HH', 33, 1)
    data = struct.pack('!HHH', 0, 0, port) + labels(target)
    answer = b'\xc0\x0c' + struct.pack('!HHIH', 33, 1, 600, len(data)) + data
    frames = []
    for ends, flags, count, more in (((DESK, DC), 0x0100, 0, b''), ((DC, DESK), 0x8580, 1, answer)):
        ports = (50053, 53) if ends[0] == DESK else (53, 50053)
        message = struct.pack('!HHHHHH', 0x1234, flags, 1, count, 0, 0) + question + more
        frames.append(captures.ethernet(captures.ipv4(*ends, 17, captures.udp(*ports, message), len(frames) + 1)))
    captures.write(os.path.join(folder, case + '.pcap'), captures.pcap(captures.packets_of(frames)))


# ---- the captures ----

def topology(folder):
    agent = (request('GET', '/agent/state', 'cm01.corp.example:8080'), reply('200 OK', b'running'))
    content = (request('GET', '/Content/update.cab', 'sup01.corp.example:8530'), reply('200 OK', bytes(300)))
    web(DC, CM, 8080, agent).save(folder, 'topology/r002-controller-to-site-server')
    web(CM, SUP, 8530, content).save(folder, 'topology/r002-site-server-to-update-point')
    negotiated(DESK, MP).save(folder, 'topology/r004-client-smb')
    negotiated(CM, DP).save(folder, 'topology/r004-site-server-smb')
    web(DESK, SUP, 8531, content).save(folder, 'topology/r005-http-on-https-port')
    tls(DESK, SUP, 8531).save(folder, 'topology/r005-tls-on-https-port')
    negotiated(CM, DESK).save(folder, 'topology/r015-client-push')
    negotiated(CM, DESK).save(folder, 'topology/r015-client-push-declared')


def message(*words):
    program = os.path.join(made.HERE, 'ccm_message.py')
    return subprocess.run([sys.executable, program, *(words or ('MP_PolicyManager',)), 'CL01', 'mp01.corp.example'], check=True,
                          capture_output=True).stdout


def client(folder):
    package, kind = '/SMS_DP_SMSPKG$/P0100001/setup.exe', 'Content-Type: multipart/mixed; boundary="aAbBcCdDv1234567890VxXyYzZ"'
    state = (request('POST', '/SMS_FSP/.sms_fsp', 'fsp01.corp.example', b'<StateMessage/>'), reply('200 OK'))
    given = (request('GET', package, 'dp01.corp.example'), reply('200 OK', bytes(400)))
    asked = (request('GET', package, 'dp01.corp.example'), reply('401 Unauthorized', b'', 'WWW-Authenticate: Negotiate'))
    proved = (request('GET', package, 'dp01.corp.example', b'', 'Authorization: Negotiate YAA='), reply('200 OK', bytes(400)))
    soap = 'Content-Type: text/xml; charset=utf-8'
    metadata = (request('POST', '/ClientWebService/client.asmx', 'sup01.corp.example:8530', b'<GetConfig/>', soap),
                reply('200 OK', b'<GetConfigResponse/>', soap))
    file = (request('GET', '/Content/update.cab', 'sup01.corp.example:8530'), reply('200 OK', bytes(300)))
    posted = (request('CCM_POST', '/ccm_system/request', 'mp01.corp.example', message(), kind), reply('200 OK'))
    tls(DESK, FSP, 443).save(folder, 'client/r012-tls')
    web(DESK, FSP, 80, state).save(folder, 'client/r012-http')
    web(DESK, DP, 80, given).save(folder, 'client/r014-anonymous')
    web(DESK, DP, 80, asked, proved, given).save(folder, 'client/r014-authenticated')
    web(DESK, SUP, 8530, metadata).save(folder, 'client/r016-metadata')
    web(DESK, SUP, 8530, file).save(folder, 'client/r016-content')
    for case, issuer in (('r017-site-issued', 'SMS Issuing'), ('r017-authority', 'Corp Issuing CA')):
        talk = Line(DESK, MP, 443)
        shake(talk, certificate('mp01.corp.example', issuer))
        talk.save(folder, 'client/' + case)
    talk = Line(DESK, MP, 10123)
    exchange(talk, b'\1' + made.utf16('<BgbSignInMessage ClientType="SCCM" ClientID="GUID:3F2504E0" />') * 3, b'\2' + bytes(40))
    talk.save(folder, 'client/r018-clear')
    tls(DESK, MP, 10123).save(folder, 'client/r018-tls')
    web(DESK, MP, 80, posted).save(folder, 'client/r019-unsigned')


def two_legs(folder, case, inner, port):
    outer = Line(INTERNET, PROXY, 443)
    resume(outer)
    talk = Line(PROXY, MP, port, outer)
    inner(talk)
    talk.close()
    outer.save(folder, case)


def forest(folder):
    sql(PARTNER_DP).save(folder, 'forest/r021-distribution-point-sql')
    sql(PARTNER_MP).save(folder, 'forest/r021-management-point-sql')
    logged_on(CM, PARTNER_DP, 'svc-other').save(folder, 'forest/r022-other-account')
    logged_on(CM, PARTNER_DP, 'svc-install').save(folder, 'forest/r022-installation-account')
    negotiated(PARTNER_CM, CM).save(folder, 'forest/r023-no-trust')
    negotiated(ALLY_CM, CM).save(folder, 'forest/r023-forest-trust')
    sql(PARTNER_WS).save(folder, 'forest/r024-other-forest')
    sql(WS).save(folder, 'forest/r024-same-forest')
    tls(ALLY_DESK, MP, 443).save(folder, 'forest/r025-abroad')
    tls(ALLY_DESK, DP, 443).save(folder, 'forest/r025-nothing-at-home')
    posted = (request('CCM_POST', '/ccm_system/request', 'mp01.corp.example', b'<request/>'), reply('200 OK'))
    two_legs(folder, 'forest/r028-https-to-http', lambda talk: exchange(talk, *posted), 80)
    two_legs(folder, 'forest/r028-https-to-https', lambda talk: resume(talk, bytes(range(1, 33))), 443)
    two_legs(folder, 'forest/r029-tunnel', resume, 443)
    tls(KIOSK, DC, 3269).save(folder, 'forest/r026-workgroup-global-catalogue')
    tls(DESK, DC, 3269).save(folder, 'forest/r026-member-global-catalogue')
    service_lookup(folder, 'forest/r031-unknown-management-point', 'mp99.corp.example')
    service_lookup(folder, 'forest/r031-management-point', 'mp01.corp.example')
    for case, host in (('r032-by-address', EXCHANGE), ('r032-by-name', 'ex01.corp.example')):
        asked = request('POST', '/powershell', host + ':5985', b'<s:Envelope/>', 'Content-Type: application/soap+xml')
        web(CM, EXCHANGE, 5985, (asked, reply('200 OK', b'<s:Envelope/>'))).save(folder, 'forest/' + case)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(made.TOP, 'pcaps')
    for make in (topology, client, forest):
        make(folder)


if __name__ == '__main__':
    main()
