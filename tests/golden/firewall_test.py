#!/usr/bin/env python3
"""firewall_test.py - what `rolecall matrix` writes for firewalls, read by the strictest reader at hand.

usage: firewall_test.py nftables|windows --rolecall PROGRAM FOLDER...

Every policy of the folders, and one with names made to break quoting. `nftables`: nft -c must take the ruleset; skipped
where there is no nft, or it may not ask the kernel. `windows`: Debian has no PowerShell, so a parser of our own takes
only what cannot mean two things there: comments, one cmdlet with known parameters, single-quoted texts, and bare words
of letters, digits and . , : / - in the places where PowerShell takes an argument as text. In both, the rules must be those
that the needed flows of the JSON output come to, no more and no less.
"""
import argparse
import ipaddress
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
HOSTILE = r'''
zones: {"in; side": [10.0.0.0/8, "fd00::/8"]}
sites: {P01: {type: primary, client-communication: enhanced-http}}
hosts:
  cm.corp.example: {addresses: [10.0.0.1, "fd00::1"], site: P01, roles: [site-server, site-database]}
  mp.corp.example: {addresses: ["fd00::2"], site: P01, roles: [management-point]}
  dp.corp.example: {addresses: [10.0.0.3], site: P01, roles: [{distribution-point: {ports: {http: [80, 81], https: [443, 8443]}}}]}
  nowhere.corp.example: {site: P01, roles: [software-update-point]}
clients:
  "quote ' double \" back` dollar $(calc) } ; #": {networks: [10.1.0.0/16, 10.1.2.3, "fd00:1::/32"]}
  "‘curly’ é": {networks: [10.1.2.0/24]}
  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": {networks: [0.0.0.0/1]}
administrators: {networks: [10.9.0.0/16]}
'''

PARAMETERS = ['DisplayName', 'Direction', 'Action', 'Protocol', 'LocalPort', 'RemoteAddress']


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def listed(rolecall, policy, form):
    done = run([rolecall, 'matrix', '-p', str(policy), '--format', form])
    if done.returncode != 0:
        raise SystemExit(f'{policy}: exit status {done.returncode}: {done.stderr}')
    return done.stdout


def needed(rolecall, policy):
    flows = [json.loads(line) for line in listed(rolecall, policy, 'json').splitlines()]
    return [f for f in flows if f['needed']]


def of_family(end, version):
    """Addresses of that family; None: the end is the internet, which no address limits."""
    if end['name'] == 'internet' and not end['addresses']:
        return None
    return frozenset(a for a in end['addresses'] if ipaddress.ip_network(a, strict=False).version == version)


# nftables -----------------------------------------------------------------------------------------

def expected_nft(flows):
    rules = []
    for f in flows:
        for version in (4, 6):
            ends = [of_family(f['from'], version), of_family(f['to'], version)]
            if all(e is None or e for e in ends):
                rules += [(version, *ends, t, frozenset(f['ports']), f['row']) for t in f['transport'].split('+')]
    return rules


RULE = re.compile(r' {8}(?:(ip6?) saddr \{ ([^{}]*) \} )?(?:(ip6?) daddr \{ ([^{}]*) \} )?(tcp|udp) dport \{ ([^{}]*) \} '
                  r'accept comment "([A-Za-z0-9.-]+) [A-Za-z0-9._-]+ to [A-Za-z0-9._-]+"')
FRAME = ['table inet rolecall {', '    chain forward {', '        type filter hook forward priority filter; policy drop;',
         '        ct state established,related accept', '    }', '}']


def read_nft(text):
    rules, frame = [], []
    for line in text.splitlines():
        match = RULE.fullmatch(line)
        if match:
            families = {match.group(1), match.group(3)} - {None}
            if len(families) > 1:
                raise ValueError(f'two families: {line}')
            ends = [None if e is None else frozenset(e.split(',')) for e in (match.group(2), match.group(4))]
            version = {'ip': 4, 'ip6': 6}[families.pop()]
            rules.append((version, *ends, match.group(5), frozenset(match.group(6).split(', ')), match.group(7)))
        elif not re.fullmatch(r' {8}# [A-Za-z0-9._-]+ has no address in the policy', line):
            frame.append(line)
    if frame != FRAME:
        raise ValueError(f'lines that are no rules: {frame}')
    return rules


def nft_command():
    """How nft may be run here; None: not at all."""
    if not shutil.which('nft'):
        print('no nft here: install nftables')
        return None
    trial = 'table inet t {\n}\n'
    for command in (['nft', '-c', '-f', '-'], ['unshare', '-rn', 'nft', '-c', '-f', '-']):
        if shutil.which(command[0]) and run(command, input=trial).returncode == 0:
            return command
    print('nft may not ask the kernel here, nor in a namespace of its own')
    return None


def check_nft(text, command):
    done = run(command, input=text)
    return [] if done.returncode == 0 else [f'nft refuses it: {done.stderr[:400]}']


# Windows ------------------------------------------------------------------------------------------

def expected_windows(flows):
    rules = []
    for f in flows:
        everybody = f['from']['name'] == 'internet' and not f['from']['addresses']
        host = f['to']['name'] if f['to']['addresses'] or '.' in f['to']['name'] else None
        if everybody or f['from']['addresses']:
            senders = None if everybody else frozenset(f['from']['addresses'])
            rules += [(host, senders, t.upper(), frozenset(f['ports']), f['row']) for t in f['transport'].split('+')]
    return rules


TOKEN = re.compile(r"'((?:[^'\u2018-\u201b\0-\x1f]|'')*)'|(-[A-Za-z]+)|([A-Za-z0-9][A-Za-z0-9.,:/-]*)|(,)")


def read_command(line):
    """Words of one command; anything that PowerShell might expand, cut or join is refused."""
    words, at = [], 0
    while at < len(line):
        match = TOKEN.match(line, at)
        if not match or (match.end() < len(line) and line[match.end()] != ' '):
            raise ValueError(f'column {at + 1} of: {line}')
        words.append(match.group(0) if match.group(1) is None else match.group(1).replace("''", "'"))
        at = match.end() + 1
    return words


def read_windows(text):
    rules, host = [], None
    for line in text.splitlines():
        if not line.isascii() or not line.isprintable():
            raise ValueError(f'characters beyond ASCII: {line!r}')
        if line == '':
            continue
        if line.startswith('# on '):
            host = line[5:]
            continue
        words = read_command(line)
        names, values = words[1::2], words[2::2]
        given = dict(zip(names, values))
        if words[0] != 'New-NetFirewallRule' or names not in (['-' + p for p in PARAMETERS],
                                                              ['-' + p for p in PARAMETERS[:-1]]):
            raise ValueError(f'not the cmdlet and its parameters: {line}')
        title = re.fullmatch(r'rolecall ([A-Za-z0-9.-]+) (TCP|UDP) from [A-Za-z0-9._-]+', given['-DisplayName'])
        if not title or (given['-Direction'], given['-Action']) != ('Inbound', 'Allow') \
                or given['-Protocol'] != title.group(2):
            raise ValueError(f'values: {line}')
        ports = given['-LocalPort'].split(',')
        if not all(re.fullmatch(r'[0-9]{1,5}(-[0-9]{1,5})?', p) for p in ports):
            raise ValueError(f'ports: {line}')
        senders = given.get('-RemoteAddress')
        for address in senders.split(',') if senders else []:
            ipaddress.ip_network(address, strict=False)
        rules.append((host, frozenset(senders.split(',')) if senders else None, given['-Protocol'], frozenset(ports),
                      title.group(1)))
    return rules


def refuses(line):
    try:
        read_command(line)
    except ValueError:
        return True
    return False


def check_reader():
    """The parser must refuse what PowerShell would take for more than text."""
    bad = ["New-NetFirewallRule -DisplayName 'a'b'", 'x -DisplayName "a"', "x -DisplayName 'a' ; y", 'x $(y)', "x 'a\u2019; y'",
           'x `y', 'x @(1)', 'x | y', "x 'a", 'x {y}', 'x &y', "x  -A b", 'x -A b>c']
    return [f'the parser takes: {line}' for line in bad if not refuses(line)] + \
        ([] if read_command("x -A 'it''s' 10.0.0.0/8,fd00::1") == ['x', '-A', "it's", '10.0.0.0/8,fd00::1'] else
         ['the parser misreads a good line'])


# Both ---------------------------------------------------------------------------------------------

def differences(expected, found):
    expected, found = list(map(repr, expected)), list(map(repr, found))
    return ([f'missing: {r}' for r in expected if r not in found][:3] +
            [f'not expected: {r}' for r in found if r not in expected][:3] +
            ([] if len(expected) == len(found) else [f'{len(found)} rules, {len(expected)} needed']))


def check(kind, rolecall, policy, command):
    text = listed(rolecall, policy, kind)
    flows = needed(rolecall, policy)
    try:
        if kind == 'nftables':
            expected, found = expected_nft(flows), read_nft(text)
            return len(found), differences(expected, found) + check_nft(text, command)
        expected, found = expected_windows(flows), read_windows(text)
        expected = [r for r in expected if r[0] is not None]
        return len(found), differences(expected, found)
    except ValueError as error:
        return 0, [str(error)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('kind', choices=['nftables', 'windows'])
    parser.add_argument('--rolecall', required=True)
    parser.add_argument('folders', nargs='+')
    args = parser.parse_args()
    command = nft_command() if args.kind == 'nftables' else None
    if args.kind == 'nftables' and command is None:
        return SKIPPED
    wrong = check_reader() if args.kind == 'windows' else \
        ([] if check_nft('table inet t { chain c { tcp dport { x- } accept } }\n', command) else ['nft takes anything'])
    rules = 0
    with tempfile.TemporaryDirectory(prefix='rolecall-firewall-') as folder:
        hostile = pathlib.Path(folder) / 'hostile.yaml'
        hostile.write_text(HOSTILE, encoding='utf-8')
        policies = [hostile] + sorted(p for f in args.folders for p in pathlib.Path(f).rglob('*.yaml'))
        for policy in policies:
            count, faults = check(args.kind, args.rolecall, policy, command)
            rules += count
            wrong += [f'{policy}: {fault}' for fault in faults]
    wrong += [] if rules else ['no rules at all']
    for line in wrong:
        print(line)
    print(f'{len(policies)} policies, {rules} rules, {len(wrong)} faults')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
