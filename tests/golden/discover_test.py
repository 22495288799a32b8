#!/usr/bin/env python3
"""discover_test.py - `rolecall discover` on the shipped captures.

usage: discover_test.py --rolecall PROGRAM --pcaps FOLDER --goldens FOLDER [--update]

The draft of demo/clean equals the golden. Of the demonstration's captures, the pair and the day, at least nine of ten
declared roles are named, and of the day's with a score above "possible". No capture's draft has a role above "possible"
that the policy beside it does not declare for that host, but of hosts that R006 finds: these do act so. Drafts load,
compared with the policy or not, and are the same for any number of workers: those of all captures but the scenarios.
"""
import argparse, os, re, subprocess, sys, tempfile

import yaml

import golden

DAY = ('lab/day-clean', 'lab/day-breaches')
PAIR = ('demo/clean', 'demo/breaches')


def capture_of(o, case):
    return next(case + end for end in ('.pcap', '.pcap.zst') if os.path.exists(os.path.join(o.pcaps, case + end)))


def discover(o, case, *more):
    done = subprocess.run([os.path.abspath(o.rolecall), 'discover', '-q', '-r', capture_of(o, case), *more], cwd=o.pcaps,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0 or done.stderr:
        raise RuntimeError('discover %s: exit status %d: %s' % (case, done.returncode, done.stderr.decode()[:500]))
    return done.stdout.decode('utf8')


def drafted(text):
    """[(addresses, role, score)] of a draft; the better guess of a host's first."""
    addresses, found = [], []
    for line in text.split('\nhosts:', 1)[-1].splitlines():
        address = re.match(r"      - '([^']+)'$", line)
        role = re.match(r'    (?:  |# )- ([a-z-]+) +# observed, ([a-z]+):', line)
        addresses = [] if re.match(r"  '[^']+':", line) else addresses
        if address:
            addresses = addresses + [address.group(1)]
        if role:
            found.append((addresses, role.group(1), role.group(2)))
    return found


def declared(path):
    """{address: (host, {role, ...})}"""
    with open(path, encoding='utf8') as f:
        hosts = yaml.safe_load(f).get('hosts') or {}
    return {str(address): (name, {r if isinstance(r, str) else next(iter(r)) for r in host.get('roles', [])})
            for name, host in hosts.items() for address in host.get('addresses', [])}


def rogues(o, case):
    """Addresses that R006 finds: they act in a role that the policy does not declare."""
    with open(os.path.join(o.pcaps, case + '.findings')) as f:
        return {line.split()[2].rsplit(':', 1)[0] for line in f if line.startswith('R006 ')}


def check_roles(o, case, text, problems):
    """Right and wrong by the policy beside the capture; the declared roles that were named, and all."""
    truth = declared(os.path.join(o.pcaps, golden.policy_of(o.pcaps, case)))
    named, strange = {}, rogues(o, case)
    for addresses, role, score in drafted(text):
        at = [a for a in addresses if a in truth and role in truth[a][1]]
        for a in at:
            named[truth[a][0], role] = score
        if not at and score != 'possible' and not strange & set(addresses):
            problems.append('%s: %s of %s is wrong and %s' % (case, role, ', '.join(addresses), score))
    return named, {(name, role) for name, roles in truth.values() for role in roles}


def check_demonstrations(o, problems):
    for case in PAIR + DAY:
        named, roles = check_roles(o, case, discover(o, case), problems)
        counted = {r for r, score in named.items() if case in PAIR or score != 'possible'}
        print('%s: %d of %d declared roles named' % (case, len(counted), len(roles)))
        if case != 'demo/breaches' and 10 * len(counted) < 9 * len(roles):
            problems.append('%s: too few, missing %s' % (case, sorted(roles - counted)))


def check_loads(o, case, problems):
    text = discover(o, case)
    check_roles(o, case, text, problems)
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
    check_demonstrations(o, problems)
    lab = sorted({'lab/' + name.split('.pcap')[0] for name in os.listdir(os.path.join(o.pcaps, 'lab')) if '.pcap' in name})
    known = golden.cases(o.pcaps)
    for case in known:
        check_loads(o, case, problems)
    for case in lab:
        if case not in DAY:
            check_roles(o, case, discover(o, case), problems)
    check_loads(o, DAY[0], problems)
    for p in problems:
        print(p)
    print('discover: %d captures, %d problems' % (len(known) + len(lab), len(problems)))
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
