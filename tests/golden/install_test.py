#!/usr/bin/env python3
"""install_test.py - `meson install` gives the program, its manual, completions, sample policy and schema.

usage: install_test.py --build FOLDER --prefix PREFIX
"""
import argparse, os, subprocess, sys, tempfile

EXPECTED = ['bin/rolecall', 'share/man/man1/rolecall.1', 'share/bash-completion/completions/rolecall',
            'share/zsh/site-functions/_rolecall', 'share/rolecall/sample.yaml', 'share/rolecall/matrix.txt',
            'share/rolecall/records.schema.json', 'lib/systemd/system/rolecall@.service']


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--build', required=True)
    ap.add_argument('--prefix', required=True)
    o = ap.parse_args()
    with tempfile.TemporaryDirectory(prefix='rolecall-install-') as folder:
        done = subprocess.run(['meson', 'install', '-C', o.build, '--no-rebuild', '--quiet', '--destdir', folder],
                              capture_output=True, text=True)
        if done.returncode != 0:
            print(done.stdout, done.stderr)
            return 1
        top = folder + o.prefix
        there = {os.path.relpath(os.path.join(path, n), top) for path, _, names in os.walk(top) for n in names}
        problems = ['not installed: ' + x for x in EXPECTED if x not in there]
        problems += ['installed, but not expected: ' + x for x in sorted(there - set(EXPECTED))]
        version = subprocess.run([os.path.join(top, 'bin/rolecall'), '--version'], capture_output=True, text=True)
        sample = subprocess.run([os.path.join(top, 'bin/rolecall'), 'check', '--fail-on', 'critical',
                                 os.path.join(top, 'share/rolecall/sample.yaml')], capture_output=True, text=True)
        if version.returncode != 0 or 'rolecall' not in version.stdout:
            problems.append('rolecall --version: %d %r' % (version.returncode, version.stdout + version.stderr))
        if sample.returncode != 0:
            problems.append('rolecall check sample.yaml: %d %r' % (sample.returncode, sample.stdout + sample.stderr))
    for p in problems:
        print(p)
    print('%d files installed' % len(there))
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
