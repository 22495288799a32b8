#!/usr/bin/env python3
"""made_access.py - pairs of captures for what the rules say of files, accounts and clients' requests: each one that
breaks a rule and its near miss. Built message by message, by the specifications, on what made.py has.

usage: tests/lab/made_access.py [FOLDER]      (default: pcaps/; the result is committed)
"""
import ipaddress, os, struct, sys, zlib

import made, made_roles
from made import DOWN, UP, Talk, utf16
from made_chapters import AES, Kdc, datagram

DC, SITE_SERVER, MP, DP, SUP, CHILD = ['10.77.0.%d' % n for n in (10, 11, 12, 13, 14, 21)]
DESKS = ['10.77.0.%d' % n for n in range(101, 106)]
ADMINISTRATOR, STRANGER = '10.77.0.200', '10.77.0.77'


# ---- SMB ----

class Signed(made.Smb):
    """A session by Kerberos whose requests carry a signature."""

    def __init__(self, client, server, name, beside=None):
        super().__init__(445, Talk(server, 445, client, beside), 3)
        self.negotiate()
        self.ask(made.ap_request('cifs/%s.corp.example' % name, 7))
        self.answer(made.accepted(), made.OK)

    def send(self, end, command, body, status=made.OK, tree=0):
        head = b'\xfeSMB' + struct.pack('<HHIHHIIQIIQ', 64, 1, status, command, 1, (end == DOWN) | (8 if command else 0), 0,
                                        self.number, 0xfeff, tree, self.session) + bytes(range(16) if command else 16)
        self.talk.say(end, struct.pack('!I', len(head + body)) + head + body)
        self.number += end == DOWN

    def open(self, name):
        name = utf16(name)
        self.send(UP, 5, struct.pack('<H', 57) + bytes(42) + struct.pack('<HHII', 120, len(name), 0, 0) + name, tree=made.TREE)
        self.send(DOWN, 5, struct.pack('<HBBI', 89, 0, 0, 1) + bytes(56) + struct.pack('<QQII', 7, 7, 0, 0), tree=made.TREE)

    def list(self):
        """[MS-SMB2] 2.2.33: of the folder that is open; the answer has no more files"""
        self.send(UP, 14, struct.pack('<HBBIQQHHI', 33, 37, 0, 0, 7, 7, 96, 2, 65536) + utf16('*'), tree=made.TREE)
        self.send(DOWN, 14, struct.pack('<HBBI', 9, 0, 0, 0) + b'\0', 0x80000006, made.TREE)

    def close(self):
        self.send(UP, 6, struct.pack('<HHIQQ', 24, 0, 0, 7, 7), tree=made.TREE)
        self.send(DOWN, 6, struct.pack('<HH', 60, 0) + bytes(56), tree=made.TREE)


def files(folder):
    for name, share, file in (('r063-backup', 'Backup$', 'P01Backup\\CM_P01.mdf'), ('r063-content', 'SMSPKGD$', 'P0100001\\setup.exe')):
        smb = Signed(SITE_SERVER, DP, 'dp01')
        smb.connect(share)
        smb.write(file, 900)
        smb.talk.save(folder, 'smb/' + name)
    for name, share in (('r069-other-share', 'tools'), ('r069-sms-site', 'SMS_SITE')):
        smb = Signed(CHILD, SITE_SERVER, 'cm01')
        smb.connect(share, 'cm01')
        smb.write('transfer.tmp', 300)
        smb.talk.save(folder, 'smb/' + name)
    for name, folders in (('r066-content-list', ['DataLib']), ('r066-one-content', ['DataLib\\P0100001.1', 'FileLib'])):
        smb = Signed(DESKS[0], DP, 'dp01')
        smb.connect('SCCMContentLib$')
        for one in folders:
            smb.open(one)
            smb.list()
            smb.close()
        smb.talk.save(folder, 'relay/' + name)


# ---- NTLM ----

def responses(folder):
    """One answer at two servers, by two clients; the challenges were not captured."""
    for name, users in (('r044-response', ('admin', 'admin')), ('r044-two-responses', ('admin', 'other'))):
        first = None
        for client, server, user in ((SITE_SERVER, DESKS[1], users[0]), (DESKS[1], DP, users[1])):
            smb = made.Smb(445, Talk(server, 445, client, first), 3)
            first = first or smb.talk
            smb.negotiate()
            smb.ask(made.negotiate_token())
            smb.session = made.SESSION
            smb.number += 1
            more = made.MIC + struct.pack('<HH', 7, 8) + struct.pack('<Q', len(user) + ord(user[0]))
            smb.ask(proof(user, more))
            smb.answer(b'', made.OK)
            if smb.talk is not first:
                smb.talk.close()
        first.save(folder, 'relay/' + name)


def proof(user, more):
    """An answer whose proof and challenge belong to the user."""
    token = made.authenticate_token(user, 'DP01', more=more, workstation='CL01')
    at = token.index(bytes(16) + b'\1\1' + bytes(6))
    return token[:at] + bytes([user.encode()[0]]) * 16 + token[at + 16:]


def content_account(folder):
    for name, count in (('r048-five-clients', 5), ('r048-four-clients', 4)):
        first = None
        for desk in DESKS[:count]:
            smb = made.Smb(445, Talk(DP, 445, desk, first), 3)
            first = first or smb.talk
            smb.negotiate()
            smb.authenticate(made.challenge_token(challenge='%016x' % int(desk[-3:])),
                             made.authenticate_token('svc-content', 'PARTNER', more=made.MIC, workstation='CL' + desk[-3:]))
            if smb.talk is not first:
                smb.talk.close()
        first.save(folder, 'ntlm/' + name)


# ---- Kerberos ----

def tickets(folder):
    """Ten tickets, and something else that the client does: of no use for them, or the use of one."""
    for name, server in (('unused', 'mp01.corp.example'), ('used', 'app3.corp.example')):
        k = Kdc(DESKS[0])
        for number in range(10):
            k.ticket('HTTP/app%d.corp.example' % number, AES)
        talk = Talk(MP, 443, DESKS[0], k.talk)
        talk.say(UP, client_hello(server))
        talk.say(DOWN, bytes.fromhex('15030300020228'))
        talk.close()
        k.talk.save(folder, 'kerberos/r081-' + name)


def client_hello(name):
    """RFC 5246 7.4.1.2, RFC 6066 3"""
    host = struct.pack('!BH', 0, len(name)) + name.encode()
    extension = struct.pack('!HHH', 0, len(host) + 2, len(host)) + host
    body = b'\3\3' + bytes(range(32)) + b'\0' + struct.pack('!HH', 2, 0xc02f) + b'\1\0' + struct.pack('!H', len(extension)) + extension
    return struct.pack('!BHH', 22, 0x301, len(body) + 4) + b'\1' + struct.pack('!I', len(body))[1:] + body


# ---- clients' requests to a management point ----

AGENT = 'ConfigMgr Messaging HTTP Sender'
SIGNATURE = ('<Hook2 Name="clientauth"><Property Name="PayloadSignature">AB</Property>'
             '<Property Name="HashAlgorithm">1.2.840.113549.1.1.11</Property></Hook2>')


def post(talk, endpoint, body, agent=AGENT, path='/ccm_system/request', more='', status=200):
    header = ('<Msg SchemaVersion="1.1"><Body Type="ByteRange" Length="9" Offset="0"/><Hooks>%s</Hooks>'
              '<ID>{6B2C7A5E-1D0F-4C52-9C3B-0A1B2C3D4E5F}</ID><Payload Type="inline"/><SourceHost>CL01</SourceHost>'
              '<TargetAddress>mp:[http]%s</TargetAddress><TargetEndpoint>%s</TargetEndpoint><TargetHost>mp01</TargetHost></Msg>'
              % (SIGNATURE, endpoint, endpoint))
    parts = b''.join(b'--aAbBcCdDv1234567890VxXyYzZ\r\ncontent-type: %s\r\n\r\n%s\r\n' % part for part in
                     ((b'text/plain; charset=UTF-16', b'\xff\xfe' + utf16(header)),
                      (b'application/octet-stream', zlib.compress(utf16(body))))) + b'--aAbBcCdDv1234567890VxXyYzZ--'
    talk.say(UP, ('CCM_POST %s HTTP/1.1\r\nHost: mp01.corp.example\r\nUser-Agent: %s\r\n%sContent-Type: multipart/mixed; '
                  'boundary="aAbBcCdDv1234567890VxXyYzZ"\r\nContent-Length: %d\r\n\r\n' % (path, agent, more, len(parts))).encode() + parts)
    talk.say(DOWN, b'HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n' % status)


def registration(version):
    return ('<ClientRegistrationRequest><Data SMSID=""><AgentInformation AgentIdentity="CCMSetup.exe" AgentVersion="%s" '
            'AgentType="0" /></Data></ClientRegistrationRequest>' % version)


def discovery(computer, addresses=()):
    adapter = '<Win32_NetworkAdapterConfiguration>%s</Win32_NetworkAdapterConfiguration>' % ''.join(
        '<IPAddress>%s</IPAddress>' % one for one in addresses)
    body = '<ReportBody><Instance Class="Win32_NetworkAdapterConfiguration">%s</Instance></ReportBody>' % adapter
    return ('<Report><ReportHeader><Identification><Machine><ClientVersion>5.00.9132.1000</ClientVersion><NetBIOSName>%s'
            '</NetBIOSName></Machine></Identification></ReportHeader>%s</Report>'
            % (computer, body if addresses else '<ReportBody/>'))


def requests(folder):
    for name, agent in (('secrets', 'cmhttp'), ('installed', AGENT)):
        talk = Talk(MP, 80, DESKS[0])
        post(talk, 'MP_ClientRegistration', registration('5.00.9132.1000'), agent)
        made.web(talk, 'GET', '/SMS_MP/.sms_pol?{1}.1_00', 200,
                 b'User-Agent: %s\r\nClientToken: GUID:1;2026-01-01T00:00:00Z;2\r\nClientTokenSignature: AB\r\n' %
                 (b'SMS CCM 5.0' if agent == AGENT else b'cmhttp'))
        talk.save(folder, 'admin/r114-' + name)
    for name, version in (('version', '5.00.8325.0000'), ('other-version', '5.00.9132.1000')):
        talk = Talk(MP, 80, DESKS[0])
        post(talk, 'MP_ClientRegistration', registration(version))
        talk.save(folder, 'admin/r114-' + name)
    for name, client in (('discovery', DESKS[0]), ('own-discovery', SITE_SERVER)):
        talk = Talk(MP, 80, client)
        post(talk, 'MP_DdrEndpoint', discovery('CM01'))
        talk.save(folder, 'admin/r114-' + name)
    # A name that nobody knows, with the addresses of another host; then with the sender's own among them.
    for name, addresses in (('addresses', (DP, 'fe80::1')), ('own-addresses', (DP, DESKS[0]))):
        talk = Talk(MP, 80, DESKS[0])
        post(talk, 'MP_DdrEndpoint', discovery('PC77', addresses))
        talk.save(folder, 'admin/r114-' + name)
    for name, user in (('relayed', 'CL08$'), ('own-account', 'CM01$')):
        talk = Talk(MP, 80, SITE_SERVER)
        path = '/ccm_system_windowsauth/request'
        made.web(talk, 'CCM_POST', path, 401, reply=b'WWW-Authenticate: NTLM\r\n')
        for token, status, answer in ((made.negotiate_token(), 401, made.challenge_token('mp01')),
                                      (made.authenticate_token(user, server='mp01', more=made.MIC), 200, None)):
            made.web(talk, 'CCM_POST', path, status, b'Authorization: NTLM ' + made.base64.b64encode(token) + b'\r\n',
                     b'' if answer is None else b'WWW-Authenticate: NTLM ' + made.base64.b64encode(answer) + b'\r\n')
        talk.save(folder, 'admin/r114-' + name)


# ---- the remote registry ----

def open_key(name):
    """[MS-RRP] 3.1.5.15: hKey, lpSubKey, dwOptions, samDesired"""
    text = utf16(name + '\0')
    count = len(text) // 2
    stub = bytes(20) + struct.pack('<HHIIII', len(text), len(text), 0x20000, count, 0, count) + text
    return stub + bytes(-len(stub) % 4) + struct.pack('<II', 0, 0x20019)


def registry(folder):
    for name, client, keys in (('key', DESKS[0], ('SOFTWARE\\Microsoft', 'SOFTWARE\\Microsoft\\SMS\\Identification')),
                               ('key-administrator', ADMINISTRATOR, ('SOFTWARE\\Microsoft\\SMS',))):
        talk = Talk(DP, 49664, client)
        talk.ports = (49732, 49664)
        winreg = made.Rpc(talk, made.WINREG)
        winreg.call(2)                                    # OpenLocalMachine
        for number, key in enumerate(keys):
            body = struct.pack('<IHH', 0, 0, 15) + open_key(key)
            talk.say(UP, struct.pack('<BBBBIHHI', 5, 0, 0, 3, 0x10, 16 + len(body), 0, 2 + number) + body)
            answer = struct.pack('<IHBx', 24, 0, 0) + bytes(24)
            talk.say(DOWN, struct.pack('<BBBBIHHI', 5, 0, 2, 3, 0x10, 16 + len(answer), 0, 2 + number) + answer)
        talk.save(folder, 'relay/r065-' + name)


# ---- DHCP: RFC 2131 2 ----

def dhcp(kind, server=None, file=b'', next_server=None, vendor=b''):
    own = ipaddress.ip_address(server).packed if server else bytes(4)
    fixed = struct.pack('!BBBBIHH', 1 if kind in (1, 3) else 2, 1, 6, 1 if kind in (1, 3) else 0, 0x1234, 4, 0x8000)
    fixed += bytes(4) + (ipaddress.ip_address(DESKS[3]).packed if server else bytes(4))
    fixed += (ipaddress.ip_address(next_server).packed if next_server else bytes(4)) + bytes(4)
    fixed += bytes.fromhex('020000000101') + bytes(10 + 64) + file.ljust(128, b'\0')
    options = [(53, bytes([kind]))] + ([(54, own)] if server else []) + ([(60, vendor)] if vendor else [])
    return fixed + bytes.fromhex('63825363') + b''.join(bytes([k, len(v)]) + v for k, v in options) + b'\xff'


def boot(folder):
    """A machine asks for a boot file; the distribution point offers one, and another server, too. The near miss: a plain
    DHCP server, of which the policy knows nothing, leads to the distribution point."""
    discover = datagram('0.0.0.0', '255.255.255.255', 68, 67, dhcp(1, vendor=b'PXEClient:Arch:00007:UNDI:003016'))
    offer = datagram(DP, '255.255.255.255', 67, 68, dhcp(2, DP, b'smsboot\\x64\\wdsmgfw.efi', DP, b'PXEClient'))
    for name, target in (('second-offer', STRANGER), ('offers', DP)):
        other = datagram(STRANGER, '255.255.255.255', 67, 68, dhcp(2, STRANGER, b'boot.efi', target))
        made.save([discover, offer, other], folder, 'admin/r115-' + name)


# ---- where DNS sends clients ----

def locations(folder):
    for name, port in (('location', 80), ('https-location', 443)):
        made_roles.service_lookup(folder, 'topology/r010-' + name, 'mp01.corp.example', port)


# ---- chains of certificates ----

def chains(folder):
    """A chain that ends at another root than the declared one; the near miss: a server that sends no chain."""
    leaf = made_roles.certificate('mp01.corp.example', 'Other Issuing CA')
    for name, chain in (('other-authority', (leaf, made_roles.certificate('Other Issuing CA', 'Other Root'))), ('no-chain', (leaf,))):
        talk = made_roles.Line(DESKS[0], MP, 443)
        made_roles.shake(talk, *chain)
        talk.save(folder, 'tls/r092-' + name)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(made.TOP, 'pcaps')
    for make in (files, responses, content_account, tickets, requests, registry, boot, locations, chains):
        make(folder)


main()
