"""Recording: tcpdump at the mirror port, an audit that reads the same port meanwhile, tshark afterwards."""
import json, os, signal, subprocess, time

import network
from network import Failed, HERE, wait_for

TOP = os.path.dirname(os.path.dirname(HERE))
ROLECALL = os.environ.get('ROLECALL', os.path.join(TOP, 'build', 'rolecall'))
SNAP = 9216                      # with -s 0 each slot of the ring holds 256 kB, and long transfers lose packets
FILTER = 'not ip6'
SETTLE = 0.1                     # seconds, from a reader's socket to its filter


def at_mirror(words, **where):
    """A program that reads the mirror port; waits until it does."""
    def readers():
        with open('/proc/%s/net/packet' % network.pid_of('wire')) as f:
            return len(f.readlines())
    before = readers()
    process = subprocess.Popen(['nsenter', '-t', network.pid_of('wire'), '-n', '-u', '--', *words], stdin=subprocess.DEVNULL,
                               **where)
    wait_for(10, words[0] + ' at the mirror port', lambda: readers() > before)
    time.sleep(SETTLE)
    return process


class Recording:
    """One capture file; with a policy also what an audit says that reads the mirror port while things happen."""

    def __init__(self, path, policy=None, port=network.MIRROR, chosen=FILTER):
        self.path, self.live, self.output = path, None, None
        log = network.folder('wire', 'log', 'recording')
        with open(log, 'ab') as out:
            self.file = at_mirror(['tcpdump', '-i', port, '--immediate-mode', '-B', '8192', '-s', str(SNAP), '-U',
                                   '-Z', 'root', '-w', path, chosen], stdout=out, stderr=out)
            if policy:
                self.output = open(path + '.live', 'w+b')
                self.live = at_mirror([ROLECALL, 'audit', '-q', '-p', policy, '-i', port, '--filter', chosen,
                                       '--format', 'jsonl'], stdout=self.output, stderr=out)

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
        for process in filter(None, (self.file, self.live)):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(60)

    def live_findings(self):
        self.output.seek(0)
        records = [json.loads(line) for line in self.output]
        self.output.close()
        if not records or records[-1]['type'] != 'summary':
            raise Failed('the audit at the mirror port did not end well: see %s' % network.folder('wire', 'log', 'recording'))
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
