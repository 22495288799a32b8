#!/usr/bin/env python3
"""lab_test.py - every statement about the laboratory's captures is borne out by the records of the capture.

usage: lab_test.py --rolecall PROGRAM --lab FOLDER [--all] [CAPTURE...]

FOLDER has facts.jsonl: of each capture a summary, what is true of it, and what was done (events). Each of these is a
row: capture, statement, the record that bears it out, yes or no. Events are judged thrice: who opened what by which
protocol, as which account, and how it ended. The judgements stand in lab_statements.py; a statement that has none
fails. Stops at the first row that is not borne out unless --all is given; exit status 77 where there is no FOLDER.
"""
import argparse, collections, json, os, subprocess, sys

sys.dont_write_bytecode = True
from lab_checks import Records, begins, field, named, packet_of, rec, some
from lab_statements import ACCOUNTS, ENDS, STATEMENTS, NT1

SKIPPED = 77
PROTOCOLS = {'https': 'tls', 'http-connect': 'http', 'smb1': 'smb', 'smb3': 'smb', 'smb1->smb3': 'smb', 'smb/krb/ldap': 'smb'}
DIALECTS = {'smb1': NT1, 'smb3': begins('3'), 'smb1->smb3': begins('3')}

Row = collections.namedtuple('Row', 'capture statement checks')


def judged(table, capture, text):
    """What a table keyed by capture and first words says of this text."""
    return next((checks for (name, words), checks in table.items() if name == capture and text.startswith(words)), None)


def ends_of(event):
    target = event['dst']
    return '%s > %s:%s' % (event['src']['ip'], target['ip'], target.get('port', ''))


def opened(event):
    """The flow of an event, and the dialect where the protocol is one."""
    protocol = event['protocol']
    wanted = [rec('flow', ends_of(event), protocol=PROTOCOLS.get(protocol, protocol), identified_by='content', opening_seen=True)]
    if protocol in DIALECTS:
        wanted.append(rec('smb', ends_of(event), message='negotiate', dialect=DIALECTS[protocol]))
    return some(*wanted)


def accounts_of(record):
    """Every account that a record names, in lower case."""
    user, domain = record.get('user'), record.get('domain')
    names = {record.get('client')} if record['type'] == 'kerberos' else {user, record.get('dn') or None}
    if record['type'] == 'kerberos':
        names.add('%s@%s' % (record.get('client'), record.get('realm')))
    if domain and user:
        names |= {'%s\\%s' % (domain, user), '%s\\%s' % (domain.split('.')[0], user)}
    return {str(n).lower() for n in names if n}


def same_account(stated, names):
    """CORP\\svc-site and svc-site@CORP.EXAMPLE are one account, and its machine may leave the realm out."""
    stated = stated.lower()
    short, realm = stated.split('\\')[-1].split('@')[0], stated.split('\\')[0] if '\\' in stated else stated.partition('@')[2].split('.')[0]
    def fits(name):
        if name == stated or name == short:
            return True
        if 'cn=' in name:
            return name.startswith('cn=%s,' % short)
        user, _, of = name.partition('@')
        return bool(of) and user == short and (not realm or of.split('.')[0] == realm)
    return any(fits(n) for n in names)


def named_account(event):
    """A record from the event's client names its account. A ticket's user is told by the exchange that got it."""
    def check(records):
        for kind in ('ntlm', 'sql', 'ldap', 'kerberos'):
            for record in records.of(kind):
                if records.ends(record).startswith(event['src']['ip'] + ' > ') and same_account(event['account'], accounts_of(record)):
                    return True, '%s #%d names %s' % (kind, packet_of(record), ', '.join(sorted(accounts_of(record))))
        return False, 'no record of %s names %s' % (event['src']['ip'], event['account'])
    return check


def rows_of(fact, statements):
    """All rows of a capture; None for checks where nobody says how to judge."""
    name = fact['capture']
    yield Row(name, 'summary: ' + fact['summary'], judged(statements, name, 'summary'))
    for text in fact['truth']:
        yield Row(name, 'truth: ' + text, judged(statements, name, text))
    for event in fact['events']:
        action, what = event['action'], 'event: %s, ' % event['action']
        other = judged(ENDS, name, action)
        if other is not None or 'dst' not in event:
            yield Row(name, what + 'by ' + str(event.get('protocol')), other)
        else:
            yield Row(name, what + 'by %s from %s' % (event['protocol'], ends_of(event)), [opened(event)])
        if 'account' in event:
            yield Row(name, what + 'as ' + event['account'], judged(ACCOUNTS, name, action) or [named_account(event)])
        end = 'exit status %d, %s' % (event['exit'], 'as expected' if event['as_expected'] else 'not as expected')
        yield Row(name, what + end, judged(statements, name, action))


def run(o, name):
    done = subprocess.run([o.rolecall, 'events', '-q', '-r', os.path.join(o.lab, name)], stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        raise SystemExit('%s: exit status %d: %s' % (name, done.returncode, done.stderr.decode(errors='replace')[:2000]))
    return Records(done.stdout.decode('utf8').splitlines())


def judge(row, records):
    if row.checks is None:
        return False, 'lab_statements.py does not say how to judge it'
    evidence = []
    for check in row.checks:
        holds, shown = check(records)
        if not holds:
            return False, shown
        evidence.append(shown)
    return True, '; '.join(evidence) or 'nothing of it is on the wire'


def options():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--rolecall', required=True)
    ap.add_argument('--lab', required=True)
    ap.add_argument('--all', action='store_true', help='do not stop at the first')
    ap.add_argument('capture', nargs='*')
    return ap.parse_args()


def unused(facts, statements):
    texts = {(f['capture'], t) for f in facts for t in ['summary'] + f['truth'] + [e['action'] for e in f['events']]}
    return [key for table in (statements, ENDS, ACCOUNTS) for key in table
            if not any(name == key[0] and text.startswith(key[1]) for name, text in texts)]


def main():
    o = options()
    path = os.path.join(o.lab, 'facts.jsonl')
    if not os.path.exists(path):
        print('Skipped: no laboratory captures at %s' % o.lab)
        return SKIPPED
    with open(path, encoding='utf8') as f:
        facts = [json.loads(line) for line in f]
    statements = {(name, words): checks for name, words, *checks in STATEMENTS}
    problems = ['%s: nothing is stated that begins "%s"' % key for key in unused(facts, statements)]
    counted = {True: 0, False: 0}
    for fact in facts:
        if o.capture and fact['capture'] not in o.capture:
            continue
        records = run(o, fact['capture'])
        print('\n' + fact['capture'])
        for row in rows_of(fact, statements):
            holds, evidence = judge(row, records)
            counted[holds] += 1
            print('  %-3s  %s\n       %s' % ('yes' if holds else 'NO', row.statement, evidence), flush=True)
            if not holds:
                problems.append('%s: %s: %s' % (row.capture, row.statement, evidence))
            if not holds and not o.all:
                break
        if problems and not o.all:
            break
    print('\n%d statements borne out, %d not' % (counted[True], counted[False]))
    for p in problems:
        print('FAILED', p)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
