#!/usr/bin/env python3
"""web.py ROLECALL PCAPS - what `rolecall audit --listen` hands out, and what it refuses.

In a network namespace of its own, as live.py: packets are sent into one end of a veth pair, rolecall captures at the
other and serves on the loopback. Exit status 77: this machine does not allow it.
"""
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import live

PORT = 8080
JSON_LINES = 'application/x-ndjson; charset=utf-8'
PATHS = {
    '/': 'text/html; charset=utf-8',
    '/data': 'text/plain; charset=us-ascii',
    '/records.jsonl': JSON_LINES,
    '/findings.jsonl': JSON_LINES,
    '/verdicts.jsonl': JSON_LINES,
    '/statements.jsonl': JSON_LINES,
    '/hosts.jsonl': JSON_LINES,
    '/conversations.jsonl': JSON_LINES,
    '/summary.json': 'application/json; charset=utf-8',
    '/metrics': 'text/plain; version=0.0.4; charset=utf-8',
    '/healthz': 'text/plain; charset=utf-8',
}
HEADERS = {
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
}
FLOOD = 10000
# Sanitizers keep what is freed, and take their time.
SANITIZED = 'ROLECALL_SANITIZED' in os.environ
TOKEN = 'correct-horse-battery-staple-7731'


# ---- asking ----

def ask(path, method='GET', body=None, headers=None, port=PORT, tls=None, source='127.0.0.1'):
    """(status, headers, octets)"""
    make = http.client.HTTPSConnection if tls else http.client.HTTPConnection
    more = {'context': tls} if tls else {}
    c = make('127.0.0.1', port, timeout=20, source_address=(source, 0), **more)
    try:
        c.request(method, path, body, headers or {})
        answer = c.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        c.close()


def get(path, **more):
    status, _, octets = ask(path, **more)
    assert status == 200, (path, status, octets[:200])
    return octets


def lines(path):
    return [json.loads(line) for line in get(path).splitlines()]


def raw(octets, seconds=20):
    """All that is answered to these octets, until the other end closes."""
    with socket.create_connection(('127.0.0.1', PORT), timeout=seconds) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(octets)
        said = b''
        with contextlib.suppress(ConnectionError):
            while part := s.recv(65536):
                said += part
        return said


class Events(threading.Thread):
    """Listens, and keeps what it hears: [(id, name, data)]."""

    def __init__(self, query='', headers=None):
        super().__init__(daemon=True)
        self.heard, self.ended = [], False
        self.connection = http.client.HTTPConnection('127.0.0.1', PORT, timeout=30)
        self.connection.request('GET', '/events' + query, headers=headers or {})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200 and self.answer.headers['Content-Type'] == 'text/event-stream'
        self.start()

    def run(self):
        event = {}
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := self.answer.readline():
                key, _, value = line.decode().rstrip('\n').partition(': ')
                if key:
                    event[key] = value
                elif event:
                    self.heard.append((int(event.get('id', 0)), event['event'], json.loads(event['data'])))
                    event = {}
        self.ended = True

    def of(self, name):
        return [(i, data) for i, kind, data in list(self.heard) if kind == name]

    def close(self):
        self.answer.close()
        self.connection.close()


@contextlib.contextmanager
def auditing(rolecall, pcaps, *more, policy=None, listen=f'127.0.0.1:{PORT}'):
    with live.Folder() as top:
        folder = f'{top}/report'
        words = ['audit', '-p', policy or f'{pcaps}/demo/policy.yaml', '-i', 'tap0', '--report', folder,
                 '--formats', 'jsonl', '-o', '/dev/null', '--listen', listen, *more]
        audit = live.Capture(rolecall, words)
        audit.folder = folder
        audit.worker, = live.children(audit.process.pid)
        audit.status = audit.err = None

        def answers():
            with contextlib.suppress(OSError):
                with socket.create_connection(('127.0.0.1', int(listen.rpartition(':')[2])), timeout=1):
                    return True
            return False

        def finish():
            audit.status, _, audit.err = audit.end()

        audit.finish = finish
        try:
            live.wait_for(answers)
            yield audit
            if audit.status is None:
                finish()
            assert audit.status in (0, 1), audit.err
        finally:
            if audit.process.poll() is None:
                audit.process.terminate()
                audit.process.communicate()


def announced(audit):
    with contextlib.suppress(FileNotFoundError):
        with open(f'{audit.folder}/findings.jsonl', encoding='utf-8') as f:
            return [json.loads(line) for line in f]
    return []


def said_by(audit, part):
    return [line for line in audit.err.splitlines() if part in line]


# ---- what is handed out ----

def metrics():
    """Prometheus's own parser reads it (and promtool, where it is): {(name, labels): value}."""
    from prometheus_client.parser import text_string_to_metric_families

    text = get('/metrics').decode()
    if shutil.which('promtool'):
        done = subprocess.run(['promtool', 'check', 'metrics'], input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type in ('counter', 'gauge') and family.documentation, family
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, key
            found[key] = sample.value
    return found


def paths(audit):
    for path, kind in PATHS.items():
        status, headers, octets = ask(path)
        assert status == 200 and headers['Content-Type'] == kind, (path, status, headers.items())
        for name, value in HEADERS.items():
            assert headers[name] == value, (path, name, headers[name])
        assert "frame-ancestors 'none'" in headers['Content-Security-Policy'], path
        assert 'Access-Control-Allow-Origin' not in headers and 'Server' not in headers
        assert ask(path, 'HEAD')[2] == b''
        assert octets or path in ('/findings.jsonl', '/conversations.jsonl'), path
    page = get('/').decode()
    csp = ask('/')[1]['Content-Security-Policy']
    assert "default-src 'none'" in csp and 'unsafe' not in csp and "connect-src 'self'" in csp
    assert csp.split('; frame')[0] in page, 'the page has another policy than its header'
    assert audit.process.poll() is None


def findings_come(audit, pcaps):
    """As an event, in the records, in the metrics and in findings.jsonl: the same ones."""
    events = Events()
    live.wait_for(lambda: events.of('figures'))
    live.send('in0', f'{pcaps}/demo/breaches.pcap')
    live.wait_for(lambda: len(announced(audit)) >= 4)
    live.wait_for(lambda: len(events.of('finding')) == len(announced(audit)))
    assert [f for _, f in events.of('finding')] == announced(audit)
    assert [i for i, _ in events.of('finding')] == list(range(1, len(announced(audit)) + 1))
    ids = {f['id'] for f in announced(audit)}
    assert ids <= {f['id'] for f in lines('/findings.jsonl')}, 'a finding that was announced is not in the records'
    everything = lines('/records.jsonl')
    kinds = {'finding': '/findings.jsonl', 'verdict': '/verdicts.jsonl', 'host': '/hosts.jsonl', 'statement': '/statements.jsonl',
             'conversation': '/conversations.jsonl', 'summary': '/summary.json'}
    for kind, path in kinds.items():
        assert [r for r in everything if r['type'] == kind] == lines(path), path
    time.sleep(1.2)
    found, sent = metrics(), len(live.frames(f'{pcaps}/demo/breaches.pcap'))
    assert found['rolecall_packets_total', ()] == sent, found['rolecall_packets_total', ()]
    assert found['rolecall_drops_total', (('kind', 'ring'),)] == 0
    assert found['rolecall_flows_total', ()] > 30 and found['process_resident_memory_bytes', ()] > 1e6
    worst = {f['id']: f['severity'] for f in announced(audit)}
    for severity in ('critical', 'high', 'medium', 'low', 'info'):
        shown = found['rolecall_findings', (('severity', severity),)]
        assert shown == list(worst.values()).count(severity), (severity, shown, worst)
    figures = events.of('figures')[-1][1]
    assert figures['packets'] == sent and figures['event'] == len(announced(audit)), figures
    for query, headers in (('?after=2', {}), ('', {'Last-Event-ID': '2'})):
        later = Events(query, headers)
        live.wait_for(lambda later=later: later.of('finding'))
        assert later.of('finding')[0][0] == 3, 'not from the third on'
        later.close()
    return events


def policy_anew(audit, events, policy):
    with open(policy, 'a', encoding='utf-8') as f:
        f.write('\n# another octet\n')
    audit.process.send_signal(signal.SIGHUP)
    live.wait_for(lambda: events.of('policy'))
    live.wait_for(lambda: sum(events.of('figures')[-1][1]['findings'].values()) == 0)


def hands_out(rolecall, pcaps):
    with live.Folder() as work:
        for name in ('policy.yaml', 'corp-root.pem'):
            shutil.copy(f'{pcaps}/demo/{name}', work)
        policy = f'{work}/policy.yaml'
        with auditing(rolecall, pcaps, policy=policy) as audit:
            paths(audit)
            before = metrics()
            events = findings_come(audit, pcaps)
            after = metrics()
            for key, value in before.items():
                assert not key[0].endswith('_total') or after[key] >= value, f'{key} went back'
            policy_anew(audit, events, policy)
            audit.finish()
            live.wait_for(lambda: events.ended)
            assert events.heard[-1][1] == 'end', events.heard[-1]
            assert said_by(audit, f'http://127.0.0.1:{PORT}/'), audit.err


# ---- what is refused ----

def requests_refused():
    head = b'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n'
    wrong = {
        b'GET /metrics HTTP/1.1\r\nHost: evil.example\r\n': 421,
        b'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n': 421,
        b'GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n': 421,
        b'GET /metrics HTTP/1.1\r\n': 400,
        b'GET /metrics HTTP/1.0\r\n': 421,
        b'DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n': 405,
        b'POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n': 405,
        b'OPTIONS / HTTP/1.1\r\nHost: localhost\r\n': 405,
        b'GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n': 413,
        b'GET /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n': 413,
        b'GET /nothing HTTP/1.1\r\nHost: localhost\r\n': 404,
        b'GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\n': 404,
        b'GET /%00 HTTP/1.1\r\nHost: localhost\r\n': 404,
        head + b'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n': 403,
        head + b'Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n': 403,
        head + b'X-Long: ' + b'a' * 40000 + b'\r\n': 431,
        head + b''.join(b'X-%d: y\r\n' % i for i in range(5000)): 431,
        b'GET /' + b'a' * 40000 + b' HTTP/1.1\r\nHost: localhost\r\n': 414,
    }
    right = [
        head,
        b'GET /metrics HTTP/1.1\r\nHost: localhost:8080\r\n',
        b'GET /metrics HTTP/1.1\r\nHost: [::1]:8080\r\n',
        head + b'Sec-Fetch-Site: none\r\n',
        head + b'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n',
    ]
    for request, status in [*wrong.items(), *((r, 200) for r in right)]:
        said = raw(request + b'Connection: close\r\n\r\n')
        # Where a header does not fit at all there may be no answer but the end.
        fine = said.startswith(b'HTTP/1.1 %d' % status) or (status in (414, 431) and said[9:10] in (b'', b'4'))
        assert fine, (request[:80], status, said[:60])
    assert raw(b'\x16\x03\x01\x02\x00\x01\x00' + bytes(200))[9:12] in (b'', b'400'), 'TLS where there is none'


def slow_ones():
    """Who sends an octet now and then is ended; others are served meanwhile."""
    slow = [socket.create_connection(('127.0.0.1', PORT)) for _ in range(20)]
    begin = time.monotonic()
    for s in slow:
        s.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
        s.setblocking(False)
    while slow and time.monotonic() - begin < 25:
        time.sleep(0.5)
        get('/healthz')
        for s in list(slow):
            try:
                s.send(b'a')
                over = s.recv(100) == b''
            except BlockingIOError:
                over = False
            except OSError:
                over = True
            if over:
                slow.remove(s)
                s.close()
    took = time.monotonic() - begin
    assert not slow and took < 15, f'{len(slow)} slow connections are still there after {took:.0f} s'


def descriptors(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


def flood(audit, pcaps):
    """10,000 connections, 60 at a time, while packets are captured."""
    left, lock, most = [FLOOD], threading.Lock(), 0

    def come():
        while True:
            with lock:
                left[0] -= 1
                if left[0] < 0:
                    return
            with contextlib.suppress(OSError):
                with socket.create_connection(('127.0.0.1', PORT), timeout=1) as s:
                    s.recv(100)  # nothing comes: turned away, or let in and waited for

    before = metrics()
    visitors = [threading.Thread(target=come) for _ in range(60)]
    visitors.append(threading.Thread(target=live.send, args=('in0', f'{pcaps}/demo/breaches.pcap')))
    begin = time.monotonic()
    for v in visitors:
        v.start()
    while any(v.is_alive() for v in visitors):
        most = max(most, descriptors(audit.worker))
        time.sleep(0.2)
    took = time.monotonic() - begin
    live.wait_for(lambda: ask('/healthz')[0] == 200)
    time.sleep(2)
    after, sent = metrics(), len(live.frames(f'{pcaps}/demo/breaches.pcap'))
    assert after['rolecall_packets_total', ()] - before['rolecall_packets_total', ()] == sent
    assert after['rolecall_drops_total', (('kind', 'ring'),)] == 0
    refused = after['rolecall_web_refused_connections_total', ()]
    assert refused > FLOOD / 2, f'{refused} were turned away'
    assert most < 150, f'{most} descriptors'
    grown = after['process_resident_memory_bytes', ()] - before['process_resident_memory_bytes', ()]
    assert grown < 16e6 or SANITIZED, f'{grown} octets more'
    used = after['process_cpu_seconds_total', ()] - before['process_cpu_seconds_total', ()]
    print(f'web: {FLOOD} connections in {took:.1f} s, {refused:.0f} turned away, {used:.1f} s of processor time, '
          f'{grown / 1e6:.1f} MB more, at most {most} descriptors')
    assert len(announced(audit)) >= 4


def bounded(rolecall, pcaps):
    with auditing(rolecall, pcaps) as audit:
        requests_refused()
        slow_ones()
        flood(audit, pcaps)
        streams = [Events() for _ in range(24)]
        assert ask('/events')[0] == 503, 'there is no end to streams'
        for s in streams:
            s.close()
        live.wait_for(lambda: ask('/events', 'HEAD')[0] == 200)
        audit.finish()
        assert len(said_by(audit, 'more visitors than are served')) == 1, audit.err
        assert audit.err.count('\n') == 2, audit.err


# ---- tokens and TLS ----

def certificate(work):
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', f'{work}/key.pem', '-out', f'{work}/cert.pem', '-days', '2', '-subj', '/CN=audit.corp.example',
                    '-addext', 'subjectAltName=DNS:audit.corp.example,IP:127.0.0.1'], check=True, capture_output=True)
    with open(f'{work}/token', 'w', encoding='ascii') as f:
        f.write(TOKEN + '\n')
    for name in ('key.pem', 'token'):
        os.chmod(f'{work}/{name}', 0o600)
    return ['--certificate', f'{work}/cert.pem', '--key', f'{work}/key.pem', '--token-file', f'{work}/token']


def tokens(tls):
    def status(path='/metrics', **headers):
        return ask(path, headers={k.replace('_', '-'): v for k, v in headers.items()}, port=8443, tls=tls)[0]

    assert ask('/healthz', port=8443, tls=tls)[0] == 200, 'whether it is well is no secret'
    assert status() == 401 and status(Authorization='Basic eDp5') == 401
    assert status(Authorization=f'Bearer {TOKEN}') == 200 and status(Authorization=f'bearer  {TOKEN}') == 200
    for near in (TOKEN[:-1], TOKEN + 'x', TOKEN.upper(), ''):
        assert status(Authorization=f'Bearer {near}') == 401, near
    for path in PATHS:
        assert path == '/healthz' or status(path) == 401, path
    assert status('/events') == 401 and status('/nothing') == 401


def login(tls):
    form = {'Content-Type': 'application/x-www-form-urlencoded'}
    code, headers, page = ask('/', headers={'Accept': 'text/html'}, port=8443, tls=tls)
    assert code == 401 and b'<form method="post" action="/login">' in page, page
    assert "default-src 'none'; style-src 'sha256-" in headers['Content-Security-Policy']
    code, headers, page = ask('/login', 'POST', 'token=wrong-token-of-some-length', form, port=8443, tls=tls)
    assert code == 401 and b'not the right one' in page and 'Set-Cookie' not in headers
    assert ask('/login', 'POST', 'token=' + 'a' * 5000, form, port=8443, tls=tls)[0] == 413
    code, headers, _ = ask('/login', 'POST', 'token=' + TOKEN.replace('-', '%2D'), form, port=8443, tls=tls)
    assert code == 303 and headers['Location'] == '/', code
    cookie = headers['Set-Cookie']
    assert cookie.startswith('__Host-rolecall') and TOKEN not in cookie
    for word in ('Path=/', 'HttpOnly', 'SameSite=Lax', 'Secure'):
        assert word in cookie.split('; '), cookie
    value = cookie.split(';')[0]
    name, _, rest = value.partition('=')
    end, _, code = rest.partition('.')
    tries = {value: 200, f'a=b; {value}; c=d': 200, value[:-1] + ('0' if value[-1] != '0' else '1'): 401,
             f'{name}={int(end) + 9999}.{code}': 401, f'{name}=1.{code}': 401, f'{name}={end}.': 401, f'{name}=': 401}
    for given, want in tries.items():
        got = ask('/summary.json', headers={'Cookie': given}, port=8443, tls=tls)[0]
        assert got == want, (given, got)


def guessing(tls):
    """Of one address; another one is heard."""
    answers = [ask('/metrics', headers={'Authorization': f'Bearer guess-number-{i}'}, port=8443, tls=tls, source='127.0.0.9')[0]
               for i in range(12)]
    assert answers == [401] * 10 + [429] * 2, answers
    right = {'Authorization': f'Bearer {TOKEN}'}
    assert ask('/metrics', headers=right, port=8443, tls=tls, source='127.0.0.9')[0] == 429
    assert ask('/metrics', headers=right, port=8443, tls=tls, source='127.0.0.8')[0] == 200


def names(tls):
    right = {'Authorization': f'Bearer {TOKEN}'}
    for host, want in {'audit.corp.example': 200, 'AUDIT.corp.example:8443': 200, '127.0.0.1:8443': 200, 'evil.example': 421,
                       'localhost': 421, 'corp.example': 421, 'audit.corp.example:x': 421}.items():
        got = ask('/metrics', headers={**right, 'Host': host}, port=8443, tls=tls)[0]
        assert got == want, (host, got)


def half_handshakes(audit):
    """Who stops within a TLS handshake costs next to nothing."""
    def used():
        with open(f'/proc/{audit.worker}/stat', encoding='ascii') as f:
            return sum(map(int, f.read().rpartition(')')[2].split()[11:13])) / os.sysconf('SC_CLK_TCK')

    hello = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname='audit.corp.example')
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    octets = hello.read()
    halves = [socket.create_connection(('127.0.0.1', 8443)) for _ in range(20)]
    for i, s in enumerate(halves):
        s.sendall(octets if i % 2 else octets[:100])
    time.sleep(0.5)  # keys are made
    before = used()
    time.sleep(3)
    took = used() - before
    for s in halves:
        s.close()
    assert took < (2 if SANITIZED else 0.4), f'{took} s of processor time in 3 s'


def old_tls():
    done = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:8443', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode != 0, 'TLS 1.1 was taken'


def guarded(rolecall, pcaps):
    with live.Folder() as work:
        words = certificate(work)
        tls = ssl.create_default_context(cafile=f'{work}/cert.pem')
        with auditing(rolecall, pcaps, *words, listen='0.0.0.0:8443') as audit:
            tokens(tls)
            login(tls)
            names(tls)
            old_tls()
            half_handshakes(audit)
            try:
                plain = ask('/healthz', port=8443)
            except (OSError, http.client.HTTPException):
                plain = None
            assert plain is None, 'it speaks without TLS'
            live.wait_for(lambda: b'rolecall_packets_total' in get('/metrics', headers={'Authorization': f'Bearer {TOKEN}'}, port=8443, tls=tls))
            guessing(tls)
            audit.finish()
            assert TOKEN not in audit.err and len(said_by(audit, 'wrong token')) == 1, audit.err


def refused_at_start(rolecall, pcaps):
    policy = f'{pcaps}/demo/policy.yaml'
    with live.Folder() as work:
        both = certificate(work)
        tls, token = both[:4], both[4:]
        with open(f'{work}/short', 'w', encoding='ascii') as f:
            f.write('secret\n')
        with open(f'{work}/open', 'w', encoding='ascii') as f:
            f.write(TOKEN)
        os.chmod(f'{work}/short', 0o600)
        os.chmod(f'{work}/open', 0o644)
        subprocess.run(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', f'{work}/other.pem'], check=True)
        os.chmod(f'{work}/other.pem', 0o600)
        here = ['audit', '-q', '-p', policy, '-i', 'tap0', '--listen']
        cases = [
            ([*here, '0.0.0.0:8080'], '--token-file, --certificate and --key'),
            ([*here, '0.0.0.0:8080', *tls], '--token-file, --certificate and --key'),
            ([*here, '0.0.0.0:8080', *token], '--token-file, --certificate and --key'),
            ([*here, '[::]:8080'], '--token-file, --certificate and --key'),
            ([*here, '8080'], 'expected ADDRESS:PORT'),
            ([*here, 'example.com:8080'], 'expected ADDRESS:PORT'),
            ([*here, '127.0.0.1:99999'], 'expected ADDRESS:PORT'),
            ([*here, '127.0.0.1:8080', *tls[:2]], 'add --key FILE'),
            ([*here, '127.0.0.1:8080', '--token-file', f'{work}/short'], 'openssl rand'),
            ([*here, '127.0.0.1:8080', '--token-file', f'{work}/open'], 'chmod o-r'),
            ([*here, '127.0.0.1:8080', '--token-file', f'{work}/none'], 'No such file'),
            ([*here, '127.0.0.1:8080', *tls[:2], '--key', f'{work}/other.pem'], 'is not the key'),
            ([*here, '127.0.0.1:8080', '--certificate', f'{work}/key.pem', *tls[2:]], 'no certificate'),
            (here[:-1] + token, 'are for --listen'),
            (['audit', '-q', '-p', policy, '-r', f'{pcaps}/demo/clean.pcap', '--listen', '127.0.0.1:8080'], '-i'),
        ]
        for words, part in cases:
            live.refused(rolecall, words, part)
        with socket.create_server(('127.0.0.1', PORT)):
            live.refused(rolecall, [*here, f'127.0.0.1:{PORT}'], 'another program listens')


def inside(rolecall, pcaps):
    live.sh('ip', 'link', 'set', 'lo', 'up')
    live.set_up()
    refused_at_start(rolecall, pcaps)
    hands_out(rolecall, pcaps)
    bounded(rolecall, pcaps)
    guarded(rolecall, pcaps)


if __name__ == '__main__':
    sys.exit(live.inside_of(inside) if sys.argv[1] == '--inside' else live.in_namespace(__file__))
