#!/usr/bin/env python3
"""agree_test.py - the records agree with the truth of captures that others made, field by field.

usage: agree_test.py --rolecall PROGRAM --corpus FOLDER [--known FILE] [--differences FILE] [CAPTURE...]

FOLDER (or the environment's ROLECALL_CORPUS) has agree.py and dev/. Each group of fields must reach MINIMUM recall and
precision once the differences that known.tsv explains as `ours` (rolecall is right) or `undecidable` are taken out;
both figures are printed. A line of known.tsv that explains no present difference fails as well.
"""
import argparse, collections, concurrent.futures, csv, importlib.util, os, subprocess, sys

MINIMUM = 98.0
GROUPS = ('tls', 'http', 'smb', 'ntlm', 'kerberos', 'ldap', 'sql', 'dcerpc', 'dns', 'llmnr', 'mdns', 'nbns', 'flow.client', 'flow.protocol')
JUDGED_PROTOCOLS = {'smb', 'http', 'tls', 'ldap', 'kerberos', 'tds', 'dcerpc', 'dns', 'llmnr', 'mdns', 'nbns', 'mysql', 'postgresql', 'rdp', 'ssh',
                    'ntp', 'dhcp', 'tftp', 'snmp', 'quic'}
SKIPPED = 77

Tally = collections.namedtuple('Tally', 'truth equal missing extra excused_missing excused_extra')


def load_agree(corpus):
    spec = importlib.util.spec_from_file_location('agree', os.path.join(corpus, 'agree.py'))
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def group_of(field):
    return field if field.startswith('flow.') else field.split('.')[0]


def word(value):
    return str(value).replace('\\', '\\\\').replace('\t', '\\t').replace('\n', '\\n').replace('\r', '\\r')


def claims_of(agree, o, name):
    """(truth, ours, trouble) of one capture."""
    truth = agree.truth_claims(os.path.join(o.corpus, 'dev', 'truth', name + '.jsonl'))
    done = subprocess.run([o.rolecall, 'events', '-q', '-r', os.path.join(o.corpus, 'dev', 'pcap', name)],
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        return truth, {}, '%s: exit status %d: %s' % (name, done.returncode, done.stderr.decode(errors='replace')[:3000])
    try:
        return truth, agree.our_claims(l for l in done.stdout.decode('utf8').splitlines() if l.strip()), None
    except (ValueError, KeyError) as e:
        return truth, {}, '%s: unreadable output: %r' % (name, e)


def differences(truth, ours):
    """Per field of our groups: truth, ours where the truth has something to say."""
    cut = {(ends, {'ntlmssp': 'ntlm', 'cldap': 'ldap'}.get(part, part)) for ends, part in truth.pop('(cut)', ())}
    for field in sorted(truth):
        if group_of(field) not in GROUPS:
            continue
        whole = lambda claims: {x for x in claims if (x[0], field.split('.')[0]) not in cut}
        theirs, mine = whole(truth[field]), whole(ours.get(field, set()))
        asked = {x[0] for x in theirs}
        mine = {x for x in mine if x[0] in asked}
        if field == 'flow.protocol':
            # Flows that either side calls one of the protocols judged here.
            about = {x[0] for x in theirs | mine if x[1] in JUDGED_PROTOCOLS}
            theirs, mine = ({x for x in side if x[0] in about} for side in (theirs, mine))
        yield field, theirs, mine


def read_known(path):
    known = {}
    with open(path, encoding='utf8', newline='') as f:
        for number, row in enumerate(csv.reader(f, delimiter='\t', quoting=csv.QUOTE_NONE), 1):
            if number == 1 or not row:
                continue
            if len(row) != 7 or row[2] not in ('missing', 'extra') or row[5] not in ('ours', 'theirs', 'undecidable'):
                raise SystemExit('%s:%d: not a line of known.tsv' % (path, number))
            if tuple(row[:5]) in known:
                raise SystemExit('%s:%d: said twice' % (path, number))
            known[tuple(row[:5])] = row[5]
    return known


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def figures(t):
    """Recall and precision, raw and explained."""
    return (percent(t.equal, t.truth), percent(t.equal, t.equal + t.extra),
            percent(t.equal, t.truth - t.excused_missing), percent(t.equal, t.equal + t.extra - t.excused_extra))


def print_table(title, tallies):
    print('\n%-34s %7s %7s %7s %7s | %8s %9s | %8s %9s' % (title, 'truth', 'equal', 'missing', 'extra', 'recall', 'precision',
                                                         'recall', 'precision'))
    for name in sorted(tallies):
        t = tallies[name]
        print('%-34s %7d %7d %7d %7d | %7.2f%% %8.2f%% | %7.2f%% %8.2f%%' % ((name,) + t[:4] + figures(t)))


def options():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--rolecall', required=True)
    ap.add_argument('--corpus', required=True)
    ap.add_argument('--known')
    ap.add_argument('--differences', help='write those that known.tsv does not explain here')
    ap.add_argument('capture', nargs='*')
    o = ap.parse_args()
    o.corpus = os.path.normpath(os.environ.get('ROLECALL_CORPUS') or o.corpus)
    return o


def add(tallies, name, *numbers):
    tallies[name] = Tally(*(a + b for a, b in zip(tallies.get(name, Tally(0, 0, 0, 0, 0, 0)), numbers)))


def compare(agree, o, names, known):
    """Tallies by field and by group, the known differences met, the unexplained ones, and troubles."""
    fields, groups, met, unexplained, troubles = {}, {}, set(), [], []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda n: claims_of(agree, o, n), names)
        for name, (truth, ours, trouble) in zip(names, results):
            troubles += [trouble] if trouble else []
            for field, theirs, mine in differences(truth, ours):
                excused = {'missing': 0, 'extra': 0}
                for what, rows in (('missing', theirs - mine), ('extra', mine - theirs)):
                    for ends, value in rows:
                        key = (name, field, what, word(ends), word(value))
                        if key in known:
                            met.add(key)
                            excused[what] += known[key] != 'theirs'
                        else:
                            unexplained.append(key)
                numbers = (len(theirs), len(theirs & mine), len(theirs - mine), len(mine - theirs), excused['missing'], excused['extra'])
                add(fields, field, *numbers)
                add(groups, group_of(field), *numbers)
    return fields, groups, met, unexplained, troubles


def main():
    o = options()
    if not os.path.exists(os.path.join(o.corpus, 'agree.py')):
        print('Skipped: no corpus at %s' % o.corpus)
        return SKIPPED
    known = read_known(o.known) if o.known else {}
    names = o.capture or sorted(n[:-6] for n in os.listdir(os.path.join(o.corpus, 'dev', 'truth')) if n.endswith('.jsonl'))
    fields, groups, met, unexplained, problems = compare(load_agree(o.corpus), o, names, known)
    if o.differences:
        with open(o.differences, 'w', encoding='utf8') as f:
            f.writelines('\t'.join(key) + '\n' for key in sorted(unexplained))
    print_table('field (as found | explained)', fields)
    print_table('group (as found | explained)', groups)
    for name, t in groups.items():
        if min(figures(t)[2:]) < MINIMUM:
            problems.append('%s: recall %.2f %%, precision %.2f %% once explained; %.0f %% is asked'
                            % ((name,) + figures(t)[2:] + (MINIMUM,)))
    if not o.capture:
        problems += ['known.tsv explains a difference that is no more: ' + '\t'.join(key) for key in sorted(set(known) - met)]
        problems += ['no claim of ' + g for g in GROUPS if g not in groups]
    print('\n%d captures, %d differences known, %d not' % (len(names), len(met), len(unexplained)))
    for p in problems:
        print('FAILED', p)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
