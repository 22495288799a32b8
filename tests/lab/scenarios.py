"""Scenarios: small declarative files, and playing one.

scenarios/FOLDER/*.yaml holds some, and pcaps/FOLDER their captures and policy; pcaps/README.md says which rules may be
broken how. Of a scenario:

    NAME:
      what: one line                        needed
      right: NAME                           the twin that does the same thing right; needed when something is broken
      setup:                                what stands before the recording begins
        - smb HOST: [LINE, ...]             file server, with these lines of smb.conf on top of the good ones
        - web HOST: {certificate:, server: [LINE], tls: [LINE], listen: [PORT], secure: [PORT]}
        - daemon HOST NAME: {run: COMMAND, port: N, udp: true}
        - do HOST: COMMAND                  not recorded
        - forget: [HOST, ...]               members close their connections to the controller
        - trust: both-ways                  between the two forests
        - firewall HOST: [RULE, ...]          of iptables, for what comes in
        - wire HOST: {loss: 2%, duplicate: 1%, reorder: 5%, delay: 20ms, rate: 512kbit, seed: 1}    a bad link to that host
        - mirror: {loss: 2%, duplicate:, reorder:, vlan: 20, filter: EXPRESSION, seed: 1}           a bad mirror port
      steps:                                what is recorded
        - HOST: COMMAND                     must succeed
        - HOST fails: COMMAND               must not;  `HOST may: COMMAND`: may or may not
      finds:                                exactly what an audit must find: code, client, server, packets at most (-1: the last), filter
        - 'R060 cm01 usys01:445 1: smb.cmd == 0x72'
      verdicts:                             of an audit, that must be among the others: code, status, subject
        - 'R120 not_assessable hierarchy'
      shows: {WHAT: FILTER}                 what the capture must show;  lacks: what not

Filters are tshark's; @HOST in them is the host's address. Commands are bash, with what commands.sh defines.
"""
import glob, os, re, sys, time

import yaml

import agreement, links, network, recorder, services
from network import Failed, HERE, address, say

sys.path.insert(0, os.path.dirname(HERE))
import audit_pcaps

PCAPS = os.path.join(recorder.TOP, 'pcaps')
KEYS = {'what', 'right', 'setup', 'steps', 'finds', 'verdicts', 'shows', 'lacks'}
FINDING = re.compile(r'(\w\S*) (\S+) (\S+) (-?\d+): (.+)$', re.S)
NOISE = 'tcp.analysis.lost_segment or tcp.analysis.retransmission and (tcp.len > 0 or tcp.flags.syn == 1)'
TRIES = 5


def addressed(text):
    """@HOST becomes the host's address."""
    return re.sub(r'@([a-z]+\d\d)\b', lambda m: address(m.group(1)), text)


class Expected:
    def __init__(self, name, text):
        match = FINDING.match(text)
        if not match:
            raise Failed('%s: not a finding: %s' % (name, text))
        self.code, client, server, most, self.filter = match.groups()
        self.client = address(client) if client in network.HOSTS else client
        host, _, port = server.partition(':')
        self.server = (address(host) if host in network.HOSTS else host) + (':' + port if port else '')
        self.most, self.filter = int(most), addressed(self.filter)

    def line(self, path):
        found = recorder.frames(path, self.filter)
        if not found:
            raise Failed('no packet decides %s (%s)' % (self.code, self.filter))
        chosen = found[:self.most] if self.most > 0 else found[self.most:]
        return '%s %s %s %s\n' % (self.code, self.client, self.server, ','.join(map(str, chosen)))


class Scenario:
    def __init__(self, name, body):
        unknown = set(body) - KEYS
        if unknown or not body.get('what') or not body.get('steps'):
            raise Failed('%s: %s' % (name, 'unknown keys %s' % sorted(unknown) if unknown else 'needs what and steps'))
        self.name, self.what, self.right = name, body['what'], body.get('right')
        self.setup, self.steps = body.get('setup', []), body['steps']
        self.finds = [Expected(name, text) for text in body.get('finds', [])]
        self.shows, self.lacks, self.verdicts = body.get('shows', {}), body.get('lacks', {}), body.get('verdicts', [])
        self.wires = {key.split()[1]: value for entry in self.setup for key, value in entry.items() if key.startswith('wire ')}
        self.mirror = next((entry['mirror'] for entry in self.setup if 'mirror' in entry), None)
        self.notes, self.daemons, self.firewalls, self.laid, self.trust = [], [], [], [], False
        self.live, self.marks = True, {}

    def policy(self):
        return str(audit_pcaps.policy_of(audit_pcaps.pathlib.Path(PCAPS, self.name + '.pcap'), audit_pcaps.pathlib.Path(PCAPS)))

    def note(self, host, text):
        text = text.strip().replace(network.folder('pki'), 'PKI').replace(network.lab(), 'LAB').replace('\n', '; ')
        self.notes.append('%s: %s\n' % (host, text))

    def prepare(self):
        for entry in self.setup:
            (key, value), = entry.items()
            verb, host, *rest = (key.split() + [''])[:3]
            if verb == 'smb':
                services.smb(host, value)
                self.note(host, 'smb.conf: ' + '; '.join(value))
            elif verb == 'web':
                services.web(host, **value)
                self.daemons.append((host, 'apache'))
                self.note(host, 'apache2 ' + '; '.join('%s: %s' % item for item in value.items()))
            elif verb == 'daemon':
                services.daemon(host, rest[0], value['run'], value.get('port'), 'u' if value.get('udp') else 't')
                self.daemons.append((host, rest[0]))
                self.note(host, value['run'])
            elif verb == 'do':
                network.on(host, value, 'setup')
            elif verb == 'forget':
                for member in value:
                    services.forget_connections(member)
            elif verb == 'firewall':
                for rule in value:
                    network.on(host, 'iptables -A INPUT ' + rule, 'setup')
                self.firewalls.append(host)
                self.note(host, 'iptables: ' + '; '.join(value))
            elif verb == 'trust':
                services.make_trust()
                self.trust = True
            elif verb in ('wire', 'mirror'):
                self.note(host or 'mirror port', 'wire: ' + ' '.join('%s=%s' % item for item in value.items()))
            else:
                raise Failed('%s: unknown setup %s' % (self.name, key))

    def lay_wires(self):
        """Last of all: what prepares a host goes by good wires."""
        for host, plan in self.wires.items():
            links.lay(host, plan)
            self.laid.append(host)
        if self.mirror:
            links.spoil_mirror(self.mirror)
            self.laid.append(None)

    def start_recording(self, path):
        where = {} if self.mirror is None else {'port': links.SPAN_PORT}
        if self.mirror and 'filter' in self.mirror:
            where['chosen'] = '%s and (%s)' % (recorder.FILTER, addressed(self.mirror['filter']))
        return recorder.Recording(path, self.policy() if self.live else None, **where)

    def play(self):
        for entry in self.steps:
            self.step(entry)

    def step(self, entry):
        (key, command), = entry.items()
        host, _, how = key.partition(' ')
        self.note(host, command)
        status = network.on(host, command, check=False)
        time.sleep(0.2)
        if how != 'may' and (status != 0) != (how == 'fails'):
            raise Failed('%s: exit status %d on %s of %s (log: %s)' %
                         (self.name, status, host, command, network.folder(host, 'log', 'commands')))

    def finish(self):
        for host in self.laid:
            links.take_up(host) if host else links.mend_mirror()
        for host in self.firewalls:
            network.on(host, 'iptables -F INPUT', 'setup')
        for host, name in self.daemons:
            services.stop(host, name)
        for entry in self.setup:
            (key, _), = entry.items()
            if key.startswith('smb '):
                services.smb(key.split()[1])         # the good settings again
        if self.trust:
            services.end_trust()
        self.daemons, self.firewalls, self.laid, self.trust = [], [], [], False

    def record(self, path):
        """Plays until the recording is quiet; the findings at the mirror port."""
        for number in range(TRIES):
            self.notes, taken = [], None
            try:
                self.prepare()
                self.lay_wires()
                taken = self.start_recording(path)
                self.marks = agreement.mark()
                self.play()
                self.marks['end'] = time.time()
                taken.end()
                live = taken.live_findings() if self.live else []
            except BaseException:
                if taken:
                    taken.kill()
                raise
            finally:
                self.finish()
            repeated = recorder.frames(path, NOISE) if self.live and not self.wires and not self.mirror else []
            if not repeated:
                return live
            say('  TCP repeated itself in packets %s: once more' % repeated[:5])
        raise Failed('%s: no quiet recording' % self.name)

    def check(self, path):
        """What is wrong with the capture itself: it must show what it claims."""
        wrong = ['does not show %s (%s)' % (what, text) for what, text in self.shows.items()
                 if not recorder.frames(path, addressed(text))]
        wrong += ['must not show %s, yet packets %s do' % (what, found[:5]) for what, text in self.lacks.items()
                  for found in [recorder.frames(path, addressed(text))] if found]
        if not self.mirror and recorder.half_open(path):
            wrong.append('the opening of a TCP conversation is not in the capture')
        return wrong


def check_twins(found):
    """Whatever breaks something has a twin that does not break that; a twin may break less."""
    twins = {'%s/%s' % (name.split('/')[0], one.right) for name, one in found.items() if one.right}
    for name, one in found.items():
        twin = '%s/%s' % (name.split('/')[0], one.right)
        if one.right and twin not in found:
            raise Failed('%s: there is no twin %s' % (name, twin))
        if one.finds and not one.right and name not in twins:
            raise Failed("%s breaks something and has no twin that does it right ('right: NAME')" % name)
        if one.right and {e.code for e in one.finds} <= {e.code for e in found[twin].finds}:
            raise Failed('%s: its twin %s breaks the same' % (name, twin))


def load():
    """All scenarios by name, in the order of the files."""
    found = {}
    for path in sorted(glob.glob(os.path.join(HERE, 'scenarios', '*', '*.yaml'))):
        folder = os.path.basename(os.path.dirname(path))
        with open(path) as f:
            try:
                read = yaml.safe_load(f)
            except yaml.YAMLError as fault:
                raise Failed(str(fault))
            for name, body in read.items():
                if not name.startswith('.'):             # names with a dot only hold what others share
                    found['%s/%s' % (folder, name)] = Scenario('%s/%s' % (folder, name), body)
    check_twins(found)
    return found


def essence(finding):
    """What must be the same live and from the file. Not the numbers of packets, since the two do not begin with the same
    one."""
    return (finding['code'], finding.get('client', {}).get('ip', '-'), audit_pcaps.end_of(finding), finding['count'],
            len(finding['evidence']))


def odds(live, saved):
    """Findings that only one of the two has."""
    one, other = sorted(map(essence, live)), sorted(map(essence, saved))
    return [('at the mirror port', e) for e in one if e not in other] + [('in the file', e) for e in other if e not in one]
