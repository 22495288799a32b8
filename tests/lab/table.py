"""Plays scenarios and compares: what an audit finds at the mirror port and in the file, and what the scenario says."""
import os, shutil, subprocess, tempfile, time

import agreement, network, reading, recorder, scenarios
from network import Failed, say

import audit_pcaps

# Octets above which a kept capture is compressed.
LARGE = 120000


class Row:
    """One scenario played: what was wrong, and what counts in the table."""

    def __init__(self, scenario):
        self.scenario, self.wrong, self.seconds = scenario, [], 0.0
        self.found = self.extra = self.logons = self.hidden = self.read = 0
        self.same = False

    def play(self, path):
        begun = time.monotonic()
        live = self.scenario.record(path)
        self.seconds = time.monotonic() - begun
        self.wrong = self.scenario.check(path)
        base = path[:-len('.pcap')]
        with open(base + '.findings', 'w') as f:
            f.writelines(one.line(path) for one in self.scenario.finds)
        with open(base + '.commands', 'w') as f:
            f.writelines(self.scenario.notes)
        if self.scenario.verdicts:
            with open(base + '.verdicts', 'w') as f:
                f.writelines(line + '\n' for line in self.scenario.verdicts)
        capture = audit_pcaps.pathlib.Path(path)
        findings, verdicts, odd = audit_pcaps.audit(recorder.ROLECALL, capture, self.scenario.policy())
        if findings is None:
            raise Failed('%s: %s' % (self.scenario.name, odd))
        differ = audit_pcaps.differences(findings, audit_pcaps.expected(capture))
        self.found = len(self.scenario.finds) - sum(line.startswith('missing') for line in differ)
        self.extra = sum(line.startswith('not expected') for line in differ)
        odds = scenarios.odds(live, findings)
        self.same = not odds
        records = agreement.Records(path)
        self.logons, self.hidden, disagree = agreement.compare(records, self.scenario.marks)
        self.read, read_otherwise = reading.compare(path, records)
        odd += ['no such verdict: ' + ' '.join(want) for want in audit_pcaps.wanted_verdicts(capture) if want not in verdicts]
        # What a bad mirror port lost is in the servers' logs only, and of what it tore apart two readers make two things.
        disagree = [] if self.scenario.mirror else disagree + read_otherwise
        self.wrong += odd + differ + disagree + ['only %s: %s' % odd for odd in odds]


def keep(path, name):
    """Into pcaps/: the capture, a large one compressed, its findings and its commands."""
    target = os.path.join(scenarios.PCAPS, name)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    for end in ('.findings', '.commands', '.verdicts'):
        if os.path.exists(path[:-len('.pcap')] + end):
            shutil.copyfile(path[:-len('.pcap')] + end, target + end)
    for end in ('.pcap', '.pcap.zst'):           # the last one may have been on the other side of the limit
        if os.path.exists(target + end):
            os.unlink(target + end)
    if os.path.getsize(path) > LARGE:
        subprocess.run(['zstd', '-q', '-19', path, '-o', target + '.pcap.zst'], check=True)
    else:
        shutil.copyfile(path, target + '.pcap')


def play(names, known, keeping, failures=None):
    """Plays these; the rows. With `failures`, captures of rows that are not as expected go to that folder."""
    rows = []
    for name in names:
        row = Row(known[name])
        with tempfile.TemporaryDirectory(dir=network.lab()) as work:
            os.chmod(work, 0o755)
            path = os.path.join(work, os.path.basename(name) + '.pcap')
            try:
                row.play(path)
            except Failed as failure:
                row.wrong.append(str(failure))
            if keeping and not row.wrong:
                keep(path, name)
            if row.wrong and failures and os.path.exists(path):
                shutil.copy(path, failures)
        say('%-40s %5.1f s  %s' % (name, row.seconds, '; '.join(row.wrong) or 'as expected'))
        rows.append(row)
    return rows


def show(rows):
    """The table of one run."""
    print('%-40s %8s %8s %8s %8s %8s %8s' % ('scenario', 'expected', 'found', 'others', 'live', 'logs', 'tshark'))
    for row in rows:
        print('%-40s %8d %8d %8d %8s %8d %8d' % (row.scenario.name, len(row.scenario.finds), row.found, row.extra,
                                             'same' if row.same else 'differs', row.logons, row.read))
    broken = [r for r in rows if r.scenario.finds]
    right = [r for r in rows if not r.scenario.finds]
    print('%d scenarios in %.0f s (the longest %.1f s): %d of %d findings found in %d that break something, %d of %d kept '
          'silence where all is right, %d findings nobody expected; at the mirror port as in the file: %d of %d; '
          '%d logons are in the records as in the logs of the servers, %d more inside TLS; %d are as tshark reads them'
          % (len(rows), sum(r.seconds for r in rows), max(r.seconds for r in rows), sum(r.found for r in broken),
             sum(len(r.scenario.finds) for r in broken), len(broken), sum(not r.extra for r in right), len(right),
             sum(r.extra for r in rows), sum(r.same for r in rows), len(rows),
             sum(r.logons for r in rows), sum(r.hidden for r in rows), sum(r.read for r in rows)))
