"""syns_test.py - many connections that never answer: memory stays under the limit and what was shed is counted.

SYNS=5000000 in the environment makes it the flood of the issue; 300,000 is what a test run can afford.
"""
import os, struct, subprocess, tempfile, unittest

import captures, program

SYNS = int(os.environ.get('SYNS', 300000))
MIB = 1 << 20
# Beside flows: the program, nDPI's tables, packet blocks on their way to the workers.
OVERHEAD = 64 * MIB
CHUNK = 20000


def write_flood(path, count):
    """Every SYN of another address and port; the frames differ in those octets only."""
    frame = captures.ethernet(captures.ipv4('10.0.0.0', '192.0.2.2', 6, captures.tcp(0, 443, 7, 0, 2)))
    address, port = 26, 34
    with open(path, 'wb') as f:
        f.write(captures.pcap([]))
        for begin in range(0, count, CHUNK):
            out = bytearray()
            for n in range(begin, min(begin + CHUNK, count)):
                out += struct.pack('<IIII', 1700000000 + n // 1000000, n % 1000000, len(frame), len(frame))
                at = len(out)
                out += frame
                struct.pack_into('!I', out, at + address, 0x0a000000 + n // 60000)
                struct.pack_into('!H', out, at + port, 1024 + n % 60000)
            f.write(out)


class Syns(program.Case):
    def run_with_rss(self, *words):
        """Exit status, records that are no flows, number of flows, and peak memory."""
        with tempfile.TemporaryFile() as out:
            child = subprocess.Popen([program.ROLECALL, *map(str, words)], stdin=subprocess.DEVNULL, stdout=out)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            flows, others = 0, []
            for line in out:
                if line.startswith(b'{"type":"flow"'):
                    flows += 1
                else:
                    others += program.records(line)
        return child.returncode, others, flows, usage.ru_maxrss * 1024

    def flood(self, memory):
        path = self.path('syns.pcap')
        write_flood(path, SYNS)
        for workers in (1, 2):
            with self.subTest(workers=workers, memory=memory):
                status, others, flows, peak = self.run_with_rss('events', '--workers', workers, '--memory', memory, '-r', path)
                summary = others[-1]
                print('%d SYNs, --memory %dM, %d workers: peak %d MiB, shed %r'
                      % (SYNS, memory // MIB, workers, peak // MIB, summary['dropped']))
                self.assertEqual(status, 0)
                self.assertEqual((summary['type'], summary['input']['packets']), ('summary', SYNS))
                self.assertEqual(summary['flows'], SYNS)
                self.assertEqual(flows, SYNS)  # also those shed have their record
                if not program.SANITIZED:
                    self.assertLess(peak, memory + OVERHEAD)
                yield summary['dropped']

    def test_small_memory_sheds_and_says_so(self):
        for dropped in self.flood(32 * MIB):
            self.assertGreater(dropped['flows_half_open'], 0)

    def test_usual_memory(self):
        shed = [d['flows_half_open'] for d in self.flood(512 * MIB)]
        if SYNS <= 300000:
            self.assertEqual(shed, [0, 0])


if __name__ == '__main__':
    program.main()
