"""The demonstration: a working day in the whole hierarchy, from day.yaml, with breaches and without.

What is planned over the day is played one thing after the other within minutes; then each thing, with all its packets, is
moved to its time of day. Nothing but time stamps is changed, and within a thing not even their distances.

    setup, wrong-setup: [...]               as in scenarios; the second for the breaches only, on top
    tasks: {NAME: [COMMAND, ...]}
    plan:
      - {at: '08:00', every: 60, until: '17:00', who: [HOST, ...], do: TASK}     minutes; each host with some delay
      - {at: '10:12', who: HOST, wrong: TASK, right: TASK, right-who: HOST, finds: ['R010 ...']}

A command that begins with "may " or "fails " may or must fail.
"""
import os, random, subprocess, sys, time

import yaml

import agreement, network, reading, recorder, scenarios, services
from network import HERE, Failed, say
from scenarios import audit_pcaps

sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'golden'))
import captures

NS = 10 ** 9
PLAN = os.path.join(HERE, 'day.yaml')
# Between two things, so that nothing that trails behind one comes after the beginning of the next.
PAUSE_NS = NS // 2
# Of each host after the one before it, in minutes.
DELAY = 7


def minutes(text):
    hours, rest = text.split(':')
    return int(hours) * 60 + int(rest)


def moments(entry, chance):
    """(second of the day, host) of everything that an entry of the plan says."""
    hosts = entry['who'] if isinstance(entry['who'], list) else [entry['who']]
    begin, end, every = minutes(entry['at']), minutes(entry.get('until', entry['at'])), entry.get('every', 24 * 60)
    for number, host in enumerate(hosts):
        delay = number * min(every // (len(hosts) + 1), DELAY)
        for at in range(begin, end + 1, every):
            yield (at + delay) * 60 + chance.randrange(59), host


def steps_of(plan, breaches):
    """[(second, {host: command})] in order, the commands of one thing together."""
    chance, found = random.Random(1), []
    for entry in plan['plan']:
        wrong = 'wrong' in entry
        task = entry['wrong' if breaches else 'right'] if wrong else entry['do']
        where = dict(entry, who=entry['right-who']) if wrong and not breaches and 'right-who' in entry else entry
        for at, host in moments(where, chance):
            steps = []
            for command in plan['tasks'][task]:
                how = command.split(' ', 1)[0]
                steps.append({'%s %s' % (host, how): command.split(' ', 1)[1]} if how in ('may', 'fails') else {host: command})
            found.append((at, steps))
    return sorted(found, key=lambda one: one[0])


class Day(scenarios.Scenario):
    def __init__(self, breaches):
        with open(PLAN) as f:
            plan = yaml.safe_load(f)
        self.things = steps_of(plan, breaches)
        finds = [text for entry in plan['plan'] for text in entry.get('finds', [])] if breaches else []
        super().__init__('lab/day-' + ('breaches' if breaches else 'clean'), {
            'what': 'a day in the hierarchy' + (', with breaches' if breaches else ': the same things done right'),
            'setup': plan['setup'] + (plan.get('wrong-setup', []) if breaches else []),
            'steps': [step for _, steps in self.things for step in steps], 'finds': finds})
        self.live, self.begun = False, []

    def play(self):
        self.begun = []
        midnight = time.time_ns() // (24 * 3600 * NS) * 24 * 3600 * NS
        for at, steps in self.things:
            self.notes.append('-- %02d:%02d:%02d\n' % (at // 3600, at // 60 % 60, at % 60))
            self.begun.append((time.time_ns(), midnight + at * NS))
            for step in steps:
                self.step(step)
            # Nothing stays open that would lie idle for an hour of the day.
            for host in services.MEMBERS:
                services.forget_connections(host)

    def spread(self, path):
        """Moves every packet to the time of day of the thing that it belongs to."""
        packets, link = captures.read_pcap(path)
        out, number, offset, last = [], 0, None, 0
        for packet in packets:
            while number < len(self.begun) and packet.ns >= self.begun[number][0]:
                began, planned = self.begun[number]
                planned = max(planned, last + PAUSE_NS)
                offset, number = planned - began, number + 1
            if offset is None:
                continue                              # before the first thing
            out.append(packet._replace(ns=packet.ns + offset))
            last = max(last, packet.ns + offset)
        with open(path, 'wb') as f:
            f.write(captures.pcap(out, link))


def record(breaches, keeping, failures=None):
    """Whether all is as expected."""
    day = Day(breaches)
    path = os.path.join(network.lab(), os.path.basename(day.name) + '.pcap')
    day.record(path)
    records = agreement.Records(path)
    logons, hidden, wrong = agreement.compare(records, day.marks)
    read, read_otherwise = reading.compare(path, records)
    wrong += read_otherwise
    day.spread(path)
    base = path[:-len('.pcap')]
    with open(base + '.findings', 'w') as f:
        for one in day.finds:
            try:
                f.write(one.line(path))
            except Failed as failure:
                wrong.append(str(failure))
    findings, _, odd = audit_pcaps.audit(recorder.ROLECALL, audit_pcaps.pathlib.Path(path), day.policy())
    wrong += odd + audit_pcaps.differences(findings or [], audit_pcaps.expected(audit_pcaps.pathlib.Path(path)))
    say('%s: %d things, %d bytes, %d logons as in the logs and %d inside TLS, %d as tshark reads them, %s' % (
        day.name, len(day.things), os.path.getsize(path), logons, hidden, read, '; '.join(wrong) or 'as expected'))
    if wrong and failures:
        subprocess.run(['cp', path, failures], check=True)
    if keeping and not wrong:
        target = os.path.join(scenarios.PCAPS, day.name)
        with open(path, 'rb') as f, open(target + '.pcap.zst', 'wb') as out:
            subprocess.run(['zstd', '-q', '-19', '-c'], stdin=f, stdout=out, check=True)
        subprocess.run(['cp', base + '.findings', target + '.findings'], check=True)
        with open(target + '.commands', 'w') as f:
            f.writelines(day.notes)
    return not wrong
