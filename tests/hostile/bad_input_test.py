"""bad_input_test.py - whatever cannot be audited: one clear line, exit status 2, and what was written stays valid."""
import json, os, resource, unittest

import captures, program

DEMO = os.path.join(program.TOP, 'pcaps', 'demo', 'breaches.pcap')
POLICY = os.path.join(program.TOP, 'pcaps', 'demo', 'policy.yaml')

# name: (a policy, words that the refusal must hold, among them line and column).
POLICIES = {
    'misspelt role': ('forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\nhosts:\n'
                      '  a.corp.example: {addresses: [10.0.0.1], forest: corp, site: P01, roles: [managment-point]}\n',
                      ':4:', 'managment-point', 'management-point'),
    'two hosts with one address': ('forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\nhosts:\n'
                                   '  a.corp.example: {addresses: [10.0.0.1], forest: corp, site: P01, roles: [site-server]}\n'
                                   '  b.corp.example: {addresses: [10.0.0.1], forest: corp, site: P01, roles: [console]}\n',
                                   ':5:', '10.0.0.1', 'a.corp.example'),
    'trust with an unknown forest': ('forests: {corp: {domains: [corp.example]}}\ntrusts:\n'
                                     '  - {forests: [corp, patner], type: forest, direction: two-way}\n', ':3:', 'patner'),
    'tab': ('forests:\n\tcorp: {domains: [corp.example]}\n', ':2:', 'tab'),
    'duplicate key': ('forests: {corp: {domains: [corp.example]}}\nsites: {P01: {type: primary}}\n'
                      'forests: {b: {domains: [b.example]}}\n', ':3:', 'forests'),
    'empty': ('', '1'),
}


class BadCapture(program.Case):
    def refused(self, path, *words):
        for command in (['events'], ['audit', '-p', POLICY]):
            with self.subTest(command=command[0]):
                self.assert_refused(program.rolecall(*command, '-r', path), *words)

    def test_no_such_file(self):
        self.refused(self.path('absent.pcap'), 'absent.pcap')

    def test_folder_without_captures(self):
        os.mkdir(self.path('folder'))
        self.refused(self.path('folder'), 'folder')

    def test_no_capture(self):
        self.refused(captures.write(self.path('letter.pcap'), b'Dear Sir or Madam,\n' * 40), 'letter.pcap')

    def test_empty_file(self):
        self.refused(captures.write(self.path('empty.pcap'), b''), 'empty.pcap')

    def test_empty_standard_input(self):
        self.assert_refused(program.rolecall('events', '-r', '-'), '-: ', 'empty')

    def test_unknown_link_type(self):
        packets, _ = captures.read_pcap(DEMO)
        self.refused(captures.write(self.path('usb.pcap'), captures.pcap(packets, 189)), 'usb.pcap', '189')

    def test_broken_compression(self):
        with open(DEMO, 'rb') as f:
            octets = captures.compress(f.read())
        self.refused(captures.write(self.path('a.pcap.gz'), octets[:20] + bytes(64)), 'a.pcap.gz')

    def test_cut_capture_is_audited_up_to_the_cut(self):
        with open(DEMO, 'rb') as f:
            octets = f.read()
        path = captures.write(self.path('cut.pcap'), octets[:-10])
        done = program.rolecall('events', '-r', path)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        summary = program.records(done.stdout)[-1]
        self.assertEqual((summary['truncated']['files'], summary['input']['packets']), (1, 389))

    def test_no_input(self):
        self.assert_refused(program.rolecall('events'), '-r')

    def test_bad_filter(self):
        self.assert_refused(program.rolecall('events', '--filter', 'tcp port nowhere and', '-r', DEMO), 'filter')


class BadPolicy(program.Case):
    def test_policies(self):
        for name, (text, *words) in POLICIES.items():
            path = captures.write(self.path('policy.yaml'), text.encode())
            for command in (['check', path], ['audit', '-p', path, '-r', DEMO]):
                with self.subTest(policy=name, command=command[0]):
                    self.assert_refused(program.rolecall(*command), 'policy.yaml', *words)

    def test_no_such_policy(self):
        self.assert_refused(program.rolecall('audit', '-p', self.path('absent.yaml'), '-r', DEMO), 'absent.yaml')


class BadOutput(program.Case):
    def test_folder_that_is_not_there(self):
        for command in (['events'], ['audit', '-p', POLICY]):
            self.assert_refused(program.rolecall(*command, '-o', self.path('absent/out'), '-r', DEMO), 'absent/out')

    def test_report_folder_that_cannot_be(self):
        captures.write(self.path('file'), b'')
        self.assert_refused(program.rolecall('audit', '-p', POLICY, '-r', DEMO, '--report', self.path('file/report')),
                            'file/report')

    def test_full_disk(self):
        with open('/dev/full', 'wb') as full:
            for command in (['events'], ['audit', '-p', POLICY], ['audit', '-p', POLICY, '--format', 'jsonl'], ['rules']):
                words = ['-r', DEMO] if command[0] != 'rules' else []
                with self.subTest(command=command):
                    self.assert_refused(program.rolecall(*command, *words, stdout=full), 'space')

    def test_disk_that_fills_up_leaves_whole_lines(self):
        path = self.path('out.jsonl')
        for room in (20000, 4096, 1):
            limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            done = program.rolecall('events', '-o', path, '-r', DEMO, preexec_fn=limit)
            with self.subTest(room=room):
                self.assert_refused(done, 'out.jsonl')
                with open(path, 'rb') as f:
                    octets = f.read()
                self.assertTrue(len(octets) <= room and (octets == b'' or octets.endswith(b'\n')))
                self.assertTrue(all(json.loads(line)['type'] for line in octets.splitlines()))
            os.unlink(path)


class BadUsage(program.Case):
    def test_words(self):
        for words, expected in ((['audti'], 'audit'), (['events', '--wrokers', '2'], '--workers'), (['events', '--workers', '0'], '--workers'),
                                (['events', '--memory', '1'], '--memory'), (['events', '--type', 'tsl', '-r', DEMO], 'tls'),
                                (['audit', '-r', DEMO], '-p'), (['audit', '-p', POLICY, '--format', 'xml', '-r', DEMO], '--format'),
                                (['explain', 'R999'], 'R999'), (['explain'], 'rule')):
            with self.subTest(words=words):
                self.assert_refused(program.rolecall(*words), expected)


if __name__ == '__main__':
    program.main()
