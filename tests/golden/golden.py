#!/usr/bin/env python3
"""golden.py - the shipped captures against what is expected of them.

usage: golden.py MODE --rolecall PROGRAM --pcaps FOLDER --goldens FOLDER
  records    `rolecall events` of every capture equals goldens/CASE.facts
  findings   `rolecall audit` of every capture equals goldens/CASE.findings.jsonl
  workers    both are the same, octet by octet, with --workers 1, 2 and 5
  update     rewrites the goldens

The policy of a capture is CASE.yaml, else policy.yaml in its folder, else pcaps/policy.yaml. What `rolecall events` is
to be asked for besides stands in CASE.options.
"""
import argparse, concurrent.futures, difflib, os, re, subprocess, sys

WORKERS = (1, 2, 5)


def cases(folder):
    """All but the laboratory's scenarios, of which each is the whole hierarchy: tests/audit_pcaps.py compares their findings."""
    found = []
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ('lab', 'links'))
        found += [os.path.relpath(os.path.join(path, n), folder)[:-5] for n in sorted(names) if n.endswith('.pcap')]
    return found


def policy_of(pcaps, case):
    for path in (case + '.yaml', os.path.join(os.path.dirname(case), 'policy.yaml'), 'policy.yaml'):
        if os.path.exists(os.path.join(pcaps, path)):
            return path
    raise FileNotFoundError('no policy for ' + case)


def run(o, words):
    """Standard output of rolecall, run in the folder of the captures so that no path of this machine is in it."""
    done = subprocess.run([os.path.abspath(o.rolecall)] + words, cwd=o.pcaps, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError('rolecall %s: exit status %d: %s'
                           % (' '.join(words), done.returncode, done.stderr.decode(errors='replace')[:2000]))
    return done.stdout.decode('utf8')


def options_of(pcaps, case):
    path = os.path.join(pcaps, case + '.options')
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf8') as f:
        return f.read().split()


def events(o, case, *more):
    return run(o, ['events', '-q', '-r', case + '.pcap', *options_of(o.pcaps, case), *more])


def audit_whole(o, case, *more):
    return run(o, ['audit', '-q', '-p', policy_of(o.pcaps, case), '-r', case + '.pcap', '--format', 'jsonl',
                   '--reproducible', *more])


def audit(o, case, *more):
    """What follows from the rest (answers per statement and per row, grades) or from the policy: that of the demonstration
    stands for all; and the catalogue is nobody's."""
    left_out = ('rule',) if case.startswith('demo' + os.sep) else \
        ('rule', 'audit', 'statement', 'coverage', 'model', 'host', 'conversation', 'traffic', 'grade')
    lines = audit_whole(o, case, *more).splitlines(keepends=True)
    return ''.join(line for line in lines if not line.startswith(tuple('{"type":"%s",' % kind for kind in left_out)))


def without_version(text):
    return re.sub(r'(?<=,"version":")[0-9.]+(?="(}$|,"policy"))', '-', text, flags=re.M)


def compare(name, expected, got):
    if expected == got:
        return []
    lines = list(difflib.unified_diff(expected.splitlines(), got.splitlines(), name, 'now', lineterm='', n=0))
    return ['\n'.join(line[:600] for line in lines[:12])]


def golden_paths(o, case):
    return [(os.path.join(o.goldens, case + '.facts'), events), (os.path.join(o.goldens, case + '.findings.jsonl'), audit)]


def check_golden(o, case, which):
    path, make = golden_paths(o, case)[which]
    try:
        with open(path, encoding='utf8') as f:
            expected = f.read()
    except FileNotFoundError:
        return ['%s is missing: run `ninja update-goldens` and review it' % path]
    return compare(path, expected, without_version(make(o, case)))


def check_workers(o, case):
    problems = []
    for name, make in (('events', events), ('audit', audit_whole)):
        one = make(o, case, '--workers', str(WORKERS[0]))
        for n in WORKERS[1:]:
            problems += compare('%s %s --workers %d, against 1' % (name, case, n), one, make(o, case, '--workers', str(n)))
    return problems


def update(o, case):
    for path, make in golden_paths(o, case):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf8') as f:
            f.write(without_version(make(o, case)))
    return []


def strays(o, known):
    """Goldens of captures that are no more."""
    expected = {p for case in known for p, _ in golden_paths(o, case)}
    there = {os.path.join(path, n) for path, _, names in os.walk(o.goldens) for n in names
             if n.endswith(('.facts', '.findings.jsonl'))}
    return ['%s belongs to no capture' % p for p in sorted(there - expected)]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('mode', choices=['records', 'findings', 'workers', 'update'])
    for option in ('rolecall', 'pcaps', 'goldens'):
        ap.add_argument('--' + option, required=True)
    o = ap.parse_args()
    one = {'records': lambda c: check_golden(o, c, 0), 'findings': lambda c: check_golden(o, c, 1),
           'workers': lambda c: check_workers(o, c),
           'update': lambda c: update(o, c)}[o.mode]

    def safely(case):
        try:
            return one(case)
        except Exception as e:
            return ['%s: %s' % (case, e)]
    known = cases(o.pcaps)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(safely, known))
    problems = [p for result in results for p in result]
    if o.mode in ('records', 'findings'):
        problems += strays(o, known)
    for p in problems:
        print(p)
    print('%s: %d captures, %d as expected' % (o.mode, len(known), sum(not r for r in results)))
    return 1 if problems or not known else 0


if __name__ == '__main__':
    sys.exit(main())
