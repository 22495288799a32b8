#!/usr/bin/env python3
"""Writes a made-up report document (JSON Lines, as reports/document.h describes it) of any size, for the report's tests.

    sample_document.py [--hosts N] [--findings N] [--history N] [--hostile] [--seed N] > document.jsonl

What it says is invented but hangs together: verdicts, statements and counts follow from the findings. --hostile puts
strings that attack a reader into every field that comes from the wire.
"""
import argparse
import json
import random
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 11, 23, 7, 0, 0, 132408, timezone.utc)
HOURS = 9

CHAPTERS = {
    'topology': 'Topology and policy', 'clients': 'Client communication', 'forests-proxies': 'Forests, zones, proxies',
    'ntlm-relay': 'NTLM and relay', 'smb': 'SMB', 'ldap': 'LDAP', 'kerberos': 'Kerberos', 'tls': 'TLS', 'sql': 'SQL',
    'administration': 'Administration and attack tooling', 'coverage': 'Data quality and coverage',
}

LETTERS = dict(zip(CHAPTERS, 'ABCDEFGHIJK'))

# code, name, chapter, severity, title, port, protocol, what it means, what to do, evidence
RULES = [
    ('R001', 'unknown-host', 'topology', 'medium', 'Undeclared host served by a site system', 445, 'smb',
     'A computer that the policy does not know was answered by a site system.', 'Declare the host, or keep it away.',
     ['SYN from {c} to port {port}', 'SYN-ACK from {s}']),
    ('R002', 'undeclared-role-pair', 'topology', 'medium', 'Two roles that have nothing to say to each other', 135, 'dcerpc',
     'Two site systems talk although no row of the matrix lets their roles do so.', 'Close the way between them in the firewall.',
     ['Connection from {c} to {s} port {port}']),
    ('R005', 'port-protocol-mismatch', 'topology', 'low', 'Content does not fit the port', 443, 'http',
     'What is said on a port is not what the port is for.', 'See what listens there and why.', ['HTTP in clear on port {port}']),
    ('R010', 'client-http-when-https-required', 'clients', 'high', 'Plain HTTP to a role that demands HTTPS', 80, 'http',
     'A client spoke HTTP in clear to a role that is declared for HTTPS only.',
     'Set {s} to accept HTTPS only (role properties and IIS binding), remove the binding on port {port}, and see that the client has a certificate it can use.',
     ['HTTP request in clear: GET /SMS_MP/.sms_aut?MPLIST', 'answered in clear with status 200', 'HTTP request in clear: CCM_POST /ccm_system/request']),
    ('R014', 'anonymous-content-access', 'clients', 'high', 'Distribution point serves content without authentication', 80, 'http',
     'Content was given to somebody who did not say who he is.', 'Turn off anonymous access in the properties of the distribution point.',
     ['GET of a package without Authorization', 'status 200 with {n} octets']),
    ('R017', 'enhanced-http-or-self-signed', 'clients', 'info', 'Certificate that the site issued itself', 443, 'tls',
     'The server presents a certificate of the site, not of a public key infrastructure.', 'Nothing, unless a PKI is demanded.', ['Certificate of {s}']),
    ('R020', 'untrusted-system-initiates-to-site-server', 'forests-proxies', 'high', 'Untrusted system contacts the site server', 445, 'smb',
     'A site system of another forest opened a connection to the site server although it should wait for it.',
     'Select "Require the site server to initiate connections" for {c}, and have the firewall drop what it opens.',
     ['SYN from {c} to port {port} of the site server', 'SYN-ACK from the site server']),
    ('R025', 'client-leaves-its-forest', 'forests-proxies', 'medium', 'Client served by another forest', 443, 'tls',
     'A client was served by a site system of a forest that is not its own.', 'Give the client\'s forest site systems of its own, or declare the fallback.',
     ['TLS connection from {c} to {s}']),
    ('R040', 'ntlm-where-kerberos-expected', 'ntlm-relay', 'high', 'NTLM where Kerberos was to be expected', 445, 'ntlm',
     'Two ends whose forests trust each other by Kerberos used NTLM all the same. When Kerberos fails, clients try NTLM without a word, and NTLM authentications can be relayed and cracked.',
     'Register service principal names for every name of {s}, address servers by FQDN, then restrict NTLM by policy.',
     ['Kerberos error KDC_ERR_S_PRINCIPAL_UNKNOWN for cifs/{s}', 'NTLM AUTHENTICATE of {user} in smb']),
    ('R041', 'ntlmv1-or-lm', 'ntlm-relay', 'critical', 'NTLMv1 or LM response', 445, 'ntlm',
     'The response is made with DES: it is cracked within hours, and with it the account is taken.', 'Set LmCompatibilityLevel to 5 on {c} and {s}.',
     ['NTLM AUTHENTICATE of {user} with an NTLMv1 response']),
    ('R044', 'ntlm-relay-proven', 'ntlm-relay', 'critical', 'NTLM authentication was relayed', 445, 'ntlm',
     'One challenge was seen in two connections: somebody stood between them and used the answer.', 'Treat {c} as taken over. Require signing and channel binding on {s}.',
     ['challenge {hex} from {s}', 'the same challenge sent to the victim', 'AUTHENTICATE of {user} passed on']),
    ('R061', 'smb-signing-not-required', 'smb', 'high', 'SMB server does not require signing', 445, 'smb',
     'The server lets a session be changed on its way, and lets relayed authentications in.', 'Set "Microsoft network server: Digitally sign communications (always)" on {s}.',
     ['NEGOTIATE response of {s}: signing enabled, not required']),
    ('R060', 'smb1-used', 'smb', 'high', 'SMB 1 in use', 445, 'smb', 'A protocol from before signing and encryption were any good.', 'Remove the SMB 1 feature from {s}.',
     ['NEGOTIATE response with dialect NT LM 0.12']),
    ('R070', 'ldap-cleartext-simple-bind', 'ldap', 'critical', 'Password in clear in an LDAP bind', 389, 'ldap',
     'The password of the account stood in a packet for everybody to read.', 'Change the password of {user}. Use LDAPS or a SASL bind with sealing.',
     ['BindRequest, simple, of {user}']),
    ('R071', 'ldap-unsigned-session', 'ldap', 'high', 'Domain controller does not require LDAP signing', 389, 'ldap',
     'A session went on without signatures: whoever stands between may change it.', 'Set "Domain controller: LDAP server signing requirements" to required on {s}.',
     ['BindRequest, GSS-SPNEGO, without signing', 'SearchRequest in clear']),
    ('R080', 'weak-kerberos-etype', 'kerberos', 'medium', 'Kerberos ticket encrypted by RC4 or DES', 88, 'kerberos',
     'The ticket can be cracked offline much faster than one that AES protects.', 'Set msDS-SupportedEncryptionTypes of the service account to AES and change its password.',
     ['TGS-REP for cifs/{s}: rc4-hmac']),
    ('R090', 'tls-below-1-2', 'tls', 'high', 'TLS version below the policy\'s minimum', 443, 'tls', 'Old versions of TLS have faults that cannot be mended.',
     'Turn off TLS 1.0 and 1.1 in Schannel on {s}.', ['ServerHello of {s}: TLS 1.0']),
    ('R092', 'certificate-problem', 'tls', 'high', 'Server certificate with a fault', 443, 'tls', 'A client cannot tell the server from somebody who plays it.',
     'Issue a certificate with the names of {s}.', ['Certificate of {s}: expired']),
    ('R100', 'sql-not-encrypted', 'sql', 'high', 'SQL in clear', 1433, 'tds', 'What the site says to its database can be read and changed on the way.',
     'Force encryption in the network configuration of the instance on {s}.', ['PRELOGIN of {s}: encryption off']),
    ('R101', 'sql-authentication-login', 'sql', 'critical', 'SQL login instead of Windows authentication', 1433, 'tds',
     'The password of an SQL login goes over the wire nearly in clear.', 'Use Windows authentication for {c} and turn mixed mode off.', ['LOGIN7 of {user}']),
    ('R112', 'remote-admin-to-site-system', 'administration', 'high', 'Site system administered from a host that is no administrator\'s', 3389, 'rdp',
     'Somebody opened a remote session from a computer that is no console.', 'Declare the computer as a console, or find out who sat there.', ['RDP connection request from {c}']),
    ('R068', 'share-enumeration', 'smb', 'medium', 'Shares of several site systems listed', 445, 'dcerpc', 'Somebody looks what there is to be had.', 'Ask who uses {c}.',
     ['NetrShareEnum to {s}']),
    ('R120', 'blind-spot', 'coverage', 'info', 'Part of the traffic could not be read', 445, 'smb', 'Encryption hides what rules would need.', 'Nothing; know it.', ['SMB 3 encrypted session']),
    ('R121', 'expected-traffic-missing', 'coverage', 'info', 'Expected traffic was not seen', 1433, 'tds', 'A role that must speak did not.', 'See whether the sensor stands right.', ['no connection seen']),
]
REFERENCES = ['Microsoft Learn: Communications between endpoints in Configuration Manager', 'MITRE ATT&CK T1557', 'Misconfiguration Manager: PREVENT-20']
ROLES = ['management-point', 'distribution-point', 'software-update-point', 'distribution-point', 'distribution-point', 'fallback-status-point', 'reporting-services-point']
HOSTILE = ['</script><script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '\x1b[31mred\x07', '=HYPERLINK("http://x")', '<!--', ']]>', '\u202egpj.exe',
           '{{constructor}}', "'; DROP TABLE hosts;--", '&lt;b&gt;', 'a' * 300, '\u0000\u0001\u0002', 'javascript:alert(1)', '%0d%0aSet-Cookie:x', '\U0001f480\u0301\u0301']


def stamp(when):
    return when.strftime('%Y-%m-%dT%H:%M:%S.%fZ')


class Maker:
    def __init__(self, options):
        self.o = options
        self.r = random.Random(options.seed)
        self.hosts, self.groups, self.records = [], [], []
        self.findings = []

    def wire(self, text):
        """A text that came from the traffic."""
        return self.r.choice(HOSTILE) + text if self.o.hostile else text

    def when(self):
        """Working hours: more at ten than at seven."""
        return START + timedelta(seconds=self.r.triangular(0, HOURS * 3600, 3 * 3600))

    # ---- the declared hierarchy ----
    def build_sites(self):
        n = self.o.hosts
        primaries = max(1, min(8, n // 12))
        self.sites = []
        if primaries > 1:
            self.sites.append({'code': 'CEN', 'kind': 'central-administration', 'forest': 'corp'})
        for i in range(primaries):
            site = {'code': f'P{i + 1:02d}', 'kind': 'primary', 'forest': 'corp'}
            if primaries > 1:
                site['parent'] = 'CEN'
            self.sites.append(site)
        for i in range(min(n // 20, 12)):
            self.sites.append({'code': f'S{i + 1:02d}', 'kind': 'secondary', 'parent': f'P{i % primaries + 1:02d}', 'forest': 'corp'})

    def host(self, name, ip, roles, **more):
        host = {'name': name, 'addresses': [ip], 'aliases': [], 'roles': roles, **more}
        self.hosts.append(host)
        return host

    def build_hosts(self):
        self.host('dc01.corp.example', '10.0.1.2', ['domain-controller', 'global-catalog', 'dns'], forest='corp', zone='intranet')
        self.host('dc02.partner.example', '10.9.1.2', ['domain-controller', 'dns'], forest='partner', zone='perimeter')
        self.host('proxy01', '192.0.2.5', ['web-proxy'], zone='perimeter')
        for i, site in enumerate(self.sites):
            code = site['code'].lower()
            server = ['site-server', 'sms-provider'] if site['kind'] != 'secondary' else ['site-server', 'management-point']
            self.host(f'cm-{code}.corp.example', f'10.0.{i + 2}.10', server, site=site['code'], forest='corp', zone='intranet')
            if site['kind'] != 'secondary':
                self.host(f'sql-{code}.corp.example', f'10.0.{i + 2}.11', ['site-database'], site=site['code'], forest='corp', zone='intranet')
        servers = max(0, int(self.o.hosts * 0.35) - len(self.hosts))
        for i in range(servers):
            role = ROLES[i % len(ROLES)]
            site = self.sites[self.r.randrange(len(self.sites))]
            partner = i % 9 == 5
            short = ''.join(w[0] for w in role.split('-')) + f'{i + 1:03d}'
            name = f'{short}.{"partner" if partner else "corp"}.example'
            self.host(name, f'10.{9 if partner else 0}.{64 + i // 200}.{i % 200 + 20}', [role], site=site['code'],
                      forest='partner' if partner else 'corp', zone='perimeter' if partner else 'intranet')
        self.groups = [{'name': 'desks', 'networks': ['10.1.0.0/16'], 'forest': 'corp', 'zone': 'intranet'},
                       {'name': 'branches', 'networks': ['10.2.0.0/16'], 'forest': 'corp', 'zone': 'intranet'},
                       {'name': 'visitors', 'networks': ['192.0.2.128/25'], 'forest': 'partner', 'zone': 'perimeter'}]
        self.clients = []
        for i in range(max(3, self.o.hosts - len(self.hosts))):
            group = self.groups[(i % 7) % 2 if i % 10 else 2]
            base = {'desks': '10.1', 'branches': '10.2', 'visitors': '192.0'}[group['name']]
            ip = f'{base}.{i // 250}.{i % 250 + 2}' if base != '192.0' else f'192.0.{2 + i // 2500}.{128 + i // 10 % 120}'
            self.clients.append({'ip': ip, 'group': group['name'], 'forest': group['forest'], 'zone': group['zone']})

    def record(self, **keys):
        self.records.append({k: v for k, v in keys.items() if v is not None})

    def add_head(self):
        end = START + timedelta(hours=HOURS)
        self.record(type='audit', tool='rolecall', version='0.1.0', policy='policy/' + self.wire('hierarchy.yaml'), policy_sha256='ca35e9a1c1fe3defd1319aad130c9c38b764dab8cea75860b5b6fcfa8315b2cc',
                    profile='current', inputs=[self.wire('monday-core.pcapng'), 'monday-perimeter.pcapng'], generated='2026-11-24T09:12:44Z', start=stamp(START), end=stamp(end))
        for code, name, chapter, severity, title, port, protocol, means, remedy, says in RULES:
            self.record(type='rule', code=code, rule=name, chapter=chapter, chapter_letter=LETTERS[chapter], chapter_title=CHAPTERS[chapter], title=title, severity=severity, statements=self.statements_of(code), means=means,
                        evidence='Every message that shows it, and the roles of both ends. Not counted: hosts that the policy declares wrongly, and captures that began in the middle.',
                        remediation=re.sub(r'\{\w+\}', 'the server', remedy), references=REFERENCES, records=['flow'])

    def statements_of(self, code):
        return [s[0] for s in self.statements if code in s[3]]

    def read_statements(self):
        text = (ROOT / 'policy/statements.def').read_text()
        self.statements = []
        for m in re.finditer(r'^STATEMENT\((S\d+),\s*(\w+),[^"]*"([^"]*)",\s*"((?:[^"\\]|\\.)*)"\)', text, re.M):
            self.statements.append((m[1], m[2].lower(), None, m[3].split(), m[4]))
        for m in re.finditer(r'^SAYS\((S\d+),\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\)', text, re.M):
            self.statements.append((m[1], 'no', m[2], [], m[3]))
        self.statements.sort(key=lambda s: int(s[0][1:]))

    # ---- findings ----
    def party(self, who, port=None):
        if 'group' in who:
            return {'ip': who['ip'], 'roles': [], 'forest': who['forest'], 'group': who['group'], 'zone': who['zone']}
        party = {'ip': who['addresses'][0], 'roles': who['roles'], 'zone': who['zone'], 'name': self.wire(who['name']) if self.o.hostile else who['name']}
        if port:
            party['port'] = port
        if 'forest' in who:
            party['forest'] = who['forest']
        return party

    def choose_ends(self, rule):
        wanted = {'R071': 'domain-controller', 'R070': 'domain-controller', 'R080': 'domain-controller', 'R100': 'site-database', 'R101': 'site-database',
                  'R020': 'site-server', 'R014': 'distribution-point', 'R010': 'management-point'}.get(rule[0])
        servers = [h for h in self.hosts if wanted is None or wanted in h['roles']] or self.hosts
        server = self.r.choice(servers)
        if rule[2] in ('clients', 'topology') or self.r.random() < 0.5:
            return self.r.choice(self.clients), server
        client = self.r.choice(self.hosts)
        return (client, server) if client is not server else (self.r.choice(self.clients), server)

    def evidence(self, rule, first, words):
        rows, at = [], first
        for i, says in enumerate(rule[9]):
            at += timedelta(microseconds=self.r.randrange(200, 40000))
            # What decides is mostly the same few octets; what authenticates is different each time.
            octets = rule[1].encode()[:6] + (self.r.randbytes(8) if rule[6] == 'ntlm' else bytes([self.r.randrange(4)]))
            fields = {rule[6] + '.message_id': self.r.randrange(1, 9000), 'status': self.r.choice(['STATUS_SUCCESS', 'STATUS_MORE_PROCESSING_REQUIRED'])}
            if '{user}' in says:
                fields['ntlm.user'] = words['user']
            rows.append({'file': 'monday-core.pcapng', 'packet': int((at - START).total_seconds() * 810) + self.r.randrange(700), 'ts': stamp(at),
                         'says': self.wire(says.format(hex=octets[-8:].hex(), **words)), 'fields': fields, 'hex': octets.hex()})
        return rows, at

    def add_finding(self, rule, key):
        code, name, chapter, severity, title, port, protocol, means, remedy, says = rule
        client, server = self.choose_ends(rule)
        c = client.get('name') or client['ip']
        words = {'c': c, 's': server['name'], 'port': port, 'n': self.r.randrange(1000, 900000), 'user': self.wire(f'CORP\\svc-{self.r.choice(["naa", "push", "install", "mpdb"])}')}
        first = self.when()
        rows, last = self.evidence(rule, first, words)
        count = 1 if self.r.random() < 0.6 else self.r.randrange(2, 400)
        flows = sorted(self.r.randrange(1, 400000) for _ in range(min(count, 2)))
        last = last if count == 1 else min(last + timedelta(seconds=self.r.randrange(1, 7000)), START + timedelta(hours=HOURS))
        end = lambda who, text: f'{text} ({who["addresses"][0] if "addresses" in who else who["group"]})'
        finding = {'type': 'finding', 'id': f'{self.r.getrandbits(64):016x}', 'rule': name, 'code': code, 'title': title, 'severity': severity,
                   'confidence': self.r.choice(['proven', 'proven', 'proven', 'derived', 'inferred']) if severity in ('medium', 'low', 'info') else self.r.choice(['proven', 'proven', 'derived']),
                   'statements': self.statements_of(code), 'references': REFERENCES, 'client': self.party(client), 'server': self.party(server, port),
                   'first': stamp(first), 'last': stamp(last), 'count': count, 'flows': flows, 'flows_total': count, 'evidence': rows,
                   'display_filter': f'ip.addr == {self.party(client)["ip"]} && ip.addr == {server["addresses"][0]} && tcp.port == {port}',
                   'explanation': f'{end(client, c)} and {end(server, server["name"])} spoke {protocol} on port {port}. ' + means,
                   'remediation': remedy.format(**words)}
        if key % 29 == 7:
            finding['accepted'] = {'reason': 'Replaced in January with the new management point', 'until': '2027-01-31', 'by': 'm.keller'}
            if key % 58 == 7:
                finding['accepted'] |= {'until': '2026-10-31', 'expired': True}
        self.findings.append((finding, server, client))

    def build_findings(self):
        order = {'critical': 0, 'high': 1, 'medium': 2, 'low': 3, 'info': 4}
        weights = [{'critical': 1, 'high': 4, 'medium': 6, 'low': 3, 'info': 2}[r[3]] for r in RULES]
        if self.o.findings < 100:
            weights = [0 if r[0] in ('R044', 'R060', 'R101', 'R068', 'R112') else w for r, w in zip(RULES, weights)]
        for key in range(self.o.findings):
            self.add_finding(self.r.choices(RULES, weights)[0], key)
        self.findings.sort(key=lambda f: (order[f[0]['severity']], f[0]['code'], f[0]['first'], f[0]['id']))
        self.records += [f[0] for f in self.findings]

    # ---- what follows from them ----
    def add_verdicts(self):
        broken = {}
        for f, server, client in self.findings:
            key = (f['rule'], server['name'])
            broken[key] = broken.get(key, 0) + f['count']
        self.verdicts = []
        for rule in RULES:
            for host in sorted(self.hosts, key=lambda h: h['name']):
                seen = broken.get((rule[1], host['name']))
                draw = self.r.random()
                if seen:
                    status, observed, why = 'violated', seen, f'{rule[4]}: {seen} times.'
                elif draw < (0.8 if rule[2] == 'sql' else 0.35):
                    status, observed, why = 'consistent', self.r.randrange(1, 90), 'All that was seen of it keeps to the rule.'
                elif draw < 0.42:
                    status, observed, why = 'not_assessable', self.r.randrange(1, 9), self.r.choice(['TLS 1.3 encrypts the certificate.', 'SMB 3 encryption hides the share.'])
                else:
                    status, observed, why = 'not_observed', 0, 'No such traffic of this host is in the capture.'
                self.verdicts.append({'type': 'verdict', 'rule': rule[1], 'code': rule[0], 'subject': host['name'], 'status': status, 'observed': observed, 'because': why})
        self.records += self.verdicts

    def add_statements(self):
        have = {r[0] for r in RULES}
        self.statement_counts = dict.fromkeys(['violated', 'consistent', 'not_observed', 'not_assessable'], 0)
        for id_, seen, reason, rules, demands in self.statements:
            judged = [r for r in rules if r in have]
            states = {v['status'] for v in self.verdicts if v['code'] in judged}
            status = next((s for s in ('violated', 'consistent', 'not_assessable', 'not_observed') if s in states), 'not_assessable')
            because = reason or ('Not judged by this version: ' + ' '.join(rules) if not judged else 'What was seen of it decides it.')
            self.statement_counts[status] += 1
            self.record(type='statement', id=id_, demands=demands, seen={'yes': 'yes', 'partly': 'partly', 'hints': 'hints'}.get(seen, 'no'), status=status, rules=judged,
                        not_judged=[r for r in rules if r not in have], observed=len(judged) * 31, because=because)

    def add_model(self):
        self.record(type='model', sites=self.sites, forests=[
            {'name': 'corp', 'domains': ['corp.example', 'emea.corp.example'], 'trusts': [{'to': 'partner', 'direction': 'two-way', 'kind': 'forest'}]},
            {'name': 'partner', 'domains': ['partner.example'], 'trusts': []}], zones=[
            {'name': 'intranet', 'networks': ['10.0.0.0/8']}, {'name': 'perimeter', 'networks': ['192.0.2.0/24', '10.9.0.0/16']}],
            client_groups=self.groups, hosts=self.hosts)

    def posture(self, host):
        pick = lambda **names: {k.replace('_', ' '): self.r.randrange(1, 60) for k in names if self.r.random() < names[k]}
        posture = {'smb': {'dialects': {d: self.r.randrange(1, 60) for d in self.r.sample(['3.1.1', '3.0.2', '2.1', 'NT LM 0.12'], 2)}, 'signing': pick(required=.6, enabled=.5),
                           'encrypted': self.r.randrange(3), 'sessions': self.r.randrange(5, 90)},
                   'ntlm': {'as_client': self.r.randrange(20), 'as_server': self.r.randrange(50), 'variants': {'v2': self.r.randrange(1, 50)}}}
        name = self.wire(host['name'])
        if any(r in ('management-point', 'distribution-point', 'software-update-point') for r in host['roles']):
            posture['tls'] = {'versions': {'TLS 1.2': self.r.randrange(200), 'TLS 1.0': self.r.randrange(1, 4)}, 'ciphers': {'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384': self.r.randrange(1, 200)},
                              'certificates': [{'subject': f'CN={name}', 'issuer': 'CN=Corp Issuing CA 1, DC=corp, DC=example', 'not_after': f'{self.r.choice([2026, 2027, 2028])}-{self.r.randrange(1, 13):02d}-14T10:00:00Z',
                                                'sha256': f'{self.r.getrandbits(256):064x}', 'key': 'rsa 2048', 'self_signed': False}]}
            posture['http'] = {'clear': self.r.randrange(30), 'tls': self.r.randrange(300)}
        if 'domain-controller' in host['roles']:
            posture['ldap'] = {'plain': 12, 'signed': 80, 'sealed': 140, 'tls': 9, 'simple_binds': 1}
            posture['kerberos'] = {'etypes': {'aes256-cts-hmac-sha1-96': 900, 'rc4-hmac': 31}, 'as_client': 2, 'as_server': 931}
        if 'site-database' in host['roles']:
            posture['sql'] = {'encryption': {'full': 31, 'login': 4}, 'logins': {'windows': 30, 'sql': 1}}
        return posture

    def add_hosts(self):
        order = ['info', 'low', 'medium', 'high', 'critical']
        about = {}
        for f, server, client in self.findings:
            for key in (server['name'], client.get('name') or client['ip']):
                n, worst = about.get(key, (0, 'info'))
                about[key] = (n + 1, max(worst, f['severity'], key=order.index))
        for host in self.hosts + self.clients:
            name = host.get('name') or host['ip']
            n, worst = about.get(name, (0, None))
            first = self.when()
            declared = 'addresses' in host
            self.record(type='host', name=name, ips=host.get('addresses') or [host['ip']], declared=declared, roles=host.get('roles', []), site=host.get('site'), forest=host.get('forest'),
                        zone=host.get('zone'), group=host.get('group'), first=stamp(first), last=stamp(first + timedelta(minutes=self.r.randrange(1, 100))), flows=self.r.randrange(1, 4000),
                        bytes_sent=self.r.randrange(10 ** 4, 10 ** 9), bytes_received=self.r.randrange(10 ** 4, 10 ** 9), findings=n, worst=worst, posture=self.posture(host) if declared else None)

    def add_conversations(self):
        seen = set()
        rows = [(f['client'], f['server'], RULES[[r[0] for r in RULES].index(f['code'])]) for f, _, _ in self.findings]
        for host in self.hosts:
            for group in self.groups:
                rows.append(({'group': group['name']}, self.party(host), self.r.choice(RULES)))
            peer = self.r.choice(self.hosts)
            rows.append((self.party(host), self.party(peer), self.r.choice(RULES)))
        for client, server, rule in rows:
            client = {'group': client['group']} if 'group' in client else {k: client[k] for k in ('ip', 'name') if k in client}
            server = {k: server[k] for k in ('ip', 'name') if k in server}
            key = (json.dumps(client), server['ip'], rule[5], rule[6])
            if key in seen or client.get('ip') == server['ip']:
                continue
            seen.add(key)
            first = self.when()
            self.record(type='conversation', client=client, server=server, protocol=rule[6], transport='tcp', port=rule[5], flows=self.r.randrange(1, 900), bytes=self.r.randrange(900, 10 ** 9),
                        first=stamp(first), last=stamp(first + timedelta(minutes=self.r.randrange(1, 200))), unanswered=self.r.choice([None, None, None, 2]))

    def add_traffic(self):
        for i in range(180):
            hour = i * HOURS / 180
            load = max(0.15, 1 - abs(hour - 3) / 6)
            shares = {'smb': 9e6, 'tls': 4e6, 'http': 2.2e6, 'tds': 1.8e6, 'kerberos': 2e5, 'ldap': 3e5, 'dns': 5e4, 'dcerpc': 1.4e5, 'rdp': 6e5, 'unknown': 3e5}
            protocols = {}
            for name, base in shares.items():
                octets = int(base * load * self.r.uniform(0.5, 1.5))
                protocols[name] = {'flows': max(1, octets // 40000), 'bytes': octets}
            self.record(type='traffic', start=stamp(START.replace(microsecond=0) + timedelta(seconds=i * 180)), seconds=180, protocols=protocols)

    def add_grades(self):
        weight = {'critical': 60, 'high': 30, 'medium': 10, 'low': 3, 'info': 0}
        for chapter, title in CHAPTERS.items():
            costs, points = [], 100
            for rule in (r for r in RULES if r[2] == chapter):
                found = [f[0] for f in self.findings if f[0]['code'] == rule[0]]
                counted = [f for f in found if 'accepted' not in f or f['accepted'].get('expired')]
                if found:
                    lost = weight[rule[3]] * (10 + min(10, max(0, len(counted) - 1))) // 10 if counted else 0
                    points = max(0, points - lost)
                    costs.append({'code': rule[0], 'title': rule[4], 'severity': rule[3], 'findings': len(counted), 'accepted': len(found) - len(counted), 'points': lost})
            states = [v['status'] for v in self.verdicts if any(r[0] == v['code'] and r[2] == chapter for r in RULES)]
            judged = sum(s in ('violated', 'consistent') for s in states)
            self.record(type='grade', chapter=chapter, chapter_letter=LETTERS[chapter], chapter_title=title, grade='ABCDEF'[sum(points < edge for edge in (90, 75, 60, 40, 20))], points=points, judged=judged,
                        not_judged=len(states) - judged, costs=costs, because=[f'{c["code"]}: -{c["points"]} points' for c in costs])

    def add_history(self):
        severities = ['critical', 'high', 'medium', 'low', 'info']
        for i in range(self.o.history):
            when = START - timedelta(days=7 * (self.o.history - i))
            fade = (self.o.history - i) / self.o.history
            counts = {s: int(sum(f[0]['severity'] == s for f in self.findings) * (1 + fade * self.r.uniform(.2, .9))) for s in severities}
            grades = []
            for j, chapter in enumerate(CHAPTERS):
                points = max(0, min(100, int(92 - fade * 30 - j * 4 + self.r.randrange(8))))
                grades.append({'chapter': chapter, 'points': points, 'grade': 'ABCDEF'[sum(points < edge for edge in (90, 75, 60, 40, 20))]})
            self.record(type='history', id=i + 1, end=stamp(when), findings=counts, grades=grades)

    def add_summary(self):
        packets = 26_412_907
        count = lambda rows, key, names: {n: sum(r[key] == n for r in rows) for n in names}
        found = [f[0] for f in self.findings]
        zeros = {'flows_half_open': 0, 'flows': 0, 'reorder_octets': 0, 'flow_state': 0, 'messages_too_long': 0, 'records': 0, 'facts': 0, 'nesting': 0, 'fragments': 0, 'subjects': 0, 'findings': 0, 'rule_state': 0}
        self.record(type='summary', input={'files': ['monday-core.pcapng', 'monday-perimeter.pcapng'], 'packets': packets, 'bytes': 18_113_200_400, 'first': stamp(START), 'last': stamp(START + timedelta(hours=HOURS))},
                    dropped={'capture': 1204, **zeros}, truncated={'files': 0, 'packets': 0}, malformed={'frames': 3, 'cut_headers': 0, 'messages': 12, 'sequence': 4},
                    partial={'gaps': 31, 'missing_octets': 1_204_331, 'one_sided': 8, 'midstream': 214}, duplicates=90411, not_ip={'frames': 8110, 'unknown_link': 0}, flows=412_733,
                    protocols={'dcerpc': 4100, 'dns': 91002, 'http': 40210, 'kerberos': 71004, 'ldap': 20114, 'smb': 61022, 'tds': 18440, 'tls': 100921, 'rdp': 31, 'unknown': 5889},
                    findings=count(found, 'severity', ['critical', 'high', 'medium', 'low', 'info']) | {'accepted': sum('accepted' in f for f in found)},
                    verdicts=count(self.verdicts, 'status', ['violated', 'consistent', 'not_observed', 'not_assessable']), statements=self.statement_counts,
                    policy={'path': 'policy/hierarchy.yaml', 'sha256': 'ca35e9a1c1fe3defd1319aad130c9c38b764dab8cea75860b5b6fcfa8315b2cc'}, version='0.1.0')

    def make(self):
        self.read_statements()
        self.build_sites()
        self.build_hosts()
        self.add_head()
        self.build_findings()
        self.add_verdicts()
        self.add_statements()
        self.add_model()
        self.add_hosts()
        self.add_conversations()
        self.add_traffic()
        self.add_grades()
        self.add_history()
        self.add_summary()
        return self.records


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--hosts', type=int, default=40)
    parser.add_argument('--findings', type=int, default=60)
    parser.add_argument('--history', type=int, default=0)
    parser.add_argument('--hostile', action='store_true')
    parser.add_argument('--seed', type=int, default=6)
    for record in Maker(parser.parse_args()).make():
        print(json.dumps(record, ensure_ascii=False, separators=(',', ':')))


if __name__ == '__main__':
    main()
