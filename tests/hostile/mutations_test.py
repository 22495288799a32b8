#!/usr/bin/env python3
"""mutations_test.py - captures cut and with octets flipped: no crash, no report of a sanitizer, no run that takes long.

usage: mutations_test.py --program MUTATIONS --policy FILE [--whole] [--part I/N] FOLDER...

Runs mutations.c over the captures of the folders that are there, with nDPI in one of 40 cuts. Without --whole it
takes a sample, for a few seconds. With --part only every N-th capture, from the I-th on. The last line says what it ran.
"""
import argparse, os, subprocess, sys, tempfile, time

SKIPPED = 77
SAMPLE = (40, 60000)    # captures, octets of each at most
SAMPLE_RUNS = [['--seeds', '1'], ['--ndpi', '--every', '20', '--seeds', '0']]
WHOLE_RUNS = [['--seeds', '20'], ['--ndpi', '--every', '40', '--seeds', '1']]


def captures(folders):
    found = []
    for folder in folders:
        for path, inner, names in os.walk(folder):
            inner.sort()
            found += [os.path.join(path, n) for n in sorted(names) if n.endswith(('.pcap', '.pcapng', '.cap'))]
    return found


def sample(paths):
    count, most = SAMPLE
    small = [p for p in paths if os.path.getsize(p) <= most]
    return small[::max(1, len(small) // count)][:count]


def run(o, words, paths, note):
    """The problems of one run of the program."""
    begin = time.monotonic()
    done = subprocess.run([o.program, '--note', note, *words, o.policy, *paths], stdin=subprocess.DEVNULL, capture_output=True)
    said = done.stdout.decode(errors='replace')
    print('%s: %s (%.0f s)' % (' '.join(words), said.strip().splitlines()[-1] if said.strip() else 'nothing', time.monotonic() - begin))
    if done.returncode == 0 and not done.stderr:
        return []
    if done.returncode == 1 and not done.stderr:
        return said.strip().splitlines()[:-1]
    with open(note, encoding='utf8', errors='replace') as f:
        where = f.read().strip()
    return ['exit status %d at: %s\n%s' % (done.returncode, where, done.stderr.decode(errors='replace')[:6000])]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--program', required=True)
    ap.add_argument('--policy', required=True)
    ap.add_argument('--whole', action='store_true')
    ap.add_argument('--part', default='1/1')
    ap.add_argument('folder', nargs='+')
    o = ap.parse_args()
    part, parts = map(int, o.part.split('/'))
    paths = captures(f for f in o.folder if os.path.isdir(f))
    if not paths:
        print('Skipped: no captures in %s' % ', '.join(o.folder))
        return SKIPPED
    paths = (paths if o.whole else sample(paths))[part - 1::parts]
    problems = []
    with tempfile.NamedTemporaryFile(prefix='rolecall-mutations-') as note:
        for words in WHOLE_RUNS if o.whole else SAMPLE_RUNS:
            problems += run(o, words, paths, note.name)
    for p in problems:
        print('FAILED', p)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
