#!/usr/bin/env python3
"""rates.py ROLECALL CAPTURE SENDER LOOP [RATE...] - what this machine can take: CAPTURE (the benchmark's) is sent over veth at
each rate (packets a second; 0: as fast as it can be sent) to a bare libpcap loop, to rolecall with one worker and with
all, and to both at once; a table of what was sent, dropped and used. In a network namespace, as live.py.

What the kernel drops at the highest rate is no failure where the bare loop that ran at the same time loses packets too;
findings that differ from those of the file are one where nothing was lost. The file is one of the same time and pace: rules that
count within minutes find more in what is played faster, and certificates end (R092).
"""
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time

from live import children, findings, in_namespace, listening, pair, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
POLICY = os.path.join(os.path.dirname(HERE), 'bench', 'policy.yaml')
BUFFER = 64  # MiB


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Receiver:
    def __init__(self, name, words, work):
        self.name, self.path = name, os.path.join(work, name.replace(' ', '-'))
        before = listening('tap0')
        with open(self.path, 'w') as out:
            self.process = subprocess.Popen(words, stdout=out, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: listening('tap0') > before or self.process.poll() is not None)
        self.reader = (children(self.process.pid) or [self.process.pid])[0]  # an audit's is its supervisor's child

    def waiting(self):
        """Whether it still works off what was captured: an idle one wakes ten times a second, and this machine may be busy."""
        def ticks():
            with open(f'/proc/{self.reader}/stat') as f:
                return sum(map(int, f.read().rsplit(')', 1)[1].split()[11:13]))
        first = ticks()
        time.sleep(2)
        return ticks() - first > 2

    def threads(self):
        """CPU seconds of each, in the order in which they began: what judges, the workers, the reader."""
        used = []
        for task in sorted(map(int, os.listdir(f'/proc/{self.reader}/task'))):
            with open(f'/proc/{self.reader}/task/{task}/stat') as f:
                used.append(sum(map(int, f.read().rsplit(')', 1)[1].split()[11:13])) / os.sysconf('SC_CLK_TCK'))
        return used

    def end(self):
        """(read, dropped, CPU seconds, the rest)"""
        wait_for(lambda: not self.waiting(), 120)
        self.by_thread = self.threads()
        before = cpu_seconds()
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=300)
        used = cpu_seconds() - before
        with open(self.path) as f:
            lines = f.read().splitlines()
        if self.name.startswith('bare'):
            read, _, _, dropped = map(int, lines[-1].split())
            return read, dropped, used, None
        records = [json.loads(line) for line in lines]
        summary = next(r for r in records if r['type'] == 'summary')
        return summary['input']['packets'], summary['dropped']['capture'], used, (summary['dropped'], findings(lines))


def rolecall_words(rolecall, workers):
    words = [rolecall, 'audit', '-q', '-p', POLICY, '-i', 'tap0', '--format', 'jsonl', '--buffer', f'{BUFFER}M']
    return words if workers is None else [*words, '--workers', str(workers)]


def at_pace(capture, seconds, path):
    """Writes the capture as if it were sent now, and took that long: a packet each equal while, as the sender sends."""
    with open(capture, 'rb') as f:
        octets = bytearray(f.read())
    parts = {0xa1b2c3d4: 10**6, 0xa1b23c4d: 10**9}[struct.unpack_from('<I', octets)[0]]
    at, starts, began = 24, [], int(time.time())
    while at < len(octets):
        starts.append(at)
        at += 16 + struct.unpack_from('<I', octets, at + 8)[0]
    for i, at in enumerate(starts):
        whole, part = divmod(int(i * seconds / len(starts) * parts), parts)
        struct.pack_into('<II', octets, at, began + whole, part)
    with open(path, 'wb') as f:
        f.write(octets)


def findings_at(rolecall, capture, seconds, work):
    path = os.path.join(work, 'paced.pcap')
    at_pace(capture, seconds, path)
    done = subprocess.run([rolecall, 'audit', '-q', '-p', POLICY, '-r', path, '--format', 'jsonl'], stdout=subprocess.PIPE, text=True, check=False)
    os.unlink(path)
    return findings(done.stdout.splitlines())


def told(sent, seconds, receiver, want):
    read, dropped, used, more = receiver.end()
    name = receiver.name
    line = f'{sent / seconds:12,.0f}  {name:28} {read:10,} {dropped:10,} {100 * dropped / sent:7.2f} %  {used:7.2f}'
    if more is not None:
        losses, found = more
        line += f'  shed {losses.get("content", 0):9,} + {losses.get("newcomers", 0):7,}'
        same = found == want
        line += f'  findings {len(found)}, {"as" if same else "not as"} the {len(want)} of the file'
        print(line, '  threads', ' '.join(f'{s:.2f}' for s in receiver.by_thread), flush=True)
        return same or dropped > 0
    print(line, flush=True)
    return True


def inside(rolecall, capture, sender, loop, *rates):
    pair('in0', 'tap0', 65535)
    well, wanted = True, {}
    bare, single, every = ('bare loop', [loop, '-i', 'tap0', str(BUFFER)]), ('rolecall, 1 worker', rolecall_words(rolecall, 1)), \
        ('rolecall, all workers', rolecall_words(rolecall, None))
    print(f'{"packets/s":>12}  {"receiver":28} {"read":>10} {"dropped":>10}            CPU s')
    with tempfile.TemporaryDirectory() as work:
        for rate in rates or ('100000', '200000', '0'):
            for group in ([bare], [single], [every], [bare, every]):
                receivers = [Receiver(name + (' (both)' if len(group) > 1 else ''), words, work) for name, words in group]
                time.sleep(0.3)
                sent, seconds = subprocess.run([sender, 'in0', capture, rate], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
                pace = round(float(seconds))
                if pace not in wanted:
                    wanted[pace] = findings_at(rolecall, capture, float(seconds), work)
                for r in receivers:
                    well = told(int(sent), float(seconds), r, wanted[pace]) and well
    assert well, 'findings differ from those of the file although nothing was lost'


if __name__ == '__main__':
    sys.exit(inside(*sys.argv[2:]) if sys.argv[1] == '--inside' else in_namespace(__file__))
