#!/usr/bin/env python3
"""made_sites.py - captures under pcaps/ for undeclared and retired roles, the links of a site and what a bridge cuts off,
each with its near miss. Built message by message on what made.py and made_roles.py have.

usage: tests/lab/made_sites.py [FOLDER]      (default: pcaps/; the result is committed)
"""
import ipaddress, os, struct, sys

import made
import made_chapters
import made_roles
from made import ACK, UP, captures
from made_roles import CM, DESK, DP, MP, PROXY, reply, request, tls, web

STRANGER, OLD_ROLE = '10.77.0.110', '10.77.0.19'
SNAPPED = 96


def save_snapped(talk, folder, name):
    """As a capture that keeps the first octets of each frame."""
    talk.close()
    packets = [captures.Packet(p.ns, p.data[:SNAPPED], p.wire_len) for p in captures.packets_of(talk.frames)]
    captures.write(os.path.join(folder, name + '.pcap'), captures.pcap(packets))


def boot_answer(server):
    """PXE 2.1 2.2: an ACK from port 4011, with the options of a task sequence (243, 252)"""
    fixed = struct.pack('!BBBBIHH', 2, 1, 6, 0, 0x1234, 0, 0) + ipaddress.ip_address(DESK).packed + bytes(4)
    fixed += ipaddress.ip_address(server).packed + bytes(4) + bytes.fromhex('020000000101') + bytes(10 + 64)
    fixed += b'smsboot\\x64\\wdsmgfw.efi'.ljust(128, b'\0')
    options = ((53, b'\5'), (54, ipaddress.ip_address(server).packed), (60, b'PXEClient'),
               (243, b'\1\x20SMSTemp\\2023.11.14.var'), (252, b'SMSTemp\\2023.11.14.bcd'))
    return fixed + bytes.fromhex('63825363') + b''.join(bytes([k, len(v)]) + v for k, v in options) + b'\xff'


def topology(folder):
    for case, server in (('pxe', STRANGER), ('pxe-declared', DP)):
        answer = made_chapters.datagram(server, DESK, 4011, 68, boot_answer(server))
        made.save([answer], folder, 'topology/r006-' + case)
    for case, status in (('management-point', '200 OK'), ('refused', '404 Not Found')):
        asked = request('CCM_POST', '/ccm_system/request', 'mp07.corp.example', b'<request/>')
        web(DESK, STRANGER, 80, (asked, reply(status))).save(folder, 'topology/r006-' + case)
    for case in ('catalogue', 'article'):
        tls(DESK, OLD_ROLE, 443).save(folder, 'topology/r008-' + case)
    for case in ('outside-schedule', 'within-schedule'):
        talk = made_roles.negotiated(CM, DP)
        for _ in range(25):
            talk.segment(UP, ACK, bytes(60000))
        save_snapped(talk, folder, 'topology/r009-' + case)
    for case in ('bridge', 'tunnel'):
        tls(PROXY, OLD_ROLE, 443).save(folder, 'forest/r030-' + case)


def options(folder):
    """What the policy says of a site, and of where machines boot, decides."""
    kind = 'Content-Type: multipart/mixed; boundary="aAbBcCdDv1234567890VxXyYzZ"'
    for case in ('readable', 'not-encrypted'):
        posted = request('CCM_POST', '/ccm_system/request', 'mp01.corp.example',
                         made_roles.message('MP_HinvEndpoint', '--sign'), kind)
        web(DESK, MP, 80, (posted, reply('200 OK'))).save(folder, 'client/r019-' + case)
    relay = '10.77.0.97'
    made.save([made_chapters.datagram(relay, DP, 67, 67, made_chapters.discover(relay))], folder, 'admin/r115-no-boot-network')


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(made.TOP, 'pcaps')
    for make in (topology, options):
        make(folder)


if __name__ == '__main__':
    main()
