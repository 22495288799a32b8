#!/usr/bin/env python3
"""store_test.py - the store of audits, from outside: killed, filled up, shared, old, foreign; and what is read from it.

usage: store_test.py --rolecall PROGRAM --writer PROGRAM --pcaps FOLDER [--rounds N] [NAME...]
"""
import argparse, glob, json, os, random, re, resource, shutil, signal, sqlite3, subprocess, sys, tempfile, time

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
VERSION = 3  # of the store


class Failed(Exception):
    pass


def expect(true, *what):
    if not true:
        raise Failed(' '.join(str(w) for w in what))


class Bench:
    """The programs, and a folder of its own for each test."""

    def __init__(self, options, folder):
        self.o, self.folder = options, folder
        self.store = os.path.join(folder, 'audits.db')
        self.policy = os.path.join(options.pcaps, 'demo/policy.yaml')

    def run(self, *words, **more):
        return subprocess.run([self.o.rolecall, *words], stdin=subprocess.DEVNULL, capture_output=True, cwd=self.o.pcaps, **more)

    def audit(self, capture='demo/breaches.pcap', *words, store=None, policy=None, **more):
        return self.run('audit', '-q', '-p', policy or self.policy, '-r', capture, '--format', 'jsonl', '--store', store or self.store,
                        *words, **more)

    def records(self, name='one.jsonl', **more):
        """A file with the records of one audit, and what is in it."""
        done = self.run('audit', '-q', '-p', self.policy, '-r', 'demo/breaches.pcap', '--format', 'jsonl', **more)
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as f:
            f.write(done.stdout)
        return path, done.stdout

    def report(self, audit='last'):
        done = self.run('report', '--from', self.store, '--audit', str(audit), '--format', 'jsonl')
        expect(done.returncode == 0, 'report', audit, done.stderr)
        return done.stdout

    def audits(self):
        """The numbers of the audits in the store, after looking whether it and all of them are whole."""
        db = sqlite3.connect(self.store)
        expect([r[0] for r in db.execute('PRAGMA integrity_check')] == ['ok'], 'integrity_check')
        expect(not db.execute('PRAGMA foreign_key_check').fetchall(), 'foreign_key_check')
        rows = db.execute('SELECT id, records, (SELECT count(*) FROM records WHERE audit = audits.id), (SELECT count(*) FROM findings '
                          'WHERE audit = audits.id), critical + high + medium + low + info + accepted FROM audits ORDER BY id').fetchall()
        for number, wanted, there, findings, counted in rows:
            expect(wanted == there and findings == counted, 'audit', number, 'is not whole')
        expect(not db.execute('SELECT count(*) FROM texts WHERE id NOT IN (SELECT text FROM records)').fetchone()[0], 'texts of nobody')
        db.close()
        return [r[0] for r in rows]


def same_octets(b):
    """What is stored is read again octet by octet, also hostile text, and texts that several audits share are stored once."""
    captures = sorted(glob.glob(os.path.join(b.o.pcaps, '*/*.pcap')))[::6] + [os.path.join(b.o.pcaps, 'demo/breaches.pcap')]
    originals = []
    for capture in captures:
        own = capture[:-len('.pcap')] + '.yaml'
        done = b.audit(capture, policy=own if os.path.exists(own) else None)
        expect(done.returncode in (0, 1) and not done.stderr, capture, done.returncode, done.stderr)
        originals.append(done.stdout)
    numbers = b.audits()
    expect(len(numbers) == len(captures) > 20, len(numbers), 'audits')
    for number, original, capture in zip(numbers, originals, captures):
        expect(b.report(number) == original, capture, 'is read otherwise than it was written')
    size, octets = os.path.getsize(b.store), sum(map(len, originals))
    print('same_octets: %d audits, %d octets of records, store of %d' % (len(numbers), octets, size))
    expect(size < octets, 'texts are not shared')


def formats(b):
    """Every format of reports/formats.def is the same octets from the store as from the audit itself; but for the PDF, which
    carries the time of its making, and for what this build lacks (the page)."""
    with open(os.path.join(HERE, '../../reports/formats.def'), encoding='utf8') as f:
        rows = re.findall(r'^FORMAT\("([^"]+)", "([^"]+)"', f.read(), re.M)
    rows = [(name, file) for name, file in rows if name != 'pdf' and b.audit('demo/breaches.pcap', '--format', name).returncode == 1]
    report = os.path.join(b.folder, 'report')
    done = b.audit('demo/breaches.pcap', '--report', report, '--formats', ','.join(name for name, _ in rows))
    expect(done.returncode == 1 and len(rows) > 1, done)
    for name, file in rows:
        again = b.run('report', '--from', b.store, '--format', name)
        with open(os.path.join(report, file), 'rb') as f:
            expect(again.returncode == 0 and again.stdout == f.read() != b'', name, 'is another one from the store', again.stderr)
    print('formats: ' + ' '.join(name for name, _ in rows))


def masked(b):
    """--mask is for what is given away: the store has what was seen."""
    done = b.audit('demo/breaches.pcap', '--mask')
    expect(done.returncode == 1 and b'corp.example' not in done.stdout and b'svc-install' not in done.stdout, done.stdout[:2000])
    expect(b'corp.example' in b.report() and b'svc-install' in b.report(), 'the store is masked')


def history(b):
    """An audit knows the earlier ones of its policy, by path or by contents; retention keeps the newest of each policy."""
    moved, other = os.path.join(b.folder, 'moved'), os.path.join(b.o.pcaps, 'smb')
    shutil.copytree(os.path.join(b.o.pcaps, 'demo'), moved)
    moved = os.path.join(moved, 'policy.yaml')
    for policy in (b.policy, moved, moved):
        expect(b.audit(policy=policy).returncode == 1, 'audit')
    with open(moved, 'a') as f:
        f.write('# edited\n')
    policies = sorted(glob.glob(os.path.join(other, '*.yaml')))[:1] or [os.path.join(b.o.pcaps, 'policy.yaml')]
    expect(b.audit(policy=policies[0]).returncode in (0, 1), 'audit', policies)
    last = [json.loads(line) for line in b.audit('demo/clean.pcap', policy=moved).stdout.splitlines()]
    earlier = [r for r in last if r['type'] == 'history']
    expect([r['id'] for r in earlier] == [1, 2, 3], 'history', earlier)
    expect(earlier[0]['findings']['high'] == 3 and any(g.get('grade') == 'C' for g in earlier[0]['grades']), earlier[0])
    listed = [json.loads(line) for line in b.run('history', '--store', b.store, '--format', 'jsonl').stdout.splitlines()]
    expect([r['series'] for r in listed] == [1, 1, 1, 2, 1], listed)
    with open(os.path.join(HERE, '../../reports/schema/records.schema.json'), encoding='utf8') as f:
        schema = jsonschema.Draft7Validator(json.load(f))
    changes = [json.loads(line) for line in b.run('diff', '--store', b.store, '--format', 'jsonl').stdout.splitlines()]
    expect({r['of'] for r in changes[:-1]} == {'finding', 'host', 'service'} and changes[-1]['type'] == 'differences', changes)
    for record in earlier + listed + changes:
        faults = [error.message for error in schema.iter_errors(record)]
        expect(not faults, faults, record)
    difference = b.run('diff', '--store', b.store)
    expect(b'audit 3 ' in difference.stdout and b'audit 5 ' in difference.stdout, difference.stdout)
    expect(b.run('history', '--store', b.store, '--keep', '2').returncode == 0, 'keep')
    expect(b.audits() == [3, 4, 5], b.audits())
    expect(b.audit().returncode == 1 and b.audits() == [3, 4, 5, 6], 'a number came twice')


def killed(b):
    """kill -9 at random moments while storing: the store opens, is whole, and has what was said to be in it."""
    path, octets = b.records()
    random.seed(6)
    said, kept = [], 0
    for i in range(b.o.rounds):
        keeps = ['40'] if i % 5 == 4 else []
        if i % 10 == 9:  # also while the file is made
            for name in glob.glob(b.store + '*'):
                os.remove(name)
            said = []
        words = [b.o.writer, b.store, path, '1000', *keeps]
        if i % 5 == 2:  # the program itself, which says nothing and may be done by then
            words = [b.o.rolecall, 'audit', '-q', '-p', b.policy, '-r', 'demo/breaches.pcap', '--store', b.store, '-o', os.devnull]
        writer = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=b.o.pcaps)
        time.sleep(random.uniform(0, 0.15))
        writer.kill()
        said += [int(n) for n in writer.communicate()[0].split()]
        expect(writer.returncode == -signal.SIGKILL or i % 5 == 2, 'the writer ended by itself')
        if not os.path.exists(b.store) or os.path.getsize(b.store) == 0 and not os.path.exists(b.store + '-wal'):
            expect(not said, 'all is gone')
            continue
        numbers = b.audits() if sqlite3.connect(b.store).execute('SELECT count(*) FROM sqlite_schema').fetchone()[0] else []
        expect(set(said[-30:]) <= set(numbers), 'said to be stored, and is not:', set(said[-30:]) - set(numbers))
        kept += len(numbers)
        for number in [n for n in numbers if n in said][-1:]:
            expect(b.report(number) == octets, 'an audit is read otherwise than it was written')
    print('killed: %d rounds, %d audits looked at' % (b.o.rounds, kept))
    expect(kept > 5, 'hardly anything was stored before the kills')


def stopped(b):
    """What was read only in part is reported, not stored: it would look as if much had been mended."""
    with open(os.path.join(b.o.pcaps, 'demo/breaches.pcap'), 'rb') as f:
        octets = f.read()
    report = os.path.join(b.folder, 'report.jsonl')
    program = subprocess.Popen([b.o.rolecall, 'audit', '-q', '-p', b.policy, '-r', '-', '--format', 'jsonl', '-o', report, '--store', b.store],
                               stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=b.o.pcaps)
    program.stdin.write(octets[:len(octets) // 2])
    program.stdin.flush()
    time.sleep(1)
    program.send_signal(signal.SIGINT)
    program.wait(60)  # its input stays open meanwhile
    errors = program.communicate()[1]
    expect(program.returncode == 2 and b'not stored' in errors and errors.count(b'\n') == 1, program.returncode, errors)
    with open(report, 'rb') as f:
        expect(b'"type":"summary"' in f.read() and b.audits() == [], 'the report')
    program = subprocess.run([b.o.rolecall, 'audit', '-q', '-p', b.policy, '-r', 'demo/breaches.pcap', 'nothing.pcap', '--store', b.store],
                             capture_output=True, cwd=b.o.pcaps)
    expect(program.returncode == 2 and b.audits() == [], program)


def live(b):
    """Of a live audit each report on request is stored, by a process of its own, and the one at the end."""
    report = os.path.join(b.folder, 'report')
    os.chmod(b.folder, 0o777)  # who started as root writes as nobody
    program = subprocess.Popen([b.o.rolecall, 'audit', '-q', '-p', b.policy, '-i', 'lo', '--report', report, '--store', b.store], cwd=b.o.pcaps,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for wanted in ([1], [1, 2]):
        deadline = time.monotonic() + 20
        time.sleep(1)  # until it listens to signals
        if program.poll() is None:
            program.send_signal(signal.SIGUSR1)
        while program.poll() is None and b.audits() != wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        if program.poll() is not None:
            errors = program.communicate()[1].decode()
            expect('not allowed' in errors, errors)
            print('live: not possible here:', errors.strip())
            return
        expect(b.audits() == wanted, b.audits())
    program.send_signal(signal.SIGINT)
    errors = program.communicate()[1]
    expect(program.returncode in (0, 1) and b.audits() == [1, 2, 3], program.returncode, errors, b.audits())


def at_once(b):
    """Several processes make a store together, and add to it."""
    path, octets = b.records()
    # Many short rounds for the making of the file, some long ones for what is added to it.
    for count, each in [(6, 1)] * 60 + [(3, 8)] * 5:
        for name in glob.glob(b.store + '*'):
            os.remove(name)
        writers = [subprocess.Popen([b.o.writer, b.store, path, str(each)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(count)]
        done = [w.communicate() for w in writers]
        expect(all(w.returncode == 0 for w in writers), done)
        numbers = sorted(int(n) for out, _ in done for n in out.split())
        expect(numbers == list(range(1, count * each + 1)) == b.audits(), numbers)
        mode = sqlite3.connect(b.store).execute('PRAGMA journal_mode').fetchone()[0]
        expect(mode == 'wal', 'journal mode', mode)
    expect(b.report() == octets, 'the last audit is another one')
    programs = [subprocess.Popen([b.o.rolecall, 'audit', '-q', '-p', b.policy, '-r', 'demo/breaches.pcap', '--store', b.store], cwd=b.o.pcaps,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(4)]
    errors = [p.communicate()[1] for p in programs]
    expect(all(p.returncode == 1 for p in programs), errors)
    expect(len(b.audits()) == 28, b.audits())


def full(b):
    """A file that may not grow, and a disk that is full: one line, status 2, the report written, nothing half stored."""
    expect(b.audit().returncode == 1, 'audit')
    limit = 65536  # of each file, also of the log that a commit is written to
    original = b.report()

    def few_octets():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    done = b.audit(preexec_fn=few_octets)
    expect(done.returncode == 2 and done.stderr.count(b'\n') == 1 and b'audits.db: ' in done.stderr and b'whole' in done.stderr,
           done.returncode, done.stderr)
    expect(b'"type":"summary"' in done.stdout, 'the report was not written')
    expect(b.audits() == [1] and b.report() == original, 'the first audit')
    disk = os.path.join(b.folder, 'disk')
    os.mkdir(disk)
    script = ('mount -t tmpfs -o size=300k none "$1" && cd "$2" && "$3" audit -q -p demo/policy.yaml -r demo/breaches.pcap --store "$1/s.db" '
              '>/dev/null; echo "$?"; "$3" history --store "$1/s.db"; echo "$?"')
    done = subprocess.run(['unshare', '-rm', 'sh', '-c', script, 'sh', disk, b.o.pcaps, b.o.rolecall], capture_output=True)
    if b'mount' in done.stderr or b'unshare' in done.stderr:
        print('full: no disk of 300 kB could be made here:', done.stderr.decode().strip())
    else:
        expect(done.stdout[:2] == b'2\n' and done.stdout[-3:] == b'\n0\n' and b'no room left' in done.stderr, done.stdout, done.stderr)


def read_only(b):
    """A store on a disk that may not be written is read; to add to it is refused in a line."""
    expect(b.audit().returncode == 1, 'audit')
    disk = os.path.join(b.folder, 'disk')
    os.mkdir(disk)
    os.rename(b.store, os.path.join(disk, 's.db'))
    script = ('mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$2" && "$3" history --store "$1/s.db" --format jsonl; echo "$?"; '
              '"$3" audit -q -p demo/policy.yaml -r demo/breaches.pcap --store "$1/s.db" >/dev/null; echo "$?"')
    done = subprocess.run(['unshare', '-rm', 'sh', '-c', script, 'sh', disk, b.o.pcaps, b.o.rolecall], capture_output=True)
    if b'mount' in done.stderr or b'unshare' in done.stderr:
        print('read_only: no such disk could be made here:', done.stderr.decode().strip())
        return
    lines = done.stdout.splitlines()
    expect(len(lines) == 3 and b'"id":1' in lines[0] and lines[1:] == [b'0', b'2'], done.stdout, done.stderr)
    expect(done.stderr.count(b'\n') == 1 and b'may not be written' in done.stderr, done.stderr)


def refused(b):
    """What is no store is left alone."""
    def octets(text):
        with open(b.store, 'wb') as f:
            f.write(text)

    def database(sql):
        db = sqlite3.connect(b.store)
        db.executescript(sql)
        db.close()
    cases = [
        ('text', lambda: octets(b'no database, but some text that is long enough for a header of SQLite' * 20), b'is not a store of rolecall'),
        ("another program's", lambda: database('CREATE TABLE t(x); INSERT INTO t VALUES(1)'), b'of another program'),
        ("another program's number", lambda: database('PRAGMA application_id = 77'), b'of another program'),
        ('newer', lambda: database('PRAGMA application_id = 0x726f6c65; PRAGMA user_version = 99'), b'made by a newer rolecall'),
        ('a folder', lambda: os.mkdir(b.store), b'cannot be opened'),
    ]
    for name, make, says in cases:
        make()
        before = open(b.store, 'rb').read() if os.path.isfile(b.store) else None
        for words in (['history', '--store', b.store], ['audit', '-q', '-p', b.policy, '-r', 'demo/breaches.pcap', '--store', b.store]):
            done = b.run(*words)
            expect(done.returncode == 2 and says in done.stderr and done.stderr.count(b'\n') == 1 and not done.stdout, name, words[0], done)
        if before is not None:
            expect(open(b.store, 'rb').read() == before, name, 'was written to')
            os.remove(b.store)
        else:
            os.rmdir(b.store)
        expect(not glob.glob(b.store + '*'), name, glob.glob(b.store + '*'))
    for words, says in ((['history', '--store', b.store], b'No such file'), (['report', '--format', 'jsonl', '--from', b.store], b'No such file'),
                        (['history', '--store', ''], b'No such file'), (['history'], b'no store given')):
        done = b.run(*words)
        expect(done.returncode == 2 and (says in done.stderr or not words[-1]), words, done)
    expect(not os.path.exists(b.store), 'looking for a store made one')
    octets(b'')
    expect(b'no audit is stored' in b.run('history', '--store', b.store).stderr, 'an empty file')
    expect(b.audit().returncode == 1 and b.audits() == [1], 'an empty file becomes a store')
    for words, says in ((['report', '--format', 'jsonl', '--from', b.store, '--audit', '7'], b'no audit 7; there are 1 to 1'),
                        (['diff', '--store', b.store], b'before the last one'), (['diff', '--store', b.store, '1'], b'two audits are compared'),
                        (['report', '--from', b.store, '--format', 'jsnl'], b"did you mean 'jsonl'?")):
        done = b.run(*words)
        expect(done.returncode == 2 and says in done.stderr, words, done)


def damaged(b):
    """Octets that rot in the file give a line or a right answer, never a crash."""
    expect(b.audit().returncode == 1, 'audit')
    original, report = open(b.store, 'rb').read(), b.report()
    random.seed(7)
    told = 0
    for _ in range(25):
        octets = bytearray(original)
        for _ in range(20):
            octets[random.randrange(100, len(octets))] = random.randrange(256)
        with open(b.store, 'wb') as f:
            f.write(octets)
        done = b.run('report', '--from', b.store, '--format', 'jsonl')
        told += done.returncode == 2
        expect(done.returncode == 0 or done.returncode == 2 and done.stderr.count(b'\n') == 1, done.returncode, done.stderr)
    print('damaged: %d of 25 told' % told)


def migrated(b):
    """A store of version 1 becomes one of this version, its columns filled, its documents as they were; a killed migration is none."""
    def old():
        for name in glob.glob(b.store + '*'):
            os.remove(name)
        db = sqlite3.connect(b.store)
        with open(os.path.join(HERE, 'store_v1.sql'), encoding='utf8') as f:
            db.executescript(f.read())
        db.close()
    old()
    db = sqlite3.connect(b.store)
    lines = ''.join(r[0] + '\n' for r in db.execute('SELECT json FROM documents WHERE audit = 1 ORDER BY position')).encode()
    db.close()
    expect(b.report(1) == lines and lines.count(b'\n') > 5, 'the document changed')
    db = sqlite3.connect(b.store)
    expect(db.execute('PRAGMA user_version').fetchone()[0] == VERSION, 'version')
    wanted = [(r['chapter'], r.get('grade'), r.get('points')) for r in map(json.loads, lines.splitlines()) if r['type'] == 'grade']
    expect(db.execute('SELECT chapter, grade, points FROM grades WHERE audit = 1 ORDER BY position').fetchall() == wanted != [], 'grades')
    db.close()
    fresh = sqlite3.connect(os.path.join(b.folder, 'fresh.db'))
    expect(b.audit(store=os.path.join(b.folder, 'fresh.db')).returncode == 1, 'audit')
    schema = 'SELECT type, name, sql FROM sqlite_schema ORDER BY type, name'
    expect(fresh.execute(schema).fetchall() == sqlite3.connect(b.store).execute(schema).fetchall(), 'another schema than a new store has')
    old()
    done = [subprocess.Popen([b.o.rolecall, 'history', '--store', b.store], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    expect(all(p.wait() == 0 for p in done), [p.communicate() for p in done])
    expect(b.audit().returncode == 1 and b.audits() == [1, 2], 'an audit after the migration')


def accepted(b):
    """accept writes into the policy what the next audit takes from it; expired ones come back and say so."""
    policy = os.path.join(b.folder, 'demo/policy.yaml')
    shutil.copytree(os.path.join(b.o.pcaps, 'demo'), os.path.dirname(policy))
    findings = [r for r in map(json.loads, b.audit(policy=policy).stdout.splitlines()) if r['type'] == 'finding']
    ids = [f['id'] for f in findings]
    records = os.path.join(b.folder, 'r.jsonl')
    with open(records, 'w') as f:
        f.writelines(json.dumps(r) + '\n' for r in findings)
    before = open(policy).read()
    end = ['--until', '2199-01-31', '--reason', 'it: "is" so', '--by', 'j.doe']
    wrong = ids[0][:-1] + ('0' if ids[0][-1] != '0' else '1')
    for words, says in (([wrong, '--store', b.store] + end, b"did you mean '" + ids[0].encode() + b"'?"),
                        ([ids[0], wrong, '--store', b.store] + end, b'did you mean'),
                        ([ids[0], '--store', b.store] + end[2:], b'--until'), ([ids[0], '--store', b.store] + end[:2], b'--reason'),
                        ([ids[0]] + end, b'--store'), ([ids[0], '--store', b.store, '--until', '2020-01-31'] + end[2:], b'is over'),
                        ([ids[0], '--store', b.store, '--until', '31.1.2199'] + end[2:], b'is no date')):
        done = b.run('accept', '-p', policy, *words)
        expect(done.returncode == 2 and says in done.stderr and done.stderr.count(b'\n') == 1, words, done)
    expect(open(policy).read() == before, 'refused, and written')
    for words in ([ids[0], '--store', b.store], [ids[1], ids[2], '--records', records]):
        done = b.run('accept', '-p', policy, *words, *end)
        expect(done.returncode == 0 and done.stdout.count(b'accepted until') == len(words) - 2, done)
    expect(open(policy).read().startswith(before), 'more was changed than added')
    done = b.run('accept', '-p', policy, ids[0], '--store', b.store, *end)
    expect(done.returncode == 0 and b'accepted already' in done.stdout, done)
    again = [r for r in map(json.loads, b.audit(policy=policy).stdout.splitlines()) if r['type'] == 'finding']
    expect({f['id'] for f in again if 'accepted' in f} == set(ids[:3]) and {f['id'] for f in again} == set(ids), again)
    expect(next(f for f in again if f['id'] == ids[0])['accepted'] == {'reason': 'it: "is" so', 'until': '2199-01-31', 'by': 'j.doe'}, again[0])
    done = b.run('diff', '--store', b.store, '--format', 'jsonl')
    changes = [json.loads(line) for line in done.stdout.splitlines()]
    expect(done.returncode == 0 and changes[-1]['findings'] == {'new': 0, 'worse': 0, 'still': len(ids) - 3, 'better': 3, 'gone': 0}, changes[-1])
    with open(policy) as f:
        text = f.read().replace('2199-01-31', '2020-01-31')
    with open(policy, 'w') as f:
        f.write(text)
    back = [r for r in map(json.loads, b.audit(policy=policy).stdout.splitlines()) if r['type'] == 'finding' and 'accepted' in r]
    expect(len(back) == 3 and all(f['accepted'].get('expired') and 'that time is over' in f['explanation'] for f in back), back)
    done = b.run('diff', '--store', b.store)
    expect(done.returncode == 1 and b'no longer accepted' in done.stdout and b'3 worse' in done.stdout, done)
    done = b.run('accept', '-p', policy, *ids[:3], '--store', b.store, *end)
    expect(done.returncode == 0 and b'accepted already' not in done.stdout, done)
    anew = [r for r in map(json.loads, b.audit(policy=policy).stdout.splitlines()) if r['type'] == 'finding' and 'accepted' in r]
    expect(len(anew) == 3 and not any('expired' in f['accepted'] for f in anew), anew)
    expect(b.run('check', policy).stdout.count(b'is renewed by line') == 3, 'check')


TESTS = [same_octets, formats, masked, history, killed, stopped, live, at_once, full, read_only, refused, damaged, migrated, accepted]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ('rolecall', 'writer', 'pcaps'):
        ap.add_argument('--' + option, required=True, type=os.path.abspath)
    ap.add_argument('--rounds', type=int, default=50)
    ap.add_argument('names', nargs='*')
    o = ap.parse_args()
    failures = 0
    chosen = [t for t in TESTS if not o.names or t.__name__ in o.names]
    for test in chosen:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix='rolecall-store-') as folder:
            try:
                test(Bench(o, folder))
                print('ok %s, %.1f s' % (test.__name__, time.monotonic() - begin))
            except Failed as e:
                failures += 1
                print('not ok %s: %s' % (test.__name__, str(e)[:3000]))
    print('%d tests, %d failed' % (len(chosen), failures))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
