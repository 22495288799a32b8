"""datagrams_test.py - a datagram that hangs nDPI 4.2, and noise on a known port: over at once and named rightly."""
import random, time, unittest

import captures, program

SECONDS_MOST = 10.0 if program.SANITIZED else 1.0
LONGEST = 65507  # octets of UDP payload in one IPv4 packet


class Datagrams(program.Case):
    def events(self, frames):
        path = self.path('capture.pcap')
        captures.write(path, captures.pcap(captures.packets_of(frames)))
        begin = time.monotonic()
        done = program.rolecall('events', '-r', path)
        self.assertLess(time.monotonic() - begin, SECONDS_MOST)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        return program.records(done.stdout)

    def assert_dns_by_port(self, records):
        flow, = (r for r in records if r['type'] == 'flow')
        self.assertEqual((flow['protocol'], flow['identified_by']), ('dns', 'port'))
        self.assertEqual(flow['server']['port'], 53)

    def test_longest_dns_datagram_in_one_frame(self):
        payload = captures.udp(40000, 53, b'\x3f' * LONGEST)
        self.assert_dns_by_port(self.events([captures.ethernet(captures.ipv4('192.0.2.1', '192.0.2.2', 17, payload))]))

    def test_longest_dns_datagram_in_fragments(self):
        for step in (1480, 8):
            payload = captures.udp(40000, 53, b'\x3f' * LONGEST)
            parts = [captures.ethernet(captures.ipv4('192.0.2.1', '192.0.2.2', 17, payload[at:at + step], 77, at,
                                                     at + step < len(payload)))
                     for at in range(0, len(payload), step)]
            with self.subTest(fragments=len(parts)):
                self.assert_dns_by_port(self.events(parts))

    def test_fragments_in_any_order(self):
        payload = captures.udp(40000, 53, b'\x3f' * LONGEST)
        parts = [captures.ethernet(captures.ipv4('192.0.2.1', '192.0.2.2', 17, payload[at:at + 1480], 77, at,
                                                 at + 1480 < len(payload)))
                 for at in range(0, len(payload), 1480)]
        random.Random(1).shuffle(parts)
        self.assert_dns_by_port(self.events(parts))

    def test_dns_datagrams_full_of_pointers(self):
        """As many questions and records as fit, each name behind a chain of pointers: read once, and not on and on."""
        chain = b'\1x\0' + b''.join(b'\xc0' + bytes([12 + (3 if i else 0) + 2 * (i - 1) if i else 12]) for i in range(16))
        name = b'\xc0' + bytes([12 + len(chain) - 2])
        for flags in (0x0100, 0x8180):
            for questions, answers in ((60, 4000), (0, 4000), (60, 0)):
                body = chain + b'\0\1\0\1' + (name + b'\0\1\0\1') * questions + (name + bytes.fromhex('0001000100000001' '0004' '0a4d0001')) * answers
                head = b'\0\7' + flags.to_bytes(2, 'big') + (questions + 1).to_bytes(2, 'big') + answers.to_bytes(2, 'big') + bytes(4)
                frames = [captures.ethernet(captures.ipv4('192.0.2.1', '192.0.2.2', 17, captures.udp(40000, 53, (head + body)[:LONGEST])))] * 20
                with self.subTest(flags=flags, questions=questions, answers=answers):
                    flow, = (r for r in self.events(frames) if r['type'] == 'flow')
                    self.assertEqual(flow['protocol'], 'dns')

    def test_noise_behind_a_netbios_length(self):
        """128 octets of noise that a NetBIOS length fits: nothing in it is SMB, whatever the port."""
        for seed in range(8):
            noise = b'\0\0\0\x80' + random.Random(seed).randbytes(128)
            ends = ('192.0.2.1', '192.0.2.2')
            segment = lambda up, seq, ack, flags, data=b'': captures.ethernet(captures.ipv4(
                *(ends if up else ends[::-1]), 6,
                captures.tcp(*((40000, 445) if up else (445, 40000)), seq, ack, flags, data)))
            records = self.events([segment(True, 1, 0, 2), segment(False, 9, 2, 0x12), segment(True, 2, 10, 0x10),
                                   segment(True, 2, 10, 0x18, noise), segment(False, 10, 134, 0x10),
                                   segment(True, 134, 10, 0x11), segment(False, 10, 135, 0x11)])
            flow, = (r for r in records if r['type'] == 'flow')
            with self.subTest(seed=seed, flow=flow):
                self.assertFalse(flow['protocol'] == 'smb' and flow['identified_by'] != 'port')
                self.assertFalse([r for r in records if r['type'] == 'smb'])


if __name__ == '__main__':
    program.main()
