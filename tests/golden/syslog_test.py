#!/usr/bin/env python3
"""syslog_test.py - findings sent by --syslog and received by rsyslog: by UDP, by TCP and by TLS, whole and in order.

usage: syslog_test.py --rolecall PROGRAM --pcaps FOLDER

Skipped (exit status 77) where there is no rsyslogd; TLS also needs rsyslog-gnutls and openssl.
"""
import argparse, glob, json, os, re, shutil, socket, subprocess, sys, tempfile, time

import golden

CASES = ['demo/breaches', 'relay/r044-relay', 'hostile/everything']
BOM = '\ufeff'
CONFIG = '''
global(workDirectory="{folder}" defaultNetstreamDriverCAFile="{folder}/ca.pem"
       defaultNetstreamDriverCertFile="{folder}/server.pem" defaultNetstreamDriverKeyFile="{folder}/server.key")
module(load="imudp")
module(load="{tcp_module}"{tls})
input(type="imudp" address="127.0.0.1" port="{udp}")
input(type="{tcp_module}" {tcp})
template(name="all" type="list" option.jsonf="on") {{
  property(outname="pri" name="pri" format="jsonf")
  property(outname="version" name="protocol-version" format="jsonf")
  property(outname="time" name="timestamp" dateFormat="rfc3339" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="id" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}}
action(type="omfile" file="{folder}/received.jsonl" template="all")
'''
LINE = re.compile(r'<(\d+)>(1) (\S+) - (rolecall) - (\S+) (\[finding@32473(?: \w+="(?:[^"\\\]]|\\["\\\]])*")+\]) (' + BOM + '.*)')

problems = []


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def certificates(folder):
    run = lambda *words: subprocess.run(['openssl', *words], cwd=folder, check=True, capture_output=True)
    run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=syslog test CA',
        '-days', '2')
    run('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost')
    with open(os.path.join(folder, 'names'), 'w', encoding='ascii') as f:
        f.write('subjectAltName=DNS:localhost\n')
    run('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'server.pem',
        '-days', '2', '-extfile', 'names')


class Receiver:
    def __init__(self, folder, tls):
        self.folder, self.udp, self.tcp = folder, free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        config = os.path.join(folder, 'rsyslog.conf')
        with open(config, 'w', encoding='utf-8') as f:
            f.write(CONFIG.format(folder=folder, udp=self.udp, tcp_module='imtcp', tcp='port="%d"' % self.tcp,
                                  tls=' streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon"' if tls else ''))
        self.process = subprocess.Popen(['rsyslogd', '-n', '-i', os.path.join(folder, 'pid'), '-f', config],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.wait_for(self.answers, 'rsyslogd does not listen')

    def answers(self):
        try:
            socket.create_connection(('127.0.0.1', self.tcp), 1).close()
            return True
        except OSError:
            return False

    def wait_for(self, what, otherwise, seconds=15):
        until = time.monotonic() + seconds
        while not what():
            if time.monotonic() > until or self.process.poll() is not None:
                problems.append(otherwise)
                return
            time.sleep(0.05)

    def received(self):
        path = os.path.join(self.folder, 'received.jsonl')
        if not os.path.exists(path):
            return []
        with open(path, encoding='utf-8') as f:
            return [json.loads(line) for line in f.read().split('\n')[:-1] if '"app":"rolecall"' in line]

    def end(self):
        self.process.terminate()
        self.process.wait(15)


def expected_of(o, case):
    text = golden.run(o, ['audit', '-q', '-p', golden.policy_of(o.pcaps, case), '-r', case + '.pcap', '--format', 'syslog'])
    out = []
    for line in text.split('\n')[:-1]:
        match = LINE.fullmatch(line)
        if match is None:
            problems.append('%s: not RFC 5424: %r' % (case, line[:300]))
            continue
        pri, version, when, app, code, data, message = match.groups()
        out.append({'pri': pri, 'version': version, 'time': when, 'app': app, 'id': code, 'data': data, 'text': message})
    return out


def send(o, case, url, *more):
    return subprocess.run([os.path.abspath(o.rolecall), 'audit', '-q', '-p', golden.policy_of(o.pcaps, case), '-r', case + '.pcap',
                           '--syslog', url, *more], cwd=o.pcaps, capture_output=True)


def plain(message):
    return {**message, 'text': message['text'].lstrip(' ').replace(BOM, '')}


def check(o, receiver, case, url, *more):
    before = len(receiver.received())
    expected = expected_of(o, case)
    done = send(o, case, url, *more)
    if done.returncode not in (0, 1) or done.stderr:
        problems.append('%s to %s: exit status %d: %r' % (case, url, done.returncode, done.stderr[:300]))
        return
    receiver.wait_for(lambda: len(receiver.received()) >= before + len(expected), '%s to %s: messages are missing' % (case, url))
    got = receiver.received()[before:]
    for wanted, message in zip(expected, got):
        wanted, message = plain(wanted), plain(message)
        if url.startswith('udp') and len(wanted['text']) > 1000:
            wanted['text'], message['text'] = wanted['text'][:900], message['text'][:900]
        if wanted != message:
            problems.append('%s to %s: sent %r, received %r' % (case, url.split(':')[0], wanted, message))
    print('%s by %s: %d messages' % (case, url.split(':')[0], len(got)))


def check_refusals(o, receiver, folder):
    """A receiver whose certificate nobody vouches for, or that has another name, gets nothing."""
    before = len(receiver.received())
    for url, more in (('tls://localhost:%d' % receiver.tcp, ()),
                      ('tls://127.0.0.1:%d' % receiver.tcp, ('--syslog-ca', os.path.join(folder, 'ca.pem')))):
        done = send(o, CASES[0], url, *more)
        if done.returncode != 2 or done.stderr.count(b'\n') != 1 or b'--syslog' not in done.stderr:
            problems.append('%s: exit status %d, %r' % (url, done.returncode, done.stderr[:300]))
    if len(receiver.received()) != before:
        problems.append('a receiver that is not trusted got messages')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--rolecall', required=True)
    ap.add_argument('--pcaps', required=True)
    o = ap.parse_args()
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    if shutil.which('rsyslogd') is None:
        print('skipped: no rsyslogd here (Debian: rsyslog)')
        return 77
    tls = bool(glob.glob('/usr/lib/*/rsyslog/lmnsd_gtls.so')) and shutil.which('openssl') is not None
    for with_tls in (False, True) if tls else (False,):
        with tempfile.TemporaryDirectory(prefix='rolecall-syslog-') as folder:
            if tls:
                certificates(folder)
            receiver = Receiver(folder, with_tls)
            try:
                for case in CASES:
                    if with_tls:
                        check(o, receiver, case, 'tls://localhost:%d' % receiver.tcp, '--syslog-ca', os.path.join(folder, 'ca.pem'))
                    else:
                        check(o, receiver, case, 'udp://127.0.0.1:%d' % receiver.udp)
                        check(o, receiver, case, 'tcp://localhost:%d' % receiver.tcp)
                if with_tls:
                    check_refusals(o, receiver, folder)
            finally:
                receiver.end()
    if not tls:
        print('TLS was left out: no rsyslog-gnutls or openssl here')
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
