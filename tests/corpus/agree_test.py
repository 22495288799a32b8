#!/usr/bin/env python3
"""agree_test.py - the records agree with the truth of captures that others made, field by field.

usage: agree_test.py --rolecall PROGRAM --corpus FOLDER [--known FILE] [--differences FILE] [CAPTURE...]

FOLDER (or the environment's ROLECALL_CORPUS) has agree.py and dev/. What is compared are claims: a value of a field on
the ends of a flow; agree.py makes them, and more_claims.py those of the fields that it leaves out. Of each field:
  equal      both say it
  missing    the truth says it, the records say nothing of this field there
  different  the truth says one thing, the records another
  more       the records say more than the truth
Each protocol must reach MINIMUM equal once the differences that known.tsv explains as `ours` (rolecall is right) or
`undecidable` are taken out, and every flow that the truth names must be named alike. A difference that known.tsv does
not explain fails, and so does a line of known.tsv that explains no present difference.
"""
import argparse, collections, concurrent.futures, csv, importlib.util, os, subprocess, sys

sys.dont_write_bytecode = True
import more_claims

MINIMUM = {'flow.protocol': 100.0}
MINIMUM_ELSE = 99.5
SHOWN = 40
SKIPPED = 77
TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

Tally = collections.namedtuple('Tally', 'truth equal missing different more excused')


def load_agree(corpus):
    spec = importlib.util.spec_from_file_location('agree', os.path.join(corpus, 'agree.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def group_of(field):
    """The line of the second table: the protocol, and what a flow is apart from what is counted of it."""
    return field if field in ('flow.client', 'flow.protocol') else field.split('.')[0]


def word(value):
    return str(value).replace('\\', '\\\\').replace('\t', '\\t').replace('\n', '\\n').replace('\r', '\\r')


def claims_of(agree, suites, o, name):
    """(truth, ours, trouble) of one capture."""
    path = os.path.join(o.corpus, 'dev', 'truth', name + '.jsonl')
    truth = agree.truth_claims(path)
    truth.update(more_claims.truth_claims(agree, path, suites))
    done = subprocess.run([o.rolecall, 'events', '-q', '-r', os.path.join(o.corpus, 'dev', 'pcap', name)],
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        return truth, {}, '%s: exit status %d: %s' % (name, done.returncode, done.stderr.decode(errors='replace')[:3000])
    try:
        lines = [l for l in done.stdout.decode('utf8').splitlines() if l.strip()]
        ours = agree.our_claims(lines)
        ours.update(more_claims.our_claims(agree, lines))
        more_claims.settle(truth, ours)
        return truth, ours, None
    except (ValueError, KeyError) as e:
        return truth, {}, '%s: unreadable output: %r' % (name, e)


def differences(truth, ours):
    """Of each field and the ends on which the truth has a claim of it: both sides' claims there."""
    cut = {(ends, {'ntlmssp': 'ntlm', 'cldap': 'ldap'}.get(part, part)) for ends, part in truth.pop('(cut)', ())}
    for field in sorted(truth):
        sides = collections.defaultdict(lambda: (set(), set()))
        for side, claims in enumerate((truth[field], ours.get(field, ()))):
            for claim in claims:
                if (claim[0], field.split('.')[0]) not in cut and (side == 0 or claim[0] in sides):
                    sides[claim[0]][side].add(claim)
        for theirs, mine in sides.values():
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
    """Percent of the truth's claims that are equal, as found and explained."""
    return percent(t.equal, t.truth), percent(t.equal + t.excused, t.truth)


def print_table(title, tallies):
    print('\n%-36s %7s %7s %8s %10s %6s %9s %10s' % (title, 'fields', 'equal', 'missing', 'different', 'more', 'as found', 'explained'))
    for name in sorted(tallies):
        t = tallies[name]
        print('%-36s %7d %7d %8d %10d %6d %8.2f%% %9.2f%%' % ((name,) + t[:5] + figures(t)))


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
    suites = more_claims.suites(TREE)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda n: claims_of(agree, suites, o, n), names)
        for name, (truth, ours, trouble) in zip(names, results):
            troubles += [trouble] if trouble else []
            for field, theirs, mine in differences(truth, ours):
                excused = 0
                for what, rows in (('missing', theirs - mine), ('extra', mine - theirs)):
                    for ends, value in rows:
                        key = (name, field, what, word(ends), word(value))
                        if key in known:
                            met.add(key)
                            excused += what == 'missing' and known[key] != 'theirs'
                        else:
                            unexplained.append(key)
                lost, more = len(theirs - mine), len(mine - theirs)
                different = min(lost, more)
                for tallies, key in ((fields, field), (groups, group_of(field))):
                    add(tallies, key, len(theirs), len(theirs & mine), lost - different, different, more - different, excused)
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
    print_table('field', fields)
    print_table('protocol', groups)
    for name, t in groups.items():
        asked = MINIMUM.get(name, MINIMUM_ELSE)
        if figures(t)[1] < asked:
            problems.append('%s: %.2f %% equal once explained; %.1f %% is asked' % (name, figures(t)[1], asked))
    problems += ['not explained: ' + '\t'.join(key)[:400] for key in sorted(unexplained)[:SHOWN]]
    if len(unexplained) > SHOWN:
        problems.append('not explained: %d more; --differences FILE writes them all' % (len(unexplained) - SHOWN))
    if not o.capture:
        problems += ['known.tsv explains a difference that is no more: ' + '\t'.join(key) for key in sorted(set(known) - met)]
    print('\n%d captures, %d differences known, %d not' % (len(names), len(met), len(unexplained)))
    for p in problems:
        print('FAILED', p)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
