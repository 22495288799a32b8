#!/usr/bin/env python3
"""made_hostile.py - pcaps/hostile/everything.pcap: wherever a report prints what traffic says (names of hosts and users,
requests, shares, certificates, directory entries, SQL), traffic says something that a browser, a terminal, a spreadsheet
or a parser would act on. Built message by message on what made.py and its like have.

usage: tests/lab/made_hostile.py [FOLDER]      (default: pcaps/; the result is committed)
"""
import base64, os, struct, sys

import made, made_chapters, made_roles
from made import DOWN, UP, Smb, Talk

DC, MP, DP, SQL, DESK = '10.77.0.10', '10.77.0.12', '10.77.0.13', '10.77.0.14', '10.77.0.101'
SCRIPT = '</script><script>alert(1)</script>'
FORMULA = '=HYPERLINK("http://evil.example","x")'
TERMINAL = '\x1b]0;owned\x07\x1b[2J\x9b31m'
SYNTAX = '"\'`|\\],{0}%n<!--#*_](javascript:alert(1))'
HIDDEN = '\u202egnp.exe\u2028\u200b\ufeff\u0085'
LINES = 'a\r\nCRITICAL R999 forged\n\t'


def web(beside):
    talk = Talk(MP, 80, DESK, beside)
    user = base64.b64encode((FORMULA + ':x').encode()).decode()
    talk.say(UP, ('GET /%s?q=%s%s HTTP/1.1\r\nHost: %s.corp.example\r\nUser-Agent: %s\r\nAuthorization: Basic %s\r\n\r\n'
                  % (SCRIPT, SYNTAX, HIDDEN, SCRIPT, FORMULA, user)).encode())
    talk.say(DOWN, b'HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n')
    talk.close()
    return talk


def files(beside):
    smb = Smb(445, Talk(DP, 445, DESK, beside))
    smb.negotiate()
    smb.authenticate(made.challenge_token(), made.authenticate_token(FORMULA + TERMINAL, SCRIPT, workstation=SYNTAX + HIDDEN))
    smb.connect('ADMIN$')
    smb.connect(SCRIPT + FORMULA + LINES)
    smb.write(SYNTAX + TERMINAL, 10)
    smb.talk.close()


def certificate(beside):
    talk = Talk(MP, 443, DESK, beside)
    made_roles.shake(talk, made_roles.certificate(FORMULA + SCRIPT, SYNTAX + TERMINAL + HIDDEN))
    talk.close()


def database(beside):
    talk = Talk(SQL, 1433, DESK, beside)
    talk.say(UP, made.packet(made.PRELOGIN, made.prelogin('110700000000', 2, 0)))
    talk.say(DOWN, made.packet(made.REPLY, made.prelogin('0f0007d00000', 2, 0)))
    talk.say(UP, made.packet(made.LOGIN7, made.login(FORMULA + SCRIPT + TERMINAL, 'x')))
    talk.say(DOWN, made.packet(made.REPLY, made.message(0xaa, 18456, 1, 14, SYNTAX + LINES) + made.done()))
    talk.say(UP, made.batch('SELECT [%s] FROM [%s] -- %s%s' % (SCRIPT, FORMULA, TERMINAL, HIDDEN)))
    talk.say(DOWN, made.packet(made.REPLY, made.done(1)))
    talk.close()


def directory(beside):
    one = made_chapters.Directory(DESK)
    first = len(beside.frames)
    one.simple_bind('CN=%s,%s' % (SCRIPT, FORMULA + TERMINAL), 'x')
    beside.frames += one.talk.close()
    assert len(beside.frames) > first


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(made.TOP, 'pcaps')
    first = web(None)
    for make in (files, certificate, database, directory):
        make(first)
    made.save(first.frames, folder, 'hostile/everything')


if __name__ == '__main__':
    main()
