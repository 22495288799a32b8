#!/usr/bin/env python3
"""discover_test.py - `rolecall discover` on the shipped captures.

usage: discover_test.py --rolecall PROGRAM --pcaps FOLDER --goldens FOLDER [--update]

The draft of demo/clean equals the golden, names at least nine of ten roles that the demonstration policy declares, and
none of the demonstration captures' drafts has a wrong role above "possible". Every capture's draft loads, compared with
its policy or not, and is the same for any number of workers.
"""
import argparse, os, re, subprocess, sys, tempfile

import golden


def discover(o, case, *more):
    done = subprocess.run([os.path.abspath(o.rolecall), 'discover', '-q', '-r', case + '.pcap', *more], cwd=o.pcaps,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0 or done.stderr:
        raise RuntimeError('discover %s: exit status %d: %s' % (case, done.returncode, done.stderr.decode()[:500]))
    return done.stdout.decode('utf8')


def drafted(text):
    """{(host, role): score} of a draft."""
    host, found = None, {}
    for line in text.split('\nhosts:', 1)[-1].splitlines():
        name = re.match(r"  '([^']+)':", line)
        role = re.match(r'    (?:  |# )- ([a-z-]+) +# observed, ([a-z]+):', line)
        host = name.group(1) if name else host
        if role:
            found[host, role.group(1)] = role.group(2)
    return found


def declared(path):
    """{(host, role)} of the demonstration policy, which writes one role a line or all in one list."""
    host, found = None, set()
    with open(path, encoding='utf8') as f:
        for line in f.read().split('\nhosts:', 1)[1].split('\nclients:', 1)[0].splitlines():
            name = re.match(r'  ([a-z0-9.]+):$', line)
            host = name.group(1) if name else host
            roles = re.match(r'    roles: \[(.*)\]', line)
            role = re.match(r'      - ([a-z-]+)', line)
            found |= {(host, r.strip()) for r in roles.group(1).split(',')} if roles else set()
            found |= {(host, role.group(1))} if role else set()
    return found


def check_demo(o, problems):
    truth = declared(os.path.join(o.pcaps, 'demo/policy.yaml'))
    for case in ('demo/clean', 'demo/breaches'):
        found = drafted(discover(o, case))
        named = len(truth & set(found))
        print('%s: %d of %d declared roles named' % (case, named, len(truth)))
        if case == 'demo/clean' and 10 * named < 9 * len(truth):
            problems.append('too few: missing %s' % sorted(truth - set(found)))
        problems += ['%s: %s of %s is wrong and %s' % (case, role, host, score) for (host, role), score in sorted(found.items())
                     if score != 'possible' and (host, role) not in truth]


def check_loads(o, case, problems):
    text = discover(o, case)
    if text != discover(o, case, '--workers', '5'):
        problems.append('%s: another draft with 5 workers' % case)
    for draft in (text, discover(o, case, '-p', golden.policy_of(o.pcaps, case))):
        with tempfile.NamedTemporaryFile('w', suffix='.yaml', encoding='utf8') as f:
            f.write(draft)
            f.flush()
            done = subprocess.run([o.rolecall, 'check', f.name], capture_output=True)
            if done.returncode not in (0, 1) or done.stderr:
                problems.append('%s: the draft does not load: %s' % (case, done.stderr.decode()[:500]))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--update', action='store_true')
    for option in ('rolecall', 'pcaps', 'goldens'):
        ap.add_argument('--' + option, required=True)
    o = ap.parse_args()
    o.rolecall = os.path.abspath(o.rolecall)
    path, got = os.path.join(o.goldens, 'demo/clean.draft.yaml'), discover(o, 'demo/clean', '-p', 'demo/policy.yaml')
    if o.update:
        with open(path, 'w', encoding='utf8') as f:
            f.write(got)
        return 0
    with open(path, encoding='utf8') as f:
        problems = golden.compare(path, f.read(), got)
    check_demo(o, problems)
    known = golden.cases(o.pcaps)
    for case in known:
        check_loads(o, case, problems)
    for p in problems:
        print(p)
    print('discover: %d captures, %d problems' % (len(known), len(problems)))
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
