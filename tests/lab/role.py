#!/usr/bin/python3
"""role.py - answers as the web sites of site systems do, behind a real web server (CGI).

A simulator: no management point, distribution point or update server runs here. The bodies have the outer form of the
genuine ones, as clients' logs and public documentation show it, and nothing more; an auditor reads requests, not these.
"""
import os, sys

SOAP = '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><%sResponse ' \
       'xmlns="http://www.microsoft.com/SoftwareDistribution"/></s:Body></s:Envelope>\n'
LIST = '<MPList><MP Name="MP01" FQDN="mp01.corp.example"><Version>9106</Version><Capabilities SchemaVersion="1.0"/></MP></MPList>\n'
# [MS-WSMV] 2.2.4.40 and WS-Transfer: the shell that was made
SHELL = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" ' \
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">' \
        '<s:Body><x:ResourceCreated><a:ReferenceParameters><w:SelectorSet><w:Selector Name="ShellId">' \
        '6A0D6B55-5B0B-4C0E-8D53-6C8A9D0B7F11</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated></s:Body>' \
        '</s:Envelope>\n'


def answer(script, query, body):
    """Content type and body."""
    if script.endswith('WebService'):
        action = os.environ.get('HTTP_SOAPACTION', 'Get').strip('"').rsplit('/', 1)[-1]
        return 'text/xml; charset=utf-8', (SOAP % action).encode()
    if script.startswith('/ccm_system'):
        return 'multipart/mixed; boundary="aAbBcCdDv1234567890VxXyYzZ"', body[:body.find(b'\r\n\r\n') + 4] + b'\r\n--aAbBcCdDv1234567890VxXyYzZ--'
    if script == '/wsman':
        return 'application/soap+xml; charset=UTF-8', SHELL.encode()
    if 'SMSPKG$' in script:
        return 'application/octet-stream', b'P' * 20000
    if 'MPLIST' in query:
        return 'text/xml', LIST.encode()
    if 'MPCERT' in query:
        return 'text/plain', b'3082' * 400
    return 'text/xml', b'<Reply/>\n'


def main():
    body = sys.stdin.buffer.read(int(os.environ.get('CONTENT_LENGTH') or 0))
    kind, text = answer(os.environ.get('SCRIPT_NAME') or os.environ.get('PATH_INFO', ''), os.environ.get('QUERY_STRING', ''), body)
    sys.stdout.buffer.write(('Content-Type: %s\r\n\r\n' % kind).encode() + text)


main()
