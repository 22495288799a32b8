#!/usr/bin/env python3
"""confusion.py - who takes what for what: rolecall and nDPI alone, on the same captures, against the truth.

usage: confusion.py --rolecall PROGRAM --corpus FOLDER [--ndpi PROGRAM] [CAPTURE...]

FOLDER has agree.py and dev/. PROGRAM is ndpiReader (Debian's libndpi-bin), run as it comes: with its guesses by port,
which nDPI's own answer includes. A flow of the truth is right where the protocol that the truth names is said on its
ends, unknown where nothing is said there, and else wrong. Says why and ends where something that it needs is missing.
"""
import argparse, collections, concurrent.futures, csv, json, os, shutil, subprocess, sys, tempfile

sys.dont_write_bytecode = True
from agree_test import load_agree

# nDPI's names of what records.md calls otherwise; NetBIOS is its one name for names, datagrams and sessions.
NDPI = {'smbv1': 'smb', 'smbv23': 'smb', 'dce_rpc': 'dcerpc', 'rpc': 'dcerpc', 'mssql-tds': 'tds', 'netbios': 'nbns', 'http2': 'http',
        'http_proxy': 'http', 'http_connect': 'http'}
TRANSPORTS = {'6': 'tcp', '17': 'udp'}
NOTHING = {'unknown', None, ''}


def truth_of(agree, path):
    """(ends, protocol) of every stream that the truth names."""
    with open(path, encoding='utf8') as f:
        for line in f:
            d = json.loads(line)
            if d['rec'] != 'stream' or d.get('app') not in agree.PROTO:
                continue
            try:
                yield agree.ends_of(d['l4'], d['client'], d['server']), agree.PROTO[d['app']]
            except ValueError:
                pass


def rolecall_says(agree, program, path):
    said = collections.defaultdict(set)
    done = subprocess.run([program, 'events', '-q', '--type', 'flow', '-r', path], stdin=subprocess.DEVNULL, capture_output=True)
    for line in done.stdout.decode('utf8').splitlines():
        d = json.loads(line)
        if d['type'] == 'flow' and d['transport'] in ('tcp', 'udp'):
            ends = agree.ends_of(d['transport'], *((d[side]['ip'], d[side]['port']) for side in ('client', 'server')))
            said[ends].add(d.get('protocol'))
    return said


def mended(address):
    """ndpiReader writes the first ":0:" of an address as "::", also where there is a "::" already."""
    return address.replace('::', ':0:', 1) if address.count('::') == 2 else address


def ndpi_says(agree, program, path):
    said = collections.defaultdict(set)
    with tempfile.NamedTemporaryFile(prefix='rolecall-ndpi-') as table:
        subprocess.run([program, '-q', '-i', path, '-C', table.name], stdin=subprocess.DEVNULL, capture_output=True)
        with open(table.name, encoding='utf8', errors='replace', newline='') as f:
            for row in csv.reader(f, quoting=csv.QUOTE_NONE):
                if len(row) < 11 or row[1] not in TRANSPORTS:
                    continue
                ends = agree.ends_of(TRANSPORTS[row[1]], (mended(row[5]), row[6]), (mended(row[7]), row[8]))
                said[ends] |= {NDPI.get(name, name) for name in row[10].lower().split('.')}
    return said


def verdict(said, protocol):
    """(right, wrong or unknown; the words for it)."""
    words = {w for w in said if w not in NOTHING}
    if protocol in words:
        return 'right', protocol
    return ('wrong', '+'.join(sorted(words))) if words else ('unknown', '')


def judge(agree, o, name):
    path = os.path.join(o.corpus, 'dev', 'pcap', name)
    both = rolecall_says(agree, o.rolecall, path), ndpi_says(agree, o.ndpi, path)
    for ends, protocol in truth_of(agree, os.path.join(o.corpus, 'dev', 'truth', name + '.jsonl')):
        yield protocol, [verdict(said.get(ends, ()), protocol) for said in both]


def print_table(counts):
    print('%-12s %7s | %8s %7s %8s | %8s %7s %8s' % ('', '', 'rolecall', '', '', 'nDPI', '', ''))
    print('%-12s %7s | %8s %7s %8s | %8s %7s %8s' % (('protocol', 'flows') + ('right', 'wrong', 'unknown') * 2))
    total = [collections.Counter(), collections.Counter()]
    for protocol in sorted(counts, key=lambda p: (-sum(counts[p][0].values()), p)):
        cells = []
        for side in range(2):
            total[side].update(counts[protocol][side])
            cells += [counts[protocol][side][k] for k in ('right', 'wrong', 'unknown')]
        print('%-12s %7d | %8d %7d %8d | %8d %7d %8d' % ((protocol, sum(counts[protocol][0].values())) + tuple(cells)))
    cells = [total[side][k] for side in range(2) for k in ('right', 'wrong', 'unknown')]
    print('%-12s %7d | %8d %7d %8d | %8d %7d %8d' % (('all', sum(total[0].values())) + tuple(cells)))


def print_confusions(who, confusions):
    print('\n%s takes' % who)
    for (protocol, words), n in sorted(confusions.items(), key=lambda item: (-item[1], item[0])):
        print('  %-12s for %-28s %5d times' % (protocol, words, n))
    if not confusions:
        print('  nothing for anything else')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--rolecall', required=True)
    ap.add_argument('--corpus', required=True)
    ap.add_argument('--ndpi', default='ndpiReader')
    ap.add_argument('capture', nargs='*')
    o = ap.parse_args()
    if shutil.which(o.ndpi) is None:
        print('Skipped: no %s here; it comes with the package libndpi-bin' % o.ndpi)
        return 0
    if not os.path.exists(os.path.join(o.corpus, 'agree.py')):
        print('Skipped: no corpus at %s' % o.corpus)
        return 0
    agree = load_agree(o.corpus)
    names = o.capture or sorted(n[:-6] for n in os.listdir(os.path.join(o.corpus, 'dev', 'truth')) if n.endswith('.jsonl'))
    counts = collections.defaultdict(lambda: [collections.Counter(), collections.Counter()])
    confusions = [collections.Counter(), collections.Counter()]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for rows in pool.map(lambda n: list(judge(agree, o, n)), names):
            for protocol, verdicts in rows:
                for side, (kind, words) in enumerate(verdicts):
                    counts[protocol][side][kind] += 1
                    if kind == 'wrong':
                        confusions[side][protocol, words] += 1
    print_table(counts)
    for who, of in zip(('rolecall', 'nDPI'), confusions):
        print_confusions(who, of)
    return 0


if __name__ == '__main__':
    sys.exit(main())
