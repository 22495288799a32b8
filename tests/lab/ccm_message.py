#!/usr/bin/env python3
"""ccm_message.py - a message as Configuration Manager clients post it: multipart/mixed, with a header in UTF-16.

usage: ccm_message.py ENDPOINT CLIENT SERVER [--sign] [--encrypt]     (to standard output)

--sign adds the hook clientauth; key and signatures are random octets of the usual lengths, the same in each run.
--encrypt makes the body random octets, as encrypted ones look, and adds the hook encrypt. The boundary is the clients' own.
"""
import random, sys, zlib

BOUNDARY = 'aAbBcCdDv1234567890VxXyYzZ'
words = [word for word in sys.argv[1:] if not word.startswith('--')]
endpoint, client, server = words
octets = random.Random(7)
sign, encrypt = '--sign' in sys.argv, '--encrypt' in sys.argv

request = {'MP_ClientRegistration': 'ClientRegistrationRequest', 'MP_PolicyManager': 'RequestAssignments'}.get(endpoint, 'Report')
body = ('<%s><Client Name="%s" /></%s>\0' % (request, client, request)).encode('utf-16-le')
hooks = '<Hook3 Name="zlib-compress" />'
if encrypt:
    body = octets.randbytes(600)
    hooks = '<Hook1 Name="encrypt" />' + hooks
if sign:
    properties = [('AuthSenderMachine', client), ('PublicKey', octets.randbytes(276).hex().upper()),
                  ('ClientIDSignature', octets.randbytes(256).hex().upper()), ('PayloadSignature', octets.randbytes(256).hex().upper()),
                  ('ClientCapabilities', 'NonSSL'), ('HashAlgorithm', '1.2.840.113549.1.1.11')]
    hooks = '<Hook2 Name="clientauth">%s</Hook2>' % ''.join('<Property Name="%s">%s</Property>' % p for p in properties) + hooks
header = ('<Msg ReplyCompression="zlib" SchemaVersion="1.1"><Body Type="ByteRange" Length="%d" Offset="0" />'
          '<CorrelationID>{00000000-0000-0000-0000-000000000000}</CorrelationID><Hooks>%s</Hooks>'
          '<ID>{6A0D6B55-5B0B-4C0E-8D53-6C8A9D0B7F11}</ID><Payload Type="inline" /><Priority>0</Priority>'
          '<Protocol>http</Protocol><ReplyMode>Sync</ReplyMode><ReplyTo>direct:%s:Reply</ReplyTo>'
          '<SentTime>2026-01-01T00:00:00Z</SentTime><SourceHost>%s</SourceHost>'
          '<SourceID>GUID:3F2504E0-4F89-41D3-9A0C-0305E82C3301</SourceID><TargetAddress>mp:[http]%s</TargetAddress>'
          '<TargetEndpoint>%s</TargetEndpoint><TargetHost>%s</TargetHost><Timeout>60000</Timeout></Msg>'
          % (len(body), hooks, client, client, endpoint, endpoint, server))
part = '--%s\r\ncontent-type: %s\r\n\r\n'
sys.stdout.buffer.write((part % (BOUNDARY, 'text/plain; charset=UTF-16')).encode() + b'\xff\xfe' + header.encode('utf-16-le') +
                        ('\r\n' + part % (BOUNDARY, 'application/octet-stream')).encode() + zlib.compress(body) +
                        ('\r\n--%s--' % BOUNDARY).encode())
