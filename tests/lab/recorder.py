"""Recording: tcpdump at the mirror port into a file, a second one into an auditor that runs meanwhile, tshark afterwards."""
import json, os, subprocess, time

import network
from network import Failed, HERE, wait_for

TOP = os.path.dirname(os.path.dirname(HERE))
ROLECALL = os.environ.get('ROLECALL', os.path.join(TOP, 'build', 'rolecall'))
SNAP = 9216                      # with -s 0 each slot of the ring holds 256 kB, and long transfers lose packets


def tcpdump(words, **where):
    """tcpdump on the mirror port; waits until it listens."""
    log = network.folder('wire', 'log', 'tcpdump')
    with open(log, 'wb') as out:
        process = subprocess.Popen(['nsenter', '-t', network.pid_of('wire'), '-n', '-u', '--', 'tcpdump', '-i', network.MIRROR,
                                    '--immediate-mode', '-B', '8192', '-s', str(SNAP), '-U', '-Z', 'root', *words, 'not ip6'],
                                   stdin=subprocess.DEVNULL, stderr=out, **where)

    def listening():
        with open(log) as f:
            return 'listening on' in f.read()
    wait_for(10, 'tcpdump', listening)
    return process


class Recording:
    """One capture file; with a policy also what an audit says that reads the mirror port while things happen."""

    def __init__(self, path, policy=None):
        self.path, self.live = path, None
        self.file = tcpdump(['-w', path], stdout=subprocess.DEVNULL)
        if policy:
            self.pipe = tcpdump(['-w', '-'], stdout=subprocess.PIPE)
            self.live = subprocess.Popen([ROLECALL, 'audit', '-q', '-p', policy, '-r', '-', '--format', 'jsonl', '-o',
                                          path + '.live'], stdin=self.pipe.stdout, stderr=subprocess.PIPE)
            self.pipe.stdout.close()

    def end(self):
        """Ends once the wire has been quiet for half a second."""
        size = -1
        for _ in range(40):
            now = os.path.getsize(self.path)
            if now == size:
                break
            size = now
            time.sleep(0.5)
        self.kill()

    def kill(self):
        for process in filter(None, (self.file, self.live and self.pipe)):
            process.send_signal(2)
            process.wait()
        if self.live:
            self.live.wait(60)

    def live_findings(self):
        with open(self.path + '.live') as f:
            records = [json.loads(line) for line in f]
        os.unlink(self.path + '.live')
        if not records or records[-1]['type'] != 'summary':
            raise Failed('the audit at the mirror port did not end well')
        return [r for r in records if r['type'] == 'finding']


def frames(path, display_filter):
    """The numbers of the packets that a display filter of tshark finds."""
    done = subprocess.run(['tshark', '-n', '-r', path, '-Y', display_filter, '-T', 'fields', '-e', 'frame.number'],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed("tshark refuses '%s': %s" % (display_filter, done.stderr.strip()[-300:]))
    return [int(word) for word in done.stdout.split()]


def half_open(path):
    """TCP conversations whose opening is not in the capture."""
    done = subprocess.run(['tshark', '-n', '-r', path, '-Y', 'tcp', '-T', 'fields', '-e', 'tcp.stream', '-e', 'tcp.flags.syn'],
                          capture_output=True, text=True)
    opened, found = set(), set()
    for line in done.stdout.splitlines():
        stream, syn = line.split('\t')
        if syn in ('1', 'True'):
            opened.add(stream)
        elif stream not in opened:
            found.add(stream)
    return found
