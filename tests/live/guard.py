#!/usr/bin/env python3
"""guard.py ROLECALL PCAPS - a live audit as root: what it still may, and what becomes of it when it dies or is disturbed.

In each case what was announced stays, and is told in one clear line. In network and mount namespaces of its own; exit status 77:
this machine does not allow it.
"""
import ctypes
import json
import os
import platform
import pwd
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from live import SKIP, Capture, Folder, announced, children, readable, refused, reports, send, set_up, sh, wait_for  # noqa: E402


def status_of(pid):
    with open(f'/proc/{pid}/status') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


class Audit(Capture):
    """Of tap0, with a report folder (and a store) that are nobody's."""
    all: list = []

    def __init__(self, rolecall, pcaps, work, *more, policy=None):
        self.folder, self.store = f'{work}/report', f'{work}/store/audits.db'
        self.breaches = f'{pcaps}/demo/breaches.pcap'
        super().__init__(rolecall, ['audit', '-q', '-p', policy or f'{pcaps}/demo/policy.yaml', '-i', 'tap0', '--report', self.folder,
                                    '--formats', 'jsonl', '--output', '/dev/null', *more])
        self.all.append(self.process)
        self.worker, = children(self.process.pid)

    def find(self):
        send('in0', self.breaches)
        return wait_for(lambda: announced(self.folder))

    def another(self):
        """Once the worker that is there is gone, the next one, as soon as it reads."""
        def found():
            now = children(self.process.pid)
            return now[0] if now and now[0] != self.worker and status_of(now[0]).get('Seccomp') == '2' else None
        self.worker = wait_for(found)

    def summary(self, name='.'):
        with open(f'{self.folder}/{name}/records.jsonl') as f:
            return json.loads(f.read().splitlines()[-1])


def keeps(audit, seen):
    after = announced(audit.folder)
    assert after[:len(seen)] == seen and all(json.loads(line)['id'] for line in after), (seen, after)


def change(policy):
    """One that says the same octet by octet is not read anew."""
    with open(policy, 'a') as f:
        f.write('# changed\n')


# ---- what it still may ----

def owns_nothing(rolecall, pcaps):
    with Folder() as work:
        audit = Audit(rolecall, pcaps, work)
        workers = {'supervisor': status_of(audit.process.pid), 'worker': status_of(audit.worker)}
        status, _, err = audit.end()
        assert status == 0 and not err, (status, err)
    for who, told in workers.items():
        assert '0' not in told['Uid'].split() and '0' not in told['Gid'].split() and not told['Groups'].split(), (who, told)
        assert int(told['CapPrm'], 16) == int(told['CapEff'], 16) == 1 << 13, (who, told)  # CAP_NET_RAW
        assert all(int(told[name], 16) == 0 for name in ('CapInh', 'CapAmb', 'CapBnd')) and told['NoNewPrivs'] == '1', (who, told)
    assert workers['worker']['Seccomp'] == '2', workers
    with Folder() as work:
        audit = Audit(rolecall, pcaps, work, '--user', 'daemon')
        daemon = pwd.getpwnam('daemon')
        assert status_of(audit.worker)['Uid'].split() == [str(daemon.pw_uid)] * 4
        audit.end()


def events_too(rolecall, _):
    live = Capture(rolecall, ['events', '-q', '-i', 'tap0'])
    told = status_of(live.process.pid)
    status, _, err = live.end()
    assert status == 0 and '0' not in told['Uid'].split() and told['Seccomp'] == '2', (status, err, told)


def without_root(rolecall, pcaps):
    """As the service is started: another user already, and CAP_NET_RAW."""
    words = ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups', '--no-new-privs', '--inh-caps', '-all,+net_raw',
             '--ambient-caps', '-all,+net_raw', '--bounding-set', '-all,+net_raw', rolecall]
    with Folder() as work:
        os.chmod(work, 0o777)
        live = Capture(words[0], [*words[1:], 'audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '-i', 'tap0', '--report', f'{work}/report'])
        worker, = children(live.process.pid)
        told = status_of(worker)
        send('in0', f'{pcaps}/demo/breaches.pcap')
        status, _, err = live.end()
        assert status == 1 and not err and announced(f'{work}/report'), (status, err)
        assert int(told['CapPrm'], 16) == 1 << 13 and told['Seccomp'] == '2', told


# Of what strace tells: a call that succeeded, and its first path or address.
OPENED = re.compile(r'^\d+ +(?:<\.\.\. )?(?:openat|open)\((?:AT_FDCWD, )?"([^"]*)".*= \d+$')
CONNECTED = re.compile(r'^\d+ +connect\(\d+, \{.*htons\((\d+)\)')


def allowed_path(path, work):
    return os.path.normpath(path).startswith((work + '/report', work + '/store', work + '/policy', '/sys/class/net/')) or path in ('/dev/urandom', '/dev/null')


def asks_for_nothing_else(rolecall, pcaps):
    """While it finds, reports, reloads, loses an interface and ends: what strace sees of it."""
    if shutil.which('strace') is None:
        print('live_guard: what it asks of the kernel is not looked at: apt-get install strace')
        return
    with Folder() as work, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(('127.0.0.1', 0))
        port = sink.getsockname()[1]
        shutil.copytree(f'{pcaps}/demo', f'{work}/policy')
        os.mkdir(f'{work}/store', 0o777)
        os.chmod(f'{work}/store', 0o777)
        audit = Audit(rolecall, pcaps, work, '--store', f'{work}/store/audits.db', '--syslog', f'udp://127.0.0.1:{port}', '--keep', '1',
                      policy=f'{work}/policy/policy.yaml')
        tracer = subprocess.Popen(['strace', '-f', '-s', '300', '-e', 'trace=process,network,%file,ptrace,mount', '-o', f'{work}/calls',
                                   '-p', str(audit.worker)], stderr=subprocess.DEVNULL)
        wait_for(lambda: int(status_of(audit.worker)['TracerPid']) == tracer.pid)
        seen = audit.find()
        audit.process.send_signal(signal.SIGUSR1)
        first = wait_for(lambda: reports(audit.folder))[0]
        time.sleep(1.1)
        change(f'{work}/policy/policy.yaml')
        audit.process.send_signal(signal.SIGHUP)
        wait_for(lambda: reports(audit.folder) and reports(audit.folder)[0] != first)
        sh('ip', 'link', 'del', 'tap0')
        time.sleep(0.5)
        set_up()
        time.sleep(1.5)
        audit.find()
        status, _, err = audit.end()
        tracer.wait(20)
        assert status == 1 and not err, (status, err)
        keeps(audit, seen)
        sink.setblocking(False)
        assert b'rolecall' in sink.recv(4096)
        with open(f'{work}/calls') as f:
            calls = f.read().splitlines()
        opened = {m[1] for m in map(OPENED.match, calls) if m}
        assert f'{work}/policy/policy.yaml' in opened and any('findings.jsonl' in path for path in opened), opened
        assert not [path for path in opened if not allowed_path(path, work)], opened
        assert not [c for c in calls if re.search(r' (execve|execveat|ptrace|mount|unshare|setns|listen|accept4?)\(', c)]
        assert {int(m[1]) for m in map(CONNECTED.match, calls) if m} == {port}, [c for c in calls if 'connect(' in c]
        sockets = {m[1] for m in (re.search(r' socket\((AF_\w+)', c) for c in calls) if m}
        assert sockets <= {'AF_PACKET', 'AF_NETLINK', 'AF_INET'} and 'AF_PACKET' in sockets, sockets


# ---- it dies ----

PTRACE_SETREGS, PTRACE_GETREGS, PTRACE_ATTACH, PTRACE_DETACH, PTRACE_SYSCALL = 13, 12, 16, 17, 24
CALL_OF_REGS, REGS = 15, 27  # struct user_regs_struct of x86-64: orig_rax
EXECVE = 59


def make_call(pid, number):
    """Makes the next system call of its main thread another one."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long] * 2 + [ctypes.c_void_p] * 2
    regs = (ctypes.c_ulonglong * REGS)()
    assert ptrace(PTRACE_ATTACH, pid, None, None) == 0, os.strerror(ctypes.get_errno())
    os.waitpid(pid, 0x40000000)  # __WALL
    while True:
        # The first stop may be the end of the call that the attaching interrupted: -ENOSYS says that one begins.
        assert ptrace(PTRACE_SYSCALL, pid, None, None) == 0, os.strerror(ctypes.get_errno())
        os.waitpid(pid, 0x40000000)
        assert ptrace(PTRACE_GETREGS, pid, None, regs) == 0
        if ctypes.c_longlong(regs[10]).value == -38:
            break
    regs[CALL_OF_REGS] = number
    assert ptrace(PTRACE_SETREGS, pid, None, regs) == 0
    assert ptrace(PTRACE_DETACH, pid, None, None) == 0


def dies_and_begins_anew(rolecall, pcaps, kill, because):
    with Folder() as work:
        audit = Audit(rolecall, pcaps, work)
        seen = audit.find()
        kill(audit.worker)
        audit.another()
        keeps(audit, seen)
        audit.find()
        time.sleep(1)
        audit.process.send_signal(signal.SIGUSR1)
        name = wait_for(lambda: reports(audit.folder))[0]
        for told in (audit.summary(name), None):
            if told is None:
                status, _, err = audit.end()
                told = audit.summary()
            gap, = told['unseen']
            assert told['dropped']['restarts'] == 1 and because in gap['because'] and gap['from'] < gap['until'], told
            assert told['verdicts_partial'] > 0, told
        assert status == 1 and err.count('\n') == 1 and because in err and gap['from'][:19] in err and 'started anew' in err, err
        keeps(audit, seen)
        with open(f'{audit.folder}/report.txt') as f:
            assert 'Nothing was seen from' in f.read()


def ends_while_it_is_down(rolecall, pcaps):
    with Folder() as work:
        audit = Audit(rolecall, pcaps, work)
        seen = audit.find()
        os.kill(audit.worker, signal.SIGSEGV)
        wait_for(lambda: not children(audit.process.pid))
        audit.process.send_signal(signal.SIGTERM)
        _, err = audit.process.communicate(timeout=10)
        assert audit.process.returncode == 2 and 'crashed (SIGSEGV)' in err and 'no last report' in err, err
        keeps(audit, seen)


def heeds_its_supervisor_alone(rolecall, pcaps):
    """A signal to both, as a terminal or a service manager sends it, is one."""
    with Folder() as work:
        audit = Audit(rolecall, pcaps, work)
        os.kill(audit.worker, signal.SIGTERM)
        time.sleep(0.5)
        assert children(audit.process.pid) == [audit.worker]
        os.kill(audit.worker, signal.SIGINT)
        status, _, err = audit.end()
        assert status == 0 and not err, (status, err)


# ---- it is disturbed ----

def policy_is_taken_away(rolecall, pcaps):
    with Folder() as work:
        shutil.copytree(f'{pcaps}/demo', f'{work}/policy')
        # An authority that lies elsewhere is read again as well.
        shutil.move(f'{work}/policy/corp-root.pem', f'{work}/corp-root.pem')
        with open(f'{work}/policy/policy.yaml') as f:
            text = f.read()
        with open(f'{work}/policy/policy.yaml', 'w') as f:
            assert 'corp-root.pem' in text
            f.write(text.replace('corp-root.pem', f'{work}/corp-root.pem'))
        audit = Audit(rolecall, pcaps, work, policy=f'{work}/policy/policy.yaml')
        seen = audit.find()
        change(f'{work}/policy/policy.yaml')
        audit.process.send_signal(signal.SIGHUP)
        wait_for(lambda: reports(audit.folder))
        seen += audit.find()[len(seen):]
        time.sleep(1)
        os.chmod(f'{work}/policy/policy.yaml', 0o600)
        audit.process.send_signal(signal.SIGHUP)
        time.sleep(1)
        status, _, err = audit.end()
        assert status == 1 and 'Permission denied' in err and err.count('refused') == 1, (status, err)
        keeps(audit, seen)


def disk_is_full(rolecall, pcaps):
    with Folder() as work:
        os.mkdir(f'{work}/report')
        sh('mount', '-t', 'tmpfs', '-o', 'size=2m,mode=0777', 'none', f'{work}/report')
        try:
            audit = Audit(rolecall, pcaps, work)
            seen = audit.find()
            with open(f'{work}/report/full', 'wb', buffering=0) as f:
                try:
                    while True:
                        f.write(bytes(4096))
                except OSError:
                    pass
            audit.process.send_signal(signal.SIGUSR1)
            time.sleep(2)
            assert children(audit.process.pid) == [audit.worker]
            keeps(audit, seen)
            status, _, err = audit.end()
            assert status == 2 and 1 <= err.count('No space left') == err.count('\n') <= 4, (status, err)
            keeps(audit, seen)
        finally:
            sh('umount', f'{work}/report')


def store_is_locked(rolecall, pcaps):
    """The report is written, and says that it is not in the store; the next one is."""
    with Folder() as work:
        os.mkdir(f'{work}/store')
        shutil.chown(f'{work}/store', 'nobody')
        audit = Audit(rolecall, pcaps, work, '--store', f'{work}/store/audits.db')
        seen = audit.find()
        lock = sqlite3.connect(audit.store, isolation_level=None)
        lock.execute('BEGIN EXCLUSIVE')
        audit.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: reports(audit.folder), 100)  # it waits for the lock, LIMIT_STORE_WAIT_MS, once to read and once to write
        lock.execute('ROLLBACK')
        lock.close()
        keeps(audit, seen)
        status, _, err = audit.end()
        assert status == 1 and err.count('\n') == 1 and 'audits.db' in err, (status, err)
        db = sqlite3.connect(audit.store)
        assert db.execute('SELECT count(*) FROM audits').fetchone() == (1,)
        db.close()


def receiver_is_gone(rolecall, pcaps):
    with Folder() as work, socket.create_server(('127.0.0.1', 0)) as sink:
        port = sink.getsockname()[1]
        audit = Audit(rolecall, pcaps, work, '--syslog', f'tcp://127.0.0.1:{port}')
        sink.close()
        seen = audit.find()
        status, _, err = audit.end()
        assert status == 2 and err.count('\n') == 1 and f'--syslog 127.0.0.1 port {port}' in err, (status, err)
        keeps(audit, seen)
        assert audit.summary()['findings']


def receiver_speaks_tls(rolecall, pcaps):
    """Its name is looked up and the authorities are read before the first packet; it is spoken to after the last."""
    with Folder() as work:
        sh('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext',
           'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', f'{work}/key', '-out', f'{work}/pem')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f'{work}/pem', f'{work}/key')
        got = []

        def receive(sink):
            with context.wrap_socket(sink.accept()[0], server_side=True) as client:
                while octets := client.recv(65536):
                    got.append(octets)

        with socket.create_server(('127.0.0.1', 0)) as sink:
            receiver = threading.Thread(target=receive, args=[sink], daemon=True)
            receiver.start()
            audit = Audit(rolecall, pcaps, work, '--syslog', f'tls://127.0.0.1:{sink.getsockname()[1]}', '--syslog-ca', f'{work}/pem')
            audit.find()
            os.remove(f'{work}/pem')
            status, _, err = audit.end()
            receiver.join(20)
        assert status == 1 and not err and b'R040' in b''.join(got), (status, err)


def refuses(rolecall, pcaps):
    words = ['audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '-i', 'tap0']
    with Folder() as work:
        os.mkdir(f'{work}/roots')
        refused(rolecall, [*words, '--report', f'{work}/roots'], 'may not write')
        refused(rolecall, [*words, '--store', f'{work}/roots/audits.db'], 'may not write')
    refused(rolecall, [*words, '--user', 'root'], 'given up')
    refused(rolecall, [*words, '--user', 'nobody-of-that-name'], 'no such user')


# ---- what the machine lacks ----

def doctor(rolecall, schema):
    def asked(*more):
        done = subprocess.run([rolecall, 'doctor', '--format', 'jsonl', *more], stdout=subprocess.PIPE, text=True, check=False)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert all(('mend' in r) == (r['status'] != 'ok') for r in told), told
        assert done.returncode == (1 if any(r['status'] == 'bad' for r in told) else 0), (done.returncode, told)
        try:
            import jsonschema
        except ImportError:
            return {(r.get('interface'), r['check']): r for r in told}
        with open(schema) as f:
            validator = jsonschema.Draft7Validator(json.load(f))
        for r in told:
            validator.validate(r)
        return {(r.get('interface'), r['check']): r for r in told}
    told = asked('-i', 'tap0,nowhere0', '--report', '/tmp')
    assert {'rights', 'landlock', 'seccomp', 'memory', 'clock', 'disk'} == {check for name, check in told if name is None}, told
    assert told['tap0', 'state']['status'] == 'ok' and told['nowhere0', 'state']['status'] == 'bad', told
    assert asked('--memory', '900G')[None, 'memory']['status'] == 'bad'
    sh('ip', 'link', 'set', 'tap0', 'down')
    assert "'ip link set tap0 up'" in asked('-i', 'tap0')['tap0', 'state']['mend']
    sh('ip', 'link', 'set', 'tap0', 'up')
    words = subprocess.run(['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups', rolecall, 'doctor'], stdout=subprocess.PIPE,
                           text=True, check=False)
    assert words.returncode == 1 and 'bad   interfaces may not be captured from' in words.stdout, words


def inside(rolecall, pcaps, schema):
    sh('ip', 'link', 'set', 'lo', 'up')
    set_up()
    sanitized = b'__asan_init' in open(rolecall, 'rb').read()
    owns_nothing(rolecall, pcaps)
    events_too(rolecall, pcaps)
    without_root(rolecall, pcaps)
    asks_for_nothing_else(rolecall, pcaps)
    if platform.machine() == 'x86_64' and not sanitized:
        dies_and_begins_anew(rolecall, pcaps, lambda pid: make_call(pid, EXECVE), 'not permitted (SIGSYS)')
    else:
        print('live_guard: a forbidden call is not made: only tried on x86-64, and without sanitizers')
    dies_and_begins_anew(rolecall, pcaps, lambda pid: os.kill(pid, signal.SIGKILL), 'was killed (SIGKILL')
    ends_while_it_is_down(rolecall, pcaps)
    heeds_its_supervisor_alone(rolecall, pcaps)
    policy_is_taken_away(rolecall, pcaps)
    disk_is_full(rolecall, pcaps)
    store_is_locked(rolecall, pcaps)
    receiver_is_gone(rolecall, pcaps)
    receiver_speaks_tls(rolecall, pcaps)
    refuses(rolecall, pcaps)
    doctor(rolecall, schema)


def main():
    if sys.argv[1] == '--inside':
        try:
            rolecall, pcaps = sys.argv[2:]
            with readable(pcaps) as copy:
                inside(rolecall, copy, f'{pcaps}/../reports/schema/records.schema.json')
        finally:
            for process in Audit.all:
                process.kill()  # of a test that failed
        return 0
    words = ['unshare', '--net', '--mount']
    if os.geteuid() != 0:
        print('live_guard: skipped: how root becomes somebody else is seen by root alone')
        return SKIP
    try:
        sh(*words, 'sh', '-c', 'ip link add a0 type veth peer name b0 && mount -t tmpfs none /mnt')
    except (OSError, subprocess.CalledProcessError) as e:
        print(f'live_guard: skipped: no namespaces with veth and mounts here ({e})')
        return SKIP
    return subprocess.run([*words, sys.executable, __file__, '--inside', *map(os.path.abspath, sys.argv[1:3])], check=False).returncode


if __name__ == '__main__':
    sys.exit(main())
