#!/usr/bin/python3
"""boot_request.py - asks a ProxyDHCP service on port 4011 for a boot file, as the ROM of a network card does (PXE 2.1, 2.2.3).

usage: boot_request.py SERVER ADDRESS       the server's address, and the client's own; prints the boot file

A simulator: no network boot ROM runs here, and Debian's DHCP clients do not ask on that port.
"""
import ipaddress, socket, struct, sys

server, own = sys.argv[1:]
mac = bytes.fromhex('00155d000103')
fixed = struct.pack('!BBBBIHH4s12x16s', 1, 1, 6, 0, 0x26112026, 0, 0, ipaddress.ip_address(own).packed, mac) + bytes(192)
options = ((53, b'\3'), (60, b'PXEClient:Arch:00000:UNDI:002001'), (93, b'\0\0'), (94, b'\1\2\1'), (97, bytes(17)),
           (55, bytes((1, 3, 43, 60, 66, 67, 128, 129))), (43, bytes((71, 4, 0x80, 0, 0, 0, 255))))
asked = fixed + bytes.fromhex('63825363') + b''.join(bytes((code, len(value))) + value for code, value in options) + b'\xff'
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind((own, 68))
    s.settimeout(3)
    s.sendto(asked, (server, 4011))
    answer = s.recv(2048)
print(answer[108:236].split(b'\0')[0].decode())
