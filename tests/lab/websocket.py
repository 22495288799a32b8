#!/usr/bin/env python3
"""websocket.py - a TCP connection through a WebSocket (RFC 6455), as gateways and consoles in browsers do it.

usage: websocket.py relay PORT HOST PORT    takes WebSockets on 127.0.0.1:PORT and passes their octets to HOST:PORT
       websocket.py send URL TEXT           sends TEXT (with \\r, \\n) through ws://HOST:PORT/PATH and prints the answer
"""
import base64, hashlib, os, socket, struct, sys, threading


def read(stream, count):
    octets = b''
    while len(octets) < count:
        more = stream.recv(count - len(octets))
        if not more:
            raise EOFError
        octets += more
    return octets


def read_head(stream):
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += read(stream, 1)
    return head.decode()


def read_frame(stream):
    first, second = read(stream, 2)
    length = second & 0x7f
    if length == 126:
        length = struct.unpack('!H', read(stream, 2))[0]
    key = read(stream, 4) if second & 0x80 else bytes(4)
    return first & 0x0f, bytes(c ^ key[i % 4] for i, c in enumerate(read(stream, length)))


def frame(opcode, payload, mask):
    key = os.urandom(4) if mask else b''
    length = bytes([len(payload)]) if len(payload) < 126 else b'\x7e' + struct.pack('!H', len(payload))
    head = bytes([0x80 | opcode, length[0] | (0x80 if mask else 0)]) + length[1:]
    return head + key + (bytes(c ^ key[i % 4] for i, c in enumerate(payload)) if mask else payload)


def serve(stream, target):
    key = [line.split(':', 1)[1].strip() for line in read_head(stream).split('\r\n') if line.lower().startswith('sec-websocket-key:')][0]
    accept = base64.b64encode(hashlib.sha1((key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()).decode()
    stream.sendall(('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                    'Sec-WebSocket-Accept: %s\r\n\r\n' % accept).encode())
    inside = socket.create_connection(target)
    while True:
        opcode, payload = read_frame(stream)
        if opcode == 8:
            stream.sendall(frame(8, payload, False))
            return
        inside.sendall(payload)
        stream.sendall(frame(2, inside.recv(4096), False))


def relay(port, target):
    listener = socket.create_server(('127.0.0.1', port))
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], target), daemon=True).start()


def send(url, text):
    host, path = url.split('://')[1].split('/', 1)
    stream = socket.create_connection((host.split(':')[0], int(host.split(':')[1])))
    stream.sendall(('GET /%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                    'Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: binary\r\n\r\n'
                    % (path, host, base64.b64encode(os.urandom(16)).decode())).encode())
    assert ' 101 ' in read_head(stream)
    stream.sendall(frame(2, text.encode().decode('unicode_escape').encode(), True))
    print(read_frame(stream)[1].decode())
    stream.sendall(frame(8, b'\x03\xe8', True))
    read_frame(stream)


if sys.argv[1] == 'relay':
    relay(int(sys.argv[2]), (sys.argv[3], int(sys.argv[4])))
else:
    send(sys.argv[2], sys.argv[3])
