#!/usr/bin/env python3
"""live.py ROLECALL PCAPS - what is found on an interface is what is found in the file.

Makes a network namespace of its own (unprivileged where the kernel lets it), sends captures into one end of a veth
pair and captures at the other. Exit status 77: this machine does not allow it.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

SKIP = 77


def sh(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def frames(path):
    """Of a pcap file in this machine's byte order: [(ns, octets)]."""
    octets = open(path, 'rb').read()
    magic, = struct.unpack_from('<I', octets)
    unit = {0xa1b2c3d4: 1000, 0xa1b23c4d: 1}[magic]
    at, found = 24, []
    while at + 16 <= len(octets):
        sec, part, captured, _ = struct.unpack_from('<IIII', octets, at)
        found.append((sec * 10**9 + part * unit, octets[at + 16:at + 16 + captured]))
        at += 16 + captured
    return found


def findings(lines):
    """What a finding says apart from when and in which packet."""
    return sorted((r['code'], r['id'], r['count'], r['severity']) for r in map(json.loads, lines) if r['type'] == 'finding')


def wait_for(what, seconds=15):
    """The first true value of `what`, which is asked again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f'not within {seconds} s')


def listening(name):
    """How many packet sockets are bound to this interface."""
    index = '0' if name == 'any' else str(socket.if_nametoindex(name))
    with open('/proc/net/packet') as f:
        return sum(line.split()[4] == index for line in f.readlines()[1:])


class Capture:
    def __init__(self, rolecall, words, names=('tap0',)):
        self.process = subprocess.Popen([rolecall, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: all(listening(name) > 0 for name in names) or self.process.poll() is not None)
        time.sleep(0.2)

    def auditor(self):
        """The process that reads the traffic; the other one watches over it."""
        return wait_for(lambda: children(self.process.pid))[0]

    def end(self):
        time.sleep(0.5)
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out.splitlines(), err


def send(interface, path, pace=0.0004):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 0))
        for _, octets in frames(path):
            s.send(octets[:65535])
            time.sleep(pace)


def pair(one, other, mtu):
    sh('ip', 'link', 'add', one, 'mtu', str(mtu), 'type', 'veth', 'peer', 'name', other, 'mtu', str(mtu))
    for name in (one, other):
        # Nothing but what is sent here: no IPv6 of the kernel's own.
        with open(f'/proc/sys/net/ipv6/conf/{name}/disable_ipv6', 'w') as f:
            f.write('1')
        sh('ip', 'link', 'set', name, 'up')


def set_up():
    pair('in0', 'tap0', 65535)


def same_as_file(rolecall, pcaps, workers):
    policy, capture = f'{pcaps}/demo/policy.yaml', f'{pcaps}/demo/breaches.pcap'
    words = ['audit', '-q', '-p', policy, '--format', 'jsonl', '--workers', str(workers)]
    offline = subprocess.run([rolecall, *words, '-r', capture], stdout=subprocess.PIPE, text=True, check=False)
    live = Capture(rolecall, [*words, '-i', 'tap0'])
    send('in0', capture)
    status, lines, err = live.end()
    assert status == offline.returncode == 1, (status, err)
    want, got = findings(offline.stdout.splitlines()), findings(lines)
    assert want and want == got, (want, got)
    summary = json.loads(lines[-1])
    assert summary['input']['packets'] == len(frames(capture)), summary['input']
    assert summary['dropped']['capture'] == 0, summary['dropped']
    assert 'interrupted' not in summary['input'], 'the end of a live capture is no interruption'
    assert all('file' not in e for line in lines for e in json.loads(line).get('evidence', []))


def filtered(rolecall, pcaps):
    live = Capture(rolecall, ['events', '-q', '-i', 'tap0', '--filter', 'tcp port 80'])
    send('in0', f'{pcaps}/demo/breaches.pcap')
    status, lines, err = live.end()
    assert status == 0, err
    flows = [r for r in map(json.loads, lines) if r['type'] == 'flow']
    assert flows and all(80 in (f['client'].get('port'), f['server'].get('port')) for f in flows), flows


def told_while_running(rolecall, pcaps):
    """A conversation that ended is written while the capture goes on, though no further packet comes."""
    live = Capture(rolecall, ['events', '-q', '-i', 'tap0', '--type', 'flow', '-o', 'live.jsonl'])
    send('in0', f'{pcaps}/demo/clean.pcap')
    time.sleep(4)
    with open('live.jsonl') as f:
        early = [line for line in f if json.loads(line)['state'] == 'closed']
    status, _, err = live.end()
    os.remove('live.jsonl')
    assert early and status == 0, (early, err)


def comes_back(rolecall, pcaps):
    """Captured from before and after the interface was taken away."""
    capture = f'{pcaps}/demo/breaches.pcap'
    live = Capture(rolecall, ['audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '--format', 'jsonl', '-i', 'tap0'])
    sh('ip', 'link', 'del', 'tap0')
    time.sleep(0.5)
    set_up()
    time.sleep(1.5)
    send('in0', capture)
    status, lines, err = live.end()
    summary = json.loads(lines[-1])
    assert status == 1 and summary['dropped']['interfaces'] >= 1, (status, err, summary['dropped'])
    assert summary['input']['packets'] == len(frames(capture)), summary['input']


def announced(folder):
    try:
        with open(f'{folder}/findings.jsonl') as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


class Folder(tempfile.TemporaryDirectory):
    """Others may look in: who reads traffic is nobody, and gets a folder of the report in it that is his."""

    def __enter__(self):
        os.chmod(self.name, 0o755)
        return super().__enter__()


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children') as f:
        return [int(word) for word in f.read().split()]


def reports(folder):
    """Finished ones: the folders named by their time, oldest first."""
    return sorted(n for n in os.listdir(folder) if n[:2] == '20' and os.path.exists(f'{folder}/{n}/records.jsonl'))


def notified(manager):
    manager.setblocking(False)
    said = []
    try:
        while True:
            said.append(manager.recv(200).decode())
    except BlockingIOError:
        return said


def serves(rolecall, pcaps):
    """Announced at once; a report on request; the policy anew, a bad one refused; the service manager is told."""
    with Folder() as work, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        folder, policy = f'{work}/report', f'{work}/policy.yaml'
        manager.bind(f'{work}/notify')
        os.chmod(f'{work}/notify', 0o777)
        os.environ['NOTIFY_SOCKET'] = f'{work}/notify'
        for name in ('policy.yaml', 'corp-root.pem'):
            shutil.copy(f'{pcaps}/demo/{name}', work)
        live = Capture(rolecall, ['audit', '-q', '-p', policy, '-i', 'tap0', '--report', folder, '--formats', 'jsonl', '--keep', '2'])
        send('in0', f'{pcaps}/demo/breaches.pcap')
        seen = wait_for(lambda: announced(folder))
        assert all(json.loads(line)['type'] == 'finding' and json.loads(line)['explanation'] for line in seen), seen
        live.process.send_signal(signal.SIGUSR1)
        first = wait_for(lambda: reports(folder))[0]
        with open(f'{folder}/{first}/records.jsonl') as f:
            codes = {r['code'] for r in map(json.loads, f) if r['type'] == 'finding'}
        assert {'R010', 'R040'} <= codes, codes
        with open(policy) as f:
            good = f.read()
        with open(policy, 'w') as f:
            f.write(good + '\nhostz: {}\n')
        live.process.send_signal(signal.SIGHUP)
        time.sleep(1.2)
        with open(policy, 'w') as f:
            f.write(good + '\nrules: {smb-signing-not-required: off}\n' if '\nrules:' not in good else good)
        live.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(reports(folder)) == 2)
        time.sleep(1.1)
        live.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: len(reports(folder)) == 2 and first not in reports(folder))
        said = notified(manager)
        status, _, err = live.end()
        del os.environ['NOTIFY_SOCKET']
        assert said[0] == f'READY=1\nMAINPID={live.process.pid}' and 'WATCHDOG=1' in said and said.count('RELOADING=1') == 2, said
        assert err.count('refused') == 1 and 'hostz' in err, err
        assert status in (0, 1), (status, err)  # of what was still open when the policy changed


def survives_kill(rolecall, pcaps):
    """What was announced stays, whole lines of it, when the program is killed; who audits then ends as well."""
    with Folder() as work:
        folder = f'{work}/report'
        live = Capture(rolecall, ['audit', '-q', '-p', f'{pcaps}/demo/policy.yaml', '-i', 'tap0', '--report', folder])
        send('in0', f'{pcaps}/demo/breaches.pcap')
        seen = wait_for(lambda: announced(folder))
        worker, = children(live.process.pid)
        live.process.kill()
        live.process.communicate()
        wait_for(lambda: not os.path.exists(f'/proc/{worker}'))
        after = announced(folder)
        assert after[:len(seen)] == seen and all(json.loads(line)['id'] for line in after)


def refused(rolecall, words, part):
    done = subprocess.run([rolecall, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    assert done.returncode == 2 and done.stderr.count('\n') == 1 and part in done.stderr, (words, done)


def inside(rolecall, pcaps):
    set_up()
    for workers in (1, 2):
        same_as_file(rolecall, pcaps, workers)
    filtered(rolecall, pcaps)
    told_while_running(rolecall, pcaps)
    comes_back(rolecall, pcaps)
    serves(rolecall, pcaps)
    survives_kill(rolecall, pcaps)
    refused(rolecall, ['events', '-i', 'nowhere0'], 'no such interface')
    refused(rolecall, ['events', '-i', 'tap0', '--filter', 'tcp prt 80'], 'filter')
    refused(rolecall, ['events', '-i', 'tap0', '-r', f'{pcaps}/demo/clean.pcap'], 'name one kind')
    sh('ip', 'link', 'set', 'tap0', 'down')
    refused(rolecall, ['events', '-i', 'tap0'], 'link set tap0 up')


@contextlib.contextmanager
def readable(pcaps):
    """Where everybody may read them: the tree itself may lie where root alone may look."""
    with Folder() as top:
        yield shutil.copytree(pcaps, f'{top}/pcaps')


def inside_of(tests):
    rolecall, pcaps, *more = sys.argv[2:]
    with readable(pcaps) as copy:
        tests(rolecall, copy, *more)
    return 0


def in_namespace(script):
    """Runs the script again, in a namespace of its own, with --inside."""
    words = ['unshare', '--net'] + ([] if os.geteuid() == 0 else ['--user', '--map-root-user'])
    try:
        sh(*words, 'ip', 'link', 'add', 'a0', 'type', 'veth', 'peer', 'name', 'b0')
    except (OSError, subprocess.CalledProcessError) as e:
        print(f'live: skipped: no network namespace with veth here ({e})')
        return SKIP
    paths = [os.path.abspath(word) if os.path.exists(word) else word for word in sys.argv[1:]]
    # sysfs and procfs of the namespace are those of its network already.
    return subprocess.run([*words, sys.executable, script, '--inside', *paths], check=False).returncode


if __name__ == '__main__':
    sys.exit(inside_of(inside) if sys.argv[1] == '--inside' else in_namespace(__file__))
