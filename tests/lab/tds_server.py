#!/usr/bin/python3
"""tds_server.py - answers real SQL drivers as SQL Server does, as far as one logon and its queries go.

usage: tds_server.py PORT [--encrypt off|on|required|none] [--cert NAME] [--strict]

A simulator: no SQL Server runs on this system. What it sends has the form of [MS-TDS] (version 15.0.2000.5, LOGINACK,
ENVCHANGE, rows of one column); what drivers send to it is theirs. --encrypt is what PRELOGIN is answered with: off (the
logon alone inside TLS), on and required (all of it), none (nothing). --strict speaks TDS 8.0: TLS first. Windows logons
(NTLM and Kerberos) are checked by the host's winbind through ntlm_auth, as a member server would have them checked.
"""
import argparse, base64, os, socket, ssl, struct, subprocess, sys, threading

BATCH, RPC, REPLY, LOGIN, SSPI, PRELOGIN = 0x01, 0x03, 0x04, 0x10, 0x11, 0x12
ENCRYPTION = {'off': 0, 'on': 1, 'none': 2, 'required': 3}
VERSION = b'\x0f\x00\x07\xd0\x00\x00'


class Gone(Exception):
    pass


class Link:
    """Packets of a connection: in clear, with TLS inside packets while it is being agreed on, or inside TLS."""

    def __init__(self, stream):
        self.stream, self.tls, self.wrapped = stream, None, False
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def take(self, count):
        octets = b''
        while len(octets) < count:
            more = self.stream.recv(count - len(octets))
            if not more:
                raise Gone
            octets += more
        return octets

    def plain_packet(self):
        kind, status, length = struct.unpack('>BBH', (head := self.take(8))[:4])
        return kind, status, self.take(length - len(head))

    def record(self):
        """One TLS record that stands bare on the connection."""
        head = self.take(5)
        return head + self.take(struct.unpack('>H', head[3:])[0])

    def handshake(self, context):
        """The handshake travels inside packets of type PRELOGIN ([MS-TDS] 2.2.6.5)."""
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        while True:
            try:
                self.tls.do_handshake()
                self.flush_handshake()
                return
            except ssl.SSLWantReadError:
                self.flush_handshake()
                self.incoming.write(self.plain_packet()[2])

    def flush_handshake(self):
        octets = self.outgoing.read()
        if octets:
            self.stream.sendall(struct.pack('>BBHHBB', PRELOGIN, 1, len(octets) + 8, 0, 0, 0) + octets)

    def read_tls(self, count):
        octets = b''
        while len(octets) < count:
            try:
                octets += self.tls.read(count - len(octets))
            except ssl.SSLWantReadError:
                self.incoming.write(self.record())
        return octets

    def message(self):
        """One message: the type of its packets and what they hold."""
        body = b''
        while True:
            if self.wrapped:
                kind, status, length = struct.unpack('>BBH', self.read_tls(8)[:4])
                part = self.read_tls(length - 8)
            else:
                kind, status, part = self.plain_packet()
            body += part
            if status & 1:
                return kind, body

    def send(self, body, kind=REPLY):
        octets = struct.pack('>BBHHBB', kind, 1, len(body) + 8, 0, 1, 0) + body
        if self.wrapped:
            self.tls.write(octets)
            octets = self.outgoing.read()
        self.stream.sendall(octets)


def text(string):
    return string.encode('utf-16-le')


def b_varchar(string):
    return bytes([len(string)]) + text(string)


def token(number, body):
    return bytes([number]) + struct.pack('<H', len(body)) + body


def done(count=0):
    return b'\xfd' + struct.pack('<HHQ', 0x10, 0xc1, count)


def logged_on():
    collation = b'\x09\x04\xd0\x00\x34'
    return (token(0xe3, b'\x01' + b_varchar('CM_P01') + b_varchar('master')) +
            token(0xe3, b'\x07' + bytes([5]) + collation + b'\x00') +
            token(0xad, b'\x01\x74\x00\x00\x04' + b_varchar('Microsoft SQL Server') + b'\x0f\x00\x07\xd0') +
            token(0xe3, b'\x04' + b_varchar('4096') + b_varchar('4096')) + done())


def refused(user):
    words = "Login failed for user '%s'." % user
    return token(0xaa, struct.pack('<IBB', 18456, 1, 14) + struct.pack('<H', len(words)) + text(words) + b_varchar('SQL01') +
                 b'\x00' + struct.pack('<I', 1)) + b'\xfd' + struct.pack('<HHQ', 2, 0, 0)


def rows():
    """One row, one column of type INT."""
    return b'\x81' + struct.pack('<HIHB', 1, 0, 0x08, 0x38) + b_varchar('n') + b'\xd1' + struct.pack('<i', 1) + done(1)


class Checker:
    """winbind's opinion of a Windows logon, message by message."""

    def __init__(self):
        self.helper = subprocess.Popen(['ntlm_auth', '--helper-protocol=gss-spnego'], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.first = True

    def ask(self, blob):
        """(accepted or None to go on, what to send)."""
        if self.first and blob.startswith(b'NTLMSSP\0'):
            # FreeTDS does not ask for the target's name, and gives up without it.
            blob = blob[:12] + struct.pack('<I', struct.unpack('<I', blob[12:16])[0] | 4) + blob[16:]
        self.helper.stdin.write('%s %s\n' % ('YR' if self.first else 'KK', base64.b64encode(blob).decode()))
        self.helper.stdin.flush()
        self.first = False
        verdict, *rest = self.helper.stdout.readline().split()
        answer = base64.b64decode(rest[0]) if rest and rest[0] != '*' else b''
        return (None if verdict == 'TT' else verdict == 'AF'), answer

    def end(self):
        self.helper.kill()
        self.helper.wait()


def field(body, number):
    """One of the variable parts of LOGIN7: offset and length in characters."""
    at, length = struct.unpack_from('<HH', body, 36 + 4 * number)
    return body[at:at + 2 * length].decode('utf-16-le', 'replace')


def windows_logon(link, body):
    at, length = struct.unpack_from('<HH', body, 78)
    checker, blob = Checker(), body[at:at + length]
    try:
        while True:
            accepted, answer = checker.ask(blob)
            if accepted is not None:
                # A Kerberos acceptor's last word travels before the logon is acknowledged.
                link.send((token(0xed, answer) if answer else b'') + logged_on() if accepted else refused(''))
                return accepted
            link.send(token(0xed, answer))
            kind, blob = link.message()
            if kind != SSPI:
                raise Gone
    finally:
        checker.end()


def logon(link, options, context):
    if not options.strict:
        kind, body = link.message()
        wanted = prelogin_encryption(body)
        answer = ENCRYPTION[options.encrypt]
        if answer == 0 and wanted in (1, 3):
            answer = 1                       # a client that wants all encrypted gets it where there is a certificate
        link.send(prelogin(answer))
        if answer != 2 and not (answer == 0 and wanted == 2):
            link.handshake(context)
            link.wrapped = True
    else:
        link.send(prelogin(0)) if link.message()[0] == PRELOGIN else None
        answer = 1
    kind, body = link.message()
    if kind != LOGIN:
        raise Gone
    if answer == 0:
        link.wrapped = False                 # the logon alone was inside TLS
    if body[25] & 0x80:
        return windows_logon(link, body)
    good = field(body, 1) != 'stranger'
    link.send(logged_on() if good else refused(field(body, 1)))
    return good


def prelogin_encryption(body):
    at = 0
    while body[at] != 0xff:
        kind, offset, length = struct.unpack_from('>BHH', body, at)
        if kind == 1:
            return body[offset]
        at += 5
    return 2


def prelogin(encryption):
    parts = ((0, VERSION), (1, bytes([encryption])), (2, b'\x00'), (3, b''), (4, b'\x00'))
    head, body, at = b'', b'', 5 * len(parts) + 1
    for kind, value in parts:
        head += struct.pack('>BHH', kind, at + len(body), len(value))
        body += value
    return head + b'\xff' + body


class TlsStream:
    """A connection that is TLS from its first octet, to be read as a plain one."""

    def __init__(self, stream, context):
        context.set_alpn_protocols(['tds/8.0'])
        self.inner = context.wrap_socket(stream, server_side=True)
        self.recv, self.sendall = self.inner.recv, self.inner.sendall


def serve(stream, options, context):
    try:
        link = Link(TlsStream(stream, context) if options.strict else stream)
        if logon(link, options, context):
            while True:
                kind, _ = link.message()
                link.send(rows() if kind in (BATCH, RPC) else done())
    except (Gone, OSError, ssl.SSLError) as fault:
        print('%s: %r' % (stream, fault), flush=True)
    finally:
        stream.close()


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('port', type=int)
    parser.add_argument('--encrypt', default='off', choices=ENCRYPTION)
    parser.add_argument('--cert', default=socket.gethostname())
    parser.add_argument('--strict', action='store_true')
    options = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers('DEFAULT')
    if not options.strict:
        context.maximum_version = ssl.TLSVersion.TLSv1_2     # inside PRELOGIN packets
    context.load_cert_chain('%s/%s.pem' % (os.environ['PKI'], options.cert), '%s/%s.key' % (os.environ['PKI'], options.cert))
    listener = socket.create_server(('', options.port))
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], options, context), daemon=True).start()


if __name__ == '__main__':
    sys.exit(main())
