#!/usr/bin/env python3
"""coverage.py - how many lines of a folder the tests run, from the profiles of a clang build.

usage: coverage.py --build FOLDER --profiles FOLDER [--min PERCENT] FOLDER-OF-SOURCES

The build has -fprofile-instr-generate and -fcoverage-mapping, and its tests were run with LLVM_PROFILE_FILE naming the
folder of profiles (`./dev coverage` does all this). Prints a line a file, the least covered first; exit status 1 when
the folder as a whole is below PERCENT.
"""
import argparse, json, os, shutil, subprocess, sys


def tool(name):
    """Debian's llvm-cov, with or without its version in the name."""
    found = shutil.which(name) or shutil.which(name + '-14')
    if found is None:
        raise SystemExit('coverage: no %s here; it comes with the package llvm' % name)
    return found


def programs(build):
    """Everything executable that the tests ran."""
    for path, inner, names in os.walk(build):
        inner[:] = sorted(n for n in inner if not n.startswith('meson-'))
        for name in sorted(names):
            whole = os.path.join(path, name)
            if name.startswith(('test_', 'replay_', 'rolecall', 'mutations')) and os.access(whole, os.X_OK) and '.' not in name:
                yield whole


def coverage_of(build, profiles, folder):
    """{file: (lines, lines run)}"""
    merged = os.path.join(profiles, 'all.profdata')
    raw = [os.path.join(profiles, n) for n in sorted(os.listdir(profiles)) if n.endswith('.profraw')]
    subprocess.run([tool('llvm-profdata'), 'merge', '-sparse', '-o', merged, *raw], check=True)
    objects = [word for program in programs(build) for word in ('-object', program)]
    done = subprocess.run([tool('llvm-cov'), 'export', '-summary-only', '-instr-profile', merged, *objects[1:]],
                          stdout=subprocess.PIPE, check=True)
    files = json.loads(done.stdout)['data'][0]['files']
    found = {}
    for f in files:
        path, lines = os.path.normpath(os.path.join(os.path.abspath(build), f['filename'])), f['summary']['lines']
        if path.startswith(folder + '/') and lines['count'] > 0:
            found[os.path.relpath(path, os.path.dirname(folder))] = (lines['count'], lines['covered'])
    return found


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--build', required=True)
    ap.add_argument('--profiles', required=True)
    ap.add_argument('--min', type=float, default=0)
    ap.add_argument('folder')
    o = ap.parse_args()
    found = coverage_of(o.build, o.profiles, os.path.abspath(o.folder))
    percent = lambda lines, run: 100.0 * run / max(lines, 1)
    for name, (lines, run) in sorted(found.items(), key=lambda item: (percent(*item[1]), item[0])):
        print('%-34s %6d lines %6d run %7.2f %%' % (name, lines, run, percent(lines, run)))
    lines, run = (sum(row[i] for row in found.values()) for i in range(2))
    print('%-34s %6d lines %6d run %7.2f %%' % (os.path.basename(os.path.abspath(o.folder)) + '/', lines, run, percent(lines, run)))
    return 1 if percent(lines, run) < o.min else 0


if __name__ == '__main__':
    sys.exit(main())
