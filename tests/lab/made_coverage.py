#!/usr/bin/env python3
"""made_coverage.py - pairs of captures for what a capture shows of the hierarchy at all: required paths, names of other
forests, declarations that the traffic contradicts, traffic that is missing. Built message by message on what made.py has.

usage: tests/lab/made_coverage.py [FOLDER]      (default: pcaps/; the result is committed)
"""
import ipaddress, os, struct, sys

import made
from made import ACK, DOWN, SYN, UP, Talk, captures

DC, CM, MP, DP = ['10.77.0.%d' % n for n in (10, 11, 12, 13)]
ALLY_MP, DESK, ROUTER, LLMNR = '10.77.5.12', '10.77.0.101', '10.77.0.97', '224.0.0.252'
RST = 4


class Attempt(Talk):
    """A connection of which nothing is said yet; its SYN comes with `knock`."""

    def __init__(self, client, server, port, frames, own_port=50001):
        self.ends, self.ports, self.next, self.frames = (client, server), (own_port, port), [1000, 5000], frames

    def knock(self, times=1):
        for _ in range(times):
            self.segment(UP, SYN)

    def refuse(self):
        self.next[UP] += 1
        self.next[DOWN] = 0
        self.segment(DOWN, RST | ACK)

    def go_on_unheard(self):
        """It was answered where nobody recorded."""
        self.next[UP] += 1
        self.next[DOWN] += 1
        self.segment(UP, ACK)


def unreachable(source, about, code):
    """RFC 792: destination unreachable, with the head of the packet that it is about"""
    quoted = about[14:14 + 28]
    body = struct.pack('!BBHI', 3, code, 0, 0) + quoted
    body = body[:2] + struct.pack('!H', captures.checksum(body)) + body[4:]
    return captures.ethernet(captures.ipv4(source, str(ipaddress.ip_address(quoted[12:16])), 1, body))


def paths(folder):
    def elsewhere(client=DESK):
        """Somebody is answered, so that the sensor is known to see answers."""
        return Talk(DP, 443, client).close()

    frames = elsewhere()
    Attempt(DESK, MP, 443, frames).knock(3)
    made.save(frames, folder, 'coverage/r123-silent')

    frames = []
    Attempt(CM, DP, 445, frames).knock()
    frames.append(unreachable(ROUTER, frames[0], 13))
    made.save(frames, folder, 'coverage/r123-prohibited')

    frames = []
    refused = Attempt(DESK, MP, 443, frames)
    refused.knock()
    refused.refuse()
    frames += Talk(MP, 443, DESK).close()
    made.save(frames, folder, 'coverage/r123-restart')

    frames = []
    one_way = Attempt(DESK, DP, 443, frames)
    one_way.knock()
    one_way.go_on_unheard()
    Attempt(DESK, MP, 443, frames, 50002).knock(3)
    made.save(frames, folder, 'coverage/r123-one-way')


# ---- DNS: RFC 1035 4.1, RFC 4795 2.1.1 ----

def labels(text):
    return b''.join(bytes([len(part)]) + part.encode() for part in text.split('.')) + b'\0'


def datagram(source, destination, ports, payload):
    return captures.ethernet(captures.ipv4(source, destination, 17, captures.udp(*ports, payload)))


def lookup(name, rcode, address=None):
    question = labels(name) + struct.pack('!HH', 1, 1)
    answer = b'' if address is None else b'\xc0\x0c' + struct.pack('!HHIH', 1, 1, 300, 4) + ipaddress.ip_address(address).packed
    return [datagram(CM, DC, (50001, 53), struct.pack('!6H', 7, 0x100, 1, 0, 0, 0) + question),
            datagram(DC, CM, (53, 50001), struct.pack('!6H', 7, 0x8180 | rcode, 1, address is not None, 0, 0) + question + answer)]


def names(folder):
    name = 'mp05.ally.example'
    fallback = struct.pack('!6H', 9, 0, 1, 0, 0, 0) + labels('mp05') + struct.pack('!HH', 1, 1)
    made.save(lookup(name, 3) + [datagram(CM, LLMNR, (50002, 5355), fallback)], folder, 'coverage/r124-no-such-name')
    made.save(lookup(name, 2) + lookup(name, 0, ALLY_MP), folder, 'coverage/r124-second-try')
    made.save(lookup(name, 3)[1:], folder, 'coverage/r124-answer-alone')
    made.save(lookup('mp01.corp.example', 0, '10.77.0.50'), folder, 'coverage/r125-other-address')
    made.save(lookup('mp01.corp.example', 0, MP), folder, 'coverage/r125-declared-address')


# ---- NTLM: [MS-NLMP] 2.2.1.2 ----

def claims(folder):
    for case, domain in (('r125-other-forest', 'ally.example'), ('r125-own-forest', 'corp.example')):
        smb = made.Smb(445, Talk(MP, 445, CM), signing=3)
        smb.negotiate()
        token = made.challenge_token('mp01').replace(made.utf16('corp.example'), made.utf16(domain))
        smb.authenticate(token, made.authenticate_token('svc-install', server='mp01', more=made.MIC))
        smb.talk.save(folder, 'coverage/' + case)


# ---- what is missing, what was seen ----

DB, PARENT_DB = '10.77.0.14', '10.77.0.4'


def quality(folder):
    for case, lost in (('r120-gap', 1), ('r120-whole', 0)):
        talk = Talk(DP, 445, CM)
        for _ in range(3):
            talk.say(UP, b'\0\0\0\4\xfeSMB')
            talk.say(DOWN, b'\0\0\0\4\xfeSMB')
        frames = talk.close()
        made.save(frames[:6] + frames[6 + lost:], folder, 'coverage/' + case)
    for case, port in (('r121-replication', 4022), ('r121-no-replication', 445)):
        made.save(Talk(PARENT_DB, port, DB).close(), folder, 'coverage/' + case)
    for case, encryption in (('r122-encrypted', 1), ('r122-readable', 2)):
        talk = Talk(DB, 1433, MP)
        talk.say(UP, made.packet(made.PRELOGIN, made.prelogin('120700000000', encryption, 0)))
        talk.say(DOWN, made.packet(made.REPLY, made.prelogin('0f0007d00000', encryption, 0)))
        talk.save(folder, 'coverage/' + case)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(made.TOP, 'pcaps')
    for make in (quality, paths, names, claims):
        make(folder)


main()
