"""Do the facts agree with what the servers' own logs say: who logged on, how, and from where?

Samba writes a line of JSON for every logon and every ticket that it accepts (log file "audit" of a host), with the
client's address and port, which name the conversation; Apache names the user of a request. Each of these lines must have
its record in `rolecall events`; and each NTLM logon that the records call a success must be in a log.
"""
import datetime, json, os, subprocess, time

import network, recorder

LOGS = ('audit', 'apache-access')


def mark():
    """The time, and where the logs end now."""
    found = {}
    for host in network.HOSTS:
        for name in LOGS:
            path = network.folder(host, 'log', name)
            found[host, name] = os.path.getsize(path) if os.path.exists(path) else 0
    return {'time': time.time(), 'logs': found}


def lines_since(marks, name):
    for place, size in marks['logs'].items():
        path = network.folder(place[0], 'log', place[1]) if place[1] == name else ''
        if os.path.exists(path):
            host = place[0]
            with open(path, 'rb') as f:
                f.seek(size)
                for line in f.read().decode(errors='replace').splitlines():
                    yield host, line


class Records:
    """What `rolecall events` says of a capture, by conversation."""

    def __init__(self, path):
        done = subprocess.run([recorder.ROLECALL, 'events', '-q', '-r', path], capture_output=True, text=True)
        self.of, self.flows = {}, {}
        for record in map(json.loads, done.stdout.splitlines()):
            if record['type'] == 'flow':
                ends = record['client']['ip'], record['client']['port'], record['server']['ip']
                self.flows.setdefault(ends, []).append(record)  # one port may speak to several of a host, and again
            elif 'flow' in record:
                self.of.setdefault(record['flow'], []).append(record)

    def every(self):
        return [flow for flows in self.flows.values() for flow in flows]

    def conversation(self, ip, port, host):
        """The records of all flows between these; None when the capture holds none."""
        flows = self.flows.get((ip, port, network.address(host)))
        return None if flows is None else [r for flow in flows for r in self.of.get(flow['flow'], [])]


def when(entry):
    return datetime.datetime.strptime(entry['timestamp'], '%Y-%m-%dT%H:%M:%S.%f%z').timestamp()


def ends_of(event):
    """The client's address and port: "ipv4:10.77.0.11:44832"; None: nothing that came by the network."""
    remote = event.get('remoteAddress') or ''
    words = remote.split(':')
    return (words[1], int(words[2])) if len(words) == 3 and words[0] == 'ipv4' else None


def wanted(kind, event):
    """What the records must hold for a line of Samba's: a name for it and a test; None: not a thing that packets show."""
    service, user = event.get('serviceDescription'), (event.get('clientAccount') or '').split('@')[0].lower()
    # An account that is not known counts as refused in the log, although it may then be let in as guest.
    good = event.get('status') == 'NT_STATUS_OK'
    guest = event.get('status') == 'NT_STATUS_NO_SUCH_USER'
    if kind == 'Authorization':
        if event.get('authType') != 'krb5' or service not in ('SMB2', 'LDAP'):
            return None
        return 'Kerberos', lambda r: (r['type'] == 'smb' and r.get('mechanism') == 'kerberos' and r.get('status') == 'STATUS_SUCCESS' or
                                      r['type'] == 'ldap' and r.get('operation') == 'bind' and r.get('result') == 'success')
    if service == 'Kerberos KDC':
        return 'AS of ' + user, lambda r: (r['type'] == 'kerberos' and r.get('exchange') == 'as' and
                                           r.get('client', '').lower() == user and (not good or 'error' not in r or r['error_code'] == 52))
    if event.get('passwordType') in ('NTLMv1', 'NTLMv2') and service in ('SMB', 'SMB2', 'LDAP'):
        variant = event['passwordType'][-2:]
        return 'NTLM of ' + user, lambda r: (r['type'] == 'ntlm' and r.get('user', '').split('@')[0].lower() == user and
                                             r.get('variant') == variant and (guest or (r.get('result') == 'success') == good))
    if event.get('authDescription') == 'simple bind':
        return 'bind of ' + user, lambda r: r['type'] == 'ldap' and r.get('mechanism') == 'simple' and (r.get('result') == 'success') == good
    return None


def keeps_log(ip):
    """Whether a server of that address writes down who logs on to its shares or directory."""
    return any(network.address(host) == ip and os.path.exists(network.folder(host, 'log', 'audit')) for host in network.HOSTS)


def compare(records, marks):
    """(lines that agree, lines whose conversation is encrypted, what differs)."""
    agreed, hidden, differ, named = 0, 0, [], set()
    for host, line in lines_since(marks, 'audit'):
        if '"type": "Auth' not in line:
            continue
        entry = json.loads(line)
        if not marks['time'] <= when(entry) <= marks['end']:
            continue                              # before and after the recording hosts are set up
        event = entry[entry['type']]
        ends, want = ends_of(event), wanted(entry['type'], event)
        if not ends or not want:
            continue
        found = records.conversation(*ends, host)
        if found is None:
            differ.append('log of %s: %s from %s:%d is in no conversation' % (host, want[0], *ends))
        elif any(map(want[1], found)):
            agreed += 1
            named.update(r['flow'] for r in found if want[1](r))
        elif any(r['type'] == 'tls' for r in found):
            hidden += 1
        else:
            differ.append('log of %s: %s from %s:%d has no such record' % (host, want[0], *ends))
    for flow in records.every():
        for r in records.of.get(flow['flow'], []):
            if r['type'] == 'ntlm' and r.get('result') == 'success' and r.get('carrier') in ('smb', 'ldap') and flow['flow'] not in named \
                    and r.get('variant') != 'anonymous' and keeps_log(flow['server']['ip']):
                differ.append('the NTLM logon of %s from %s is in no log' % (r.get('user'), flow['client']['ip']))
    web = compare_web(records, marks)
    return agreed + web[0], hidden + web[1], differ + web[2]


def compare_web(records, marks):
    agreed, hidden, differ = 0, 0, []
    for host, line in lines_since(marks, 'apache-access'):
        ip, port, user = line.split()[:3]
        found = records.conversation(ip, int(port), host)
        if user == '-' or found is None:
            continue
        schemes = {r.get('auth') for r in found if r['type'] == 'http'} - {None}
        if any(r['type'] == 'tls' for r in found):
            hidden += 1
        elif schemes:
            agreed += 1
        else:
            differ.append('log of %s: %s asked from %s:%s, but no request shows a logon' % (host, user, ip, port))
    return agreed, hidden, differ
