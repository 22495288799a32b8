"""stopping_test.py - interrupted while it waits for more: the report so far, and a reader that goes away is no error."""
import os, signal, subprocess, time, unittest

import captures, program

DEMO = os.path.join(program.TOP, 'pcaps', 'demo', 'breaches.pcap')
POLICY = os.path.join(program.TOP, 'pcaps', 'demo', 'policy.yaml')
SECONDS_MOST = 5


class Stopping(program.Case):
    def interrupted(self, number, *words):
        with open(DEMO, 'rb') as f:
            octets = f.read()
        child = subprocess.Popen([program.ROLECALL, *words, '-r', '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        child.stdin.write(octets)
        child.stdin.flush()
        time.sleep(1.0)
        self.assertIsNone(child.poll())  # it waits for more
        child.send_signal(number)
        # The pipe stays open and silent while it reports.
        deadline = time.monotonic() + SECONDS_MOST
        out = b''
        os.set_blocking(child.stdout.fileno(), False)
        while child.poll() is None and time.monotonic() < deadline:
            out += child.stdout.read() or b''
            time.sleep(0.02)
        out += child.stdout.read() or b''
        if child.poll() is None:
            child.kill()
            self.fail('still running %d s after the signal' % SECONDS_MOST)
        said = child.stderr.read()
        for pipe in (child.stdin, child.stdout, child.stderr):
            pipe.close()
        self.assertEqual(said, b'')
        return child.returncode, out

    def test_events(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for workers in ('1', '2'):
                with self.subTest(signal=number, workers=workers):
                    status, out = self.interrupted(number, 'events', '--workers', workers)
                    summary = program.records(out)[-1]
                    self.assertEqual((status, summary['type'], summary['input']['packets']), (0, 'summary', 390))

    def test_audit(self):
        status, out = self.interrupted(signal.SIGINT, 'audit', '-p', POLICY, '--format', 'jsonl')
        kinds = [r['type'] for r in program.records(out)]
        self.assertEqual((status, kinds[-1]), (1, 'summary'))
        self.assertIn('finding', kinds)

    def test_reader_that_goes_away(self):
        """As in `rolecall events ... | head -1`."""
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, 'wb') as gone:
            done = program.rolecall('events', '-r', DEMO, stdout=gone)
        self.assertEqual((done.returncode, done.stderr), (0, b''))


if __name__ == '__main__':
    program.main()
