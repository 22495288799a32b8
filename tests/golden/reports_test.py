#!/usr/bin/env python3
"""reports_test.py - every format of a report against somebody else's reader, and the same octets from every run.

usage: reports_test.py --rolecall PROGRAM --pcaps FOLDER

SARIF by its published schema, CSV by Python's strict parser, Markdown by cmark-gfm (where it is there), ECS, OCSF and
CEF by what their specifications say of fields, the evidence by capinfos and tshark (where they are there); for syslog
see syslog_test.py.
"""
import argparse, csv, filecmp, gzip, html.parser, io, json, os, re, shutil, struct, subprocess, sys, tempfile

import jsonschema

import golden

CASES = ['demo/breaches', 'demo/clean', 'smb/r060-multi-protocol', 'tls/r092-expired', 'relay/r044-relay', 'hostile/everything']
FORMATS = 'sarif,csv,markdown,ecs,ocsf,cef,syslog,evidence'
HERE = os.path.dirname(os.path.abspath(__file__))
FORMULA = '=+-@\t\r\n|%'

# Elastic Common Schema 8.11, https://www.elastic.co/guide/en/ecs/8.11: the fields that we write, and their types.
ECS = {
    '@timestamp': 'date', 'message': 'text', 'ecs.version': 'keyword', 'event.kind': 'keyword', 'event.category': 'list',
    'event.type': 'list', 'event.module': 'keyword', 'event.dataset': 'keyword', 'event.id': 'keyword', 'event.code': 'keyword',
    'event.severity': 'long', 'event.start': 'date', 'event.end': 'date', 'event.reason': 'keyword', 'rule.id': 'keyword',
    'rule.name': 'keyword', 'rule.description': 'keyword', 'rule.category': 'keyword', 'rule.ruleset': 'keyword',
    'rule.reference': 'keyword', 'source.address': 'keyword', 'source.ip': 'keyword', 'source.port': 'long',
    'source.domain': 'keyword', 'destination.address': 'keyword', 'destination.ip': 'keyword', 'destination.port': 'long',
    'destination.domain': 'keyword', 'related.ip': 'list', 'related.hosts': 'list', 'observer.product': 'keyword',
    'observer.type': 'keyword', 'observer.version': 'keyword',
}
ECS_VALUES = {'event.kind': {'alert'}, 'event.category': {'configuration', 'network'}, 'event.type': {'info'}}

TEXT, TIME, COUNT = {'type': 'string'}, {'type': 'integer', 'minimum': 10 ** 11}, {'type': 'integer', 'minimum': 1}


def shape(required, optional=()):
    keys = {**required, **dict(optional)}
    return {'type': 'object', 'properties': keys, 'required': list(required), 'additionalProperties': False}


# OCSF 1.3, detection_finding and the objects in it: required attributes, and the optional ones that we write.
ENDPOINT = {**shape({}, {'ip': TEXT, 'port': {'type': 'integer', 'minimum': 1, 'maximum': 65535}, 'hostname': TEXT, 'zone': TEXT}),
            'anyOf': [{'required': ['ip']}, {'required': ['hostname']}]}
OCSF = shape({
    'class_uid': {'const': 2004}, 'category_uid': {'const': 2}, 'activity_id': {'enum': [1, 2, 3]}, 'type_uid': {'const': 200401},
    'time': TIME, 'severity_id': {'enum': [1, 2, 3, 4, 5]},
    'metadata': shape({'version': {'const': '1.3.0'}, 'product': shape({'name': TEXT, 'vendor_name': TEXT}, {'version': TEXT})},
                      {'event_code': TEXT, 'uid': TEXT}),
    'finding_info': shape({'uid': TEXT, 'title': TEXT},
                          {'desc': TEXT, 'first_seen_time': TIME, 'last_seen_time': TIME, 'types': {'type': 'array', 'items': TEXT},
                           'analytic': shape({'type_id': {'const': 1}}, {'uid': TEXT, 'name': TEXT, 'type': {'const': 'Rule'}})}),
}, {
    'class_name': {'const': 'Detection Finding'}, 'category_name': {'const': 'Findings'}, 'activity_name': {'const': 'Create'},
    'start_time': TIME, 'end_time': TIME, 'count': COUNT, 'severity': {'enum': ['Informational', 'Low', 'Medium', 'High', 'Critical']},
    'confidence_id': {'enum': [1, 2, 3]}, 'confidence': {'enum': ['Low', 'Medium', 'High']}, 'status_id': {'enum': [1, 3]},
    'status': {'enum': ['New', 'Suppressed']}, 'status_detail': TEXT, 'message': TEXT,
    'evidences': {'type': 'array', 'items': shape({}, {'src_endpoint': ENDPOINT, 'dst_endpoint': ENDPOINT, 'data': {'type': 'object'}})},
    'resources': {'type': 'array', 'items': shape({}, {'name': TEXT, 'uid': TEXT, 'type': TEXT})},
    'remediation': shape({'desc': TEXT}, {'references': {'type': 'array', 'items': TEXT}}),
})

problems = []


def fault(where, what, *more):
    problems.append('%s: %s %s' % (where, what, ' '.join(repr(m)[:300] for m in more)))


def read(folder, name, newline=None):
    with open(os.path.join(folder, name), encoding='utf-8', newline=newline) as f:
        return f.read()


def lines(folder, name):
    return [json.loads(line) for line in read(folder, name).split('\n')[:-1]]


def safe(where, text):
    """No character that steers a terminal or hides."""
    for c in text:
        if (ord(c) < 32 and c not in '\n\r') or 0x7f <= ord(c) < 0xa0 or ord(c) in (0x200b, 0x200e, 0x200f, 0xfeff) or \
                0x2028 <= ord(c) <= 0x202e or 0x2060 <= ord(c) <= 0x206f:
            fault(where, 'holds', c)
            return


def check_sarif(where, folder, records, schema):
    log = json.loads(read(folder, 'report.sarif'))
    for error in list(schema.iter_errors(log))[:3]:
        fault(where, 'sarif', list(error.absolute_path), error.message)
    run = log['runs'][0]
    rules = [r['id'] for r in run['tool']['driver']['rules']]
    if len(set(rules)) != len(rules):
        fault(where, 'sarif: two rules with one id')
    if [r['partialFingerprints']['rolecallFinding/v1'] for r in run['results']] != [f['id'] for f in records['finding']]:
        fault(where, 'sarif: other findings')
    for result in run['results']:
        if rules[result['ruleIndex']] != result['ruleId'] or not result['locations']:
            fault(where, 'sarif', result['ruleId'])
        if '](' in result['message']['text']:
            fault(where, 'sarif: a link', result['message']['text'])


def table(where, folder, name, count):
    text = read(folder, name, newline='')
    if text.count('\n') != text.count('\r\n') or text.count('\r') != text.count('\r\n'):
        fault(where, name, 'line ends')
    rows = list(csv.reader(io.StringIO(text, newline=''), strict=True))
    if any(len(row) != len(rows[0]) for row in rows):
        fault(where, name, 'ragged')
    for row in rows:
        for field in row:
            if field and field[0] in FORMULA:
                fault(where, name, 'a formula', field)
    if len(rows) != count + 1:
        fault(where, name, len(rows), count)
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def check_csv(where, folder, records):
    findings = table(where, folder, 'findings.csv', len(records['finding']))
    table(where, folder, 'verdicts.csv', len(records['verdict']))
    table(where, folder, 'hosts.csv', len(records['host']))
    flows = table(where, folder, 'flows.csv', len(records['conversation']))
    if [row['id'] for row in findings] != [f['id'] for f in records['finding']]:
        fault(where, 'findings.csv: other findings')
    if sum(int(row['flows']) for row in flows) != sum(c['flows'] for c in records['conversation']):
        fault(where, 'flows.csv: other flows')


class Elements(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = {}, []

    def handle_starttag(self, tag, attributes):
        # cmark-gfm makes a link of whatever looks like an address of mail; no other link may be there but those to evidence.
        if tag != 'a' or not re.fullmatch('mailto:.*|evidence/[0-9a-f]{16}[.]pcapng', dict(attributes).get('href', '')):
            self.tags[tag] = self.tags.get(tag, 0) + 1

    def handle_data(self, data):
        self.text.append(data)


MARKDOWN_TAGS = {'h1', 'h2', 'h3', 'p', 'ul', 'ol', 'li', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'br', 'code'}


def check_markdown(where, folder, records):
    if shutil.which('cmark-gfm') is None:
        return
    done = subprocess.run(['cmark-gfm', '--unsafe', '-e', 'table', '-e', 'autolink', '-e', 'strikethrough',
                           os.path.join(folder, 'report.md')], capture_output=True, check=True)
    page = Elements()
    page.feed(done.stdout.decode('utf-8'))
    if set(page.tags) - MARKDOWN_TAGS:
        fault(where, 'markdown', sorted(set(page.tags) - MARKDOWN_TAGS))
    if page.tags.get('h3', 0) != len(records['finding']):
        fault(where, 'markdown: sections', page.tags.get('h3', 0), len(records['finding']))
    if page.tags.get('h2', 0) > 3:
        fault(where, 'markdown: headings', page.tags)


def flat(value, key=''):
    if not isinstance(value, dict):
        return {key: value}
    out = {}
    for k, v in value.items():
        out.update(flat(v, key + '.' + k if key else k))
    return out


def check_ecs(where, folder, records):
    documents = lines(folder, 'findings.ecs.jsonl')
    if [d['event']['id'] for d in documents] != [f['id'] for f in records['finding']]:
        fault(where, 'ecs: other findings')
    kinds = {'date': str, 'text': str, 'keyword': str, 'list': list, 'long': int}
    for document in documents:
        document.pop('rolecall')
        for key, value in flat(document).items():
            if key not in ECS or not isinstance(value, kinds[ECS[key]]):
                fault(where, 'ecs', key, value)
            elif key in ECS_VALUES and not set([value] if isinstance(value, str) else value) <= ECS_VALUES[key]:
                fault(where, 'ecs', key, value)


def check_ocsf(where, folder, records):
    documents = lines(folder, 'findings.ocsf.jsonl')
    validator = jsonschema.Draft7Validator(OCSF)
    if [d['finding_info']['uid'] for d in documents] != [f['id'] for f in records['finding']]:
        fault(where, 'ocsf: other findings')
    for document in documents:
        for error in list(validator.iter_errors(document))[:3]:
            fault(where, 'ocsf', list(error.absolute_path), error.message)


# A header of seven fields, then "key=value" separated by blanks; keys as the standard has them.
CEF_HEAD = re.compile(r'CEF:0((?:\|(?:[^|\\]|\\[|\\])*){5}\|(?:10|[0-9])\|)')
CEF_KEYS = set('externalId cat start end cnt src c6a2 c6a2Label shost dst c6a3 c6a3Label dhost dpt msg cs1 cs1Label cs2 cs2Label '
               'fname cn1 cn1Label'.split())


def check_cef(where, folder, records):
    text = read(folder, 'findings.cef')
    if text.count('\n') != len(records['finding']):
        fault(where, 'cef: lines', text.count('\n'), len(records['finding']))
    for line, finding in zip(text.split('\n'), records['finding']):
        head = CEF_HEAD.match(line)
        if head is None:
            fault(where, 'cef: header', line)
            continue
        # A key follows a blank, and its "=" has no backslash before it.
        parts = re.split(r'(?:^| )(\w+)(?<!\\)=', line[head.end():])
        keys = dict(zip(parts[1::2], parts[2::2]))
        if parts[0] or set(keys) - CEF_KEYS or len(keys) != len(parts) // 2 or keys['externalId'] != finding['id']:
            fault(where, 'cef', parts[0], sorted(set(keys) - CEF_KEYS), line)


def tshark(path, *fields):
    words = ['tshark', '-n', '-r', path, '-T', 'fields', '-E', 'separator=/t'] + [w for f in fields for w in ('-e', f)]
    done = subprocess.run(words, capture_output=True, check=True)
    return [line.split('\t') for line in done.stdout.decode('utf-8').split('\n')[:-1]]


def shown(text):
    """As comments show it: what cannot be seen is written out."""
    return ''.join(c if c.isprintable() else '\\x%02x' % ord(c) for c in text)


def frames(path):
    """Of a pcap file, by number."""
    with open(path, 'rb') as f:
        octets = f.read()
    order, at, found = '<' if octets[0] in (0xd4, 0x4d) else '>', 24, {}
    while at < len(octets):
        length = struct.unpack_from(order + 'I', octets, at + 8)[0]
        found[len(found) + 1] = octets[at + 16:at + 16 + length]
        at += 16 + length
    return found


def check_octets(o, case, folder, records):
    """The deciding octets are those of the frame, and in the comment of that packet; the records are as their schema has them."""
    with open(os.path.join(HERE, '../../reports/schema/records.schema.json'), encoding='utf-8') as f:
        schema = jsonschema.Draft202012Validator(json.load(f))
    there, shown_rows, rows = frames(os.path.join(o.pcaps, case + '.pcap')), 0, 0
    for record in records['audit'] + records['finding']:
        for error in list(schema.iter_errors(record))[:1]:
            fault(case, 'schema', record['type'], error.message[:300])
    for finding in records['finding']:
        if finding['evidence'] and finding.get('evidence_file') != 'evidence/%s.pcapng' % finding['id']:
            fault(case, 'no link to the evidence', finding['id'])
        said = '\n'.join(c for _, _, c in comments(os.path.join(folder, 'evidence', finding['id'] + '.pcapng'))) if finding['evidence'] else ''
        for cited in finding['evidence']:
            rows += 1
            if 'hex' not in cited:
                continue
            shown_rows += 1
            octets, frame = bytes.fromhex(cited['hex']), there[cited.get('hex_packet', cited['packet'])]
            if not 0 < len(octets) <= 96 or frame[cited['hex_offset']:cited['hex_offset'] + len(octets)] != octets:
                fault(case, 'octets of another place', finding['id'], cited)
            if said and cited['hex'] not in said:
                fault(case, 'octets: not in the comments', finding['id'], cited['hex'])
    if shown_rows < rows * 9 // 10:
        fault(case, 'octets', shown_rows, 'of', rows)


def check_evidence(o, case, folder, records):
    """One capture a finding: each cited packet as it is in the input, with its comment, and handshakes."""
    names = sorted(os.listdir(os.path.join(folder, 'evidence')))
    if names != sorted(f['id'] + '.pcapng' for f in records['finding'] if f['evidence']):
        fault(case, 'evidence: other files', names)
    if shutil.which('tshark') is None or shutil.which('capinfos') is None:
        return
    original = {int(n): (t, length) for n, t, length in tshark(
        os.path.join(o.pcaps, case + '.pcap'), 'frame.number', 'frame.time_epoch', 'frame.len')}
    for finding in records['finding']:
        if case.startswith('demo') and not any(cited.get('fields') for cited in finding['evidence']):
            fault(case, 'evidence without a decoded field', finding['id'], finding['code'])
        path = os.path.join(folder, 'evidence', finding['id'] + '.pcapng')
        if subprocess.run(['capinfos', path], capture_output=True).returncode != 0:
            fault(case, 'evidence: capinfos refuses', path)
        packets = tshark(path, 'frame.time_epoch', 'frame.len', 'frame.comment', 'tcp.flags', 'tcp.stream')
        if [p[0] for p in packets] != sorted(p[0] for p in packets):
            fault(case, 'evidence: order', finding['id'])
        for cited in finding['evidence']:
            wanted = original[cited['packet']]
            if not any((p[0], p[1]) == wanted and shown(cited['says'])[:60] in p[2] for p in packets):
                fault(case, 'evidence: not in the capture', finding['id'], cited)
        for time, length, comment, flags, stream in packets:
            if (time, length) not in original.values() or not comment.startswith('rolecall ' + finding['code'] + ': '):
                fault(case, 'evidence: a packet of its own', finding['id'], time, comment)


def comments(path):
    return [p[:3] for p in tshark(path, 'frame.time_epoch', 'frame.len', 'frame.comment')] if shutil.which('tshark') else []


def check_standard_input(o):
    """Standard input is kept for the evidence, compressed ones as they come; a pipe by name is not, which is said where
    it was asked for."""
    case = CASES[0]
    with open(os.path.join(o.pcaps, case + '.pcap'), 'rb') as f:
        octets = f.read()
    with tempfile.TemporaryDirectory(prefix='rolecall-reports-') as scratch:
        words = [os.path.abspath(o.rolecall), 'audit', '-q', '-p', golden.policy_of(o.pcaps, case), '--report']
        make(o, case, os.path.join(scratch, 'file'))
        for name, sent in (('plain', octets), ('gzip', gzip.compress(octets))):
            folder = os.path.join(scratch, name)
            done = subprocess.run(words + [folder, '-r', '-', '--formats', 'evidence'], cwd=o.pcaps, input=sent, capture_output=True,
                                  env={**os.environ, 'TMPDIR': scratch})
            if done.returncode != 1 or done.stderr:
                fault('standard input', name, done.returncode, done.stderr)
                continue
            files = sorted(os.listdir(os.path.join(folder, 'evidence')))
            if not files or files != sorted(os.listdir(os.path.join(scratch, 'file', 'evidence'))):
                fault('standard input', name, files)
            for file in files:
                if comments(os.path.join(folder, 'evidence', file)) != comments(os.path.join(scratch, 'file', 'evidence', file)):
                    fault('standard input', name, file)
        if [n for n in os.listdir(scratch) if n.startswith('rolecall-')]:
            fault('standard input: left behind', os.listdir(scratch))
        pipe = os.path.join(scratch, 'pipe')
        for more, status in ((['a'], 1), (['b', '--formats', 'evidence'], 2)):
            os.mkfifo(pipe)
            running = subprocess.Popen(words + [os.path.join(scratch, more[0]), '-r', pipe] + more[1:], cwd=o.pcaps, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            with open(pipe, 'wb') as f:
                f.write(octets)
            error = running.communicate()[1]
            if running.returncode != status or error.count(b'\n') != status - 1 or os.path.exists(os.path.join(scratch, more[0], 'evidence')):
                fault('a pipe', more, running.returncode, error)
            os.unlink(pipe)


def report(o, store, cwd, *words):
    return subprocess.run([os.path.abspath(o.rolecall), 'report', '--from', store, *words], cwd=cwd, capture_output=True)


def check_stored(o, case):
    """A stored audit: masked as a fresh one is, in every format; its evidence from its captures, as long as they are the same."""
    with tempfile.TemporaryDirectory(prefix='rolecall-reports-') as scratch:
        home, away = os.path.join(scratch, 'home'), os.path.join(scratch, 'away')
        for folder in (os.path.dirname(os.path.join(home, case)), away):
            os.makedirs(folder)
        capture, moved = os.path.join(home, case + '.pcap'), os.path.join(away, 'moved.pcap')
        shutil.copyfile(os.path.join(o.pcaps, case + '.pcap'), capture)
        store, one = os.path.join(scratch, 'audits.db'), os.path.join(scratch, 'one')
        policy = os.path.abspath(os.path.join(o.pcaps, golden.policy_of(o.pcaps, case)))
        words = [os.path.abspath(o.rolecall), 'audit', '-q', '-p', policy, '-r', case + '.pcap', '--reproducible', '--report', one]
        subprocess.run(words + ['--store', store], cwd=home, capture_output=True)
        fresh, again = os.path.join(scratch, 'fresh'), os.path.join(scratch, 'again')
        masked = FORMATS.replace(',evidence', '')
        subprocess.run(words[:-1] + [fresh, '--mask', '--formats', masked], cwd=home, capture_output=True)
        done = report(o, store, away, '-q', '--mask', '--report', again, '--formats', masked)
        _, different, odd = filecmp.cmpfiles(fresh, again, tree(fresh), shallow=False)
        if done.returncode or done.stderr or different or odd or tree(fresh) != tree(again):
            fault(case, 'stored, masked: another report', done.stderr, different, odd)
        done = report(o, store, away, '--mask', '--octets')
        if done.returncode != 2 or done.stderr.count(b'\n') != 1:
            fault(case, 'stored: octets were masked', done.stderr)
        whole = {n: open(os.path.join(one, 'evidence', n), 'rb').read() for n in os.listdir(os.path.join(one, 'evidence'))}

        def evidence(name, expected, lines, *more, cwd=home):
            folder = os.path.join(scratch, name)
            done = report(o, store, cwd, '--report', folder, *more)
            path = os.path.join(folder, 'evidence')
            got = {n: open(os.path.join(path, n), 'rb').read() for n in os.listdir(path)} if os.path.isdir(path) else {}
            links = [f.get('evidence_file') for f in lines_of(folder) if f['type'] == 'finding']
            if got != expected or done.stderr.count(b'\n') != lines or [l for l in links if l] != ['evidence/%s.pcapng' % f['id']
                    for f in lines_of(folder) if f['type'] == 'finding' and f['id'] + '.pcapng' in expected]:
                fault(case, 'stored, evidence', name, sorted(got), done.stderr, links)
            return done

        evidence('there', whole, 0)
        shutil.move(capture, moved)
        done = evidence('gone', {}, 2)
        if b'gone' not in done.stderr:
            fault(case, 'stored: not told that it is gone', done.stderr)
        evidence('moved', whole, 0, '-r', moved)
        with open(moved, 'r+b') as f:
            f.seek(30)
            f.write(b'x')
        done = evidence('changed', {}, 2, '-r', moved)
        shutil.copyfile(moved, capture)
        done = evidence('other octets', {}, 2)
        if b'begins with other octets' not in done.stderr:
            fault(case, 'stored: not told that it has changed', done.stderr)
        with open(capture, 'ab') as f:
            f.write(b'x')
        done = evidence('longer', {}, 2)
        if b'has changed' not in done.stderr or report(o, store, home, '-q', '--report', again, '--formats', 'evidence').returncode != 2:
            fault(case, 'stored: not told that it is longer', done.stderr)


def lines_of(folder):
    return lines(folder, 'records.jsonl')


WORD = r'(?<![A-Za-z0-9_-])%s(?![A-Za-z0-9_-])'


def secrets_of(o, case, records):
    """What a masked report must not show: addresses, names of hosts with their first labels, users, domains."""
    found = set()
    for record in records['host']:
        found |= set(record['ips']) | ({record['name']} if record['declared'] or 'learned_from' in record else set())
    for record in records['model'][0]['hosts']:
        found |= set(record['aliases'])
    for line in golden.run(o, ['events', '-q', '-r', case + '.pcap', '--type', 'ntlm,kerberos,sql,http,smb']).splitlines():
        record = json.loads(line)
        for key in ('user', 'domain', 'workstation', 'server_name', 'server_dns_name', 'client_host', 'realm'):
            if isinstance(record.get(key), str) and record['type'] in ('ntlm', 'kerberos', 'sql'):
                found.add(record[key])
    names = {n for n in found if '.' in n and not n.replace('.', '').isdigit() and ':' not in n}
    found |= {n.split('.')[0] for n in names}
    return {n.strip('$') for n in found if len(n) > 2 and not n.startswith(('224.', '239.', '255.'))}


def check_mask(o, case, folder, records):
    make(o, case, folder, '--mask', formats=FORMATS.replace(',evidence', ''))
    masked = [json.loads(line) for line in read(folder, 'records.jsonl').split('\n')[:-1]]
    if len(masked) != sum(len(r) for r in records.values()) or os.path.exists(os.path.join(folder, 'evidence')):
        fault(case, 'mask: another report', len(masked))
    texts = {name: read(folder, name) for name in tree(folder)}
    if '"hex' in texts['records.jsonl'] or '"evidence_file"' in texts['records.jsonl']:
        fault(case, 'mask: octets of packets')
    # The catalogue is nobody's, and stands in the records and in SARIF.
    texts['records.jsonl'] = '\n'.join(json.dumps(r) for r in masked if r['type'] not in ('rule', 'statement'))
    log = json.loads(texts['report.sarif'])
    log['runs'][0].pop('tool')
    texts['report.sarif'] = json.dumps(log)
    for secret in sorted(secrets_of(o, case, records)):
        pattern = re.compile(WORD % re.escape(secret), re.I)
        for name, text in texts.items():
            match = pattern.search(text)
            if match:
                fault(case, 'mask: still there', name, secret, text[max(0, match.start() - 60):match.end() + 40])
                break


def make(o, case, folder, *more, formats=FORMATS):
    golden.run(o, ['audit', '-q', '-p', golden.policy_of(o.pcaps, case), '-r', case + '.pcap', '--report', folder,
                   '--formats', formats, '--reproducible', *more])


def tree(folder):
    return sorted(os.path.relpath(os.path.join(path, n), folder) for path, _, found in os.walk(folder) for n in found)


def check(o, case, schema, scratch):
    one, again = os.path.join(scratch, 'one'), os.path.join(scratch, 'again')
    make(o, case, one, '--workers', '1')
    make(o, case, again, '--workers', '3')
    names = tree(one)
    _, different, odd = filecmp.cmpfiles(one, again, names, shallow=False)
    if different or odd or names != tree(again):
        fault(case, 'differs from run to run', different, odd)
    records = {}
    for record in lines(one, 'records.jsonl'):
        records.setdefault(record['type'], []).append(record)
    for kind in ('audit', 'finding', 'verdict', 'host', 'conversation'):
        records.setdefault(kind, [])
    check_sarif(case, one, records, schema)
    check_csv(case, one, records)
    check_markdown(case, one, records)
    check_ecs(case, one, records)
    check_ocsf(case, one, records)
    check_cef(case, one, records)
    check_evidence(o, case, one, records)
    check_octets(o, case, one, records)
    check_mask(o, case, os.path.join(scratch, 'masked'), records)
    for name in names:
        if name.endswith('.pcapng'):
            continue
        text = read(one, name)
        # Syslog says by U+FEFF that what follows is UTF-8.
        safe('%s %s' % (case, name), text.replace('] \ufeff', '] ') if name.endswith('.syslog') else text)
    if case.startswith('hostile') and json.dumps(records).count('alert(1)') < 20:
        fault(case, 'nothing hostile is in the report: the test tests nothing')
    return len(names), len(records['finding'])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--rolecall', required=True)
    ap.add_argument('--pcaps', required=True)
    o = ap.parse_args()
    with open(os.path.join(HERE, 'schemas', 'sarif-2.1.0-rtm.5.json'), encoding='utf-8') as f:
        schema = jsonschema.Draft4Validator(json.load(f))
    for case in CASES:
        if not os.path.exists(os.path.join(o.pcaps, case + '.pcap')):
            fault(case, 'is missing')
            continue
        with tempfile.TemporaryDirectory(prefix='rolecall-reports-') as scratch:
            files, findings = check(o, case, schema, scratch)
            print('%s: %d files, %d findings' % (case, files, findings))
    check_standard_input(o)
    check_stored(o, CASES[0])
    if shutil.which('tshark') is None:
        print('evidence was not read by anybody: no tshark here (Debian: tshark)')
    if shutil.which('cmark-gfm') is None:
        print('Markdown was not read by anybody: no cmark-gfm here (Debian: cmark-gfm)')
    for problem in problems[:40]:
        print(problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
