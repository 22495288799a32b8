#!/usr/bin/env python3
"""rebuild.py - the captures that are built message by message: all of them anew, or whether they still are what is built.

usage: rebuild.py [--check]

`lab rebuild` does this and records the others.
"""
import glob, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PCAPS = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'pcaps')


def build(folder):
    """Every builder writes its captures into the folders below this one."""
    for script in sorted(glob.glob(os.path.join(HERE, 'made*.py'))):
        subprocess.run([sys.executable, '-B', script, folder], check=True)
    subprocess.run([sys.executable, '-B', os.path.join(HERE, 'make_names.py'), os.path.join(folder, 'names', 'lookups.pcap')],
                   check=True)


def captures_in(folder):
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names if '.pcap' in name)


def check():
    """What is wrong: a capture that differs from what is built, or that nothing makes."""
    wrong = []
    with tempfile.TemporaryDirectory() as work:
        for path in captures_in(PCAPS):
            os.makedirs(os.path.dirname(os.path.join(work, path)), exist_ok=True)
        build(work)
        built = captures_in(work)
        for path in built:
            with open(os.path.join(work, path), 'rb') as one, open(os.path.join(PCAPS, path), 'rb') as other:
                if one.read() != other.read():
                    wrong.append('%s is not what tests/lab builds' % path)
    for path in captures_in(PCAPS):
        # A recorded one has the commands of its recording beside it.
        if path not in built and not os.path.exists(os.path.join(PCAPS, path.split('.pcap')[0] + '.commands')):
            wrong.append('%s is made by nothing in tests/lab' % path)
    return len(built), wrong


def main():
    if sys.argv[1:] == ['--check']:
        built, wrong = check()
        print('\n'.join(wrong + ['%d built captures, %d faults' % (built, len(wrong))]))
        return 1 if wrong else 0
    build(PCAPS)
    return 0


if __name__ == '__main__':
    sys.exit(main())
