#!/usr/bin/env python3
"""ever_new.py - memory of the rules when every flow has a host of its own.

usage: ever_new.py --rolecall PROGRAM --generate PROGRAM --policy FILE [--flows N] [--memory SIZE]

generate --ever-new writes flows that many rules remember something of (NTLM, Kerberos, DNS, LDAP, TDS, HTTP, SMB), half of
the hosts in a declared client network, half unknown, into a pipe; `rolecall audit -r -` reads it. The status is 1 when a
packet or flow is missing, when memory passes the declared limits (--memory, those of the audit, of learned names and of
what a report gathers, and what the program takes by itself), when it still grows in the second half of a run that is long
enough to have filled all tables, or when what was forgotten is not counted in the summary.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
PROGRAM = 48 * MIB  # code, libraries, buffers of the pipeline, tables of nDPI
STILL_GROWS = 16 * MIB
LONG_ENOUGH = 1_000_000  # flows
LIMITS = ['LIMIT_AUDIT_OCTETS', 'LIMIT_LEARNED_OCTETS', 'LIMIT_GATHERED_OCTETS']
CLIENTS = 'networks: [10.1.0.0/16]'
STRANGERS = 'networks: [10.1.0.0/16, 10.128.0.0/9]'


def limit(name):
    text = (pathlib.Path(__file__).parents[2] / 'capture' / 'limits.h').read_text()
    base, shift = re.search(r'^#define %s \((\d+)u << (\d+)\)$' % name, text, re.M).groups()
    return int(base) << int(shift)


def resident(pid):
    """Now and at most so far, in octets; None once the process is gone."""
    try:
        status = pathlib.Path('/proc/%d/status' % pid).read_text()
    except OSError:
        return None
    found = dict(re.findall(r'^(VmRSS|VmHWM):\s+(\d+) kB$', status, re.M))
    return (int(found['VmRSS']) * 1024, int(found['VmHWM']) * 1024) if len(found) == 2 else None


def size(text):
    return int(text[:-1]) << {'K': 10, 'M': 20, 'G': 30}[text[-1]]


def run(args, folder):
    policy, out = os.path.join(folder, 'policy.yaml'), os.path.join(folder, 'records.jsonl')
    text = pathlib.Path(args.policy).read_text()
    if CLIENTS not in text:
        raise SystemExit('the policy has no %s to widen' % CLIENTS)
    pathlib.Path(policy).write_text(text.replace(CLIENTS, STRANGERS))
    maker = subprocess.Popen([args.generate, '--ever-new', '--flows', str(args.flows), '-'], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    reader = subprocess.Popen([args.rolecall, 'audit', '-q', '-p', policy, '-r', '-', '--format', 'jsonl', '-o', out,
                               '--memory', args.memory], stdin=maker.stdout, stderr=subprocess.PIPE)
    maker.stdout.close()
    start, samples = time.monotonic(), []
    while reader.poll() is None:
        now = resident(reader.pid)
        samples += [now] if now else []
        time.sleep(0.05)
    wall = time.monotonic() - start
    truth = json.loads(maker.stderr.read() or b'{}')
    maker.wait()
    if maker.returncode != 0 or reader.returncode not in (0, 1):
        raise SystemExit('exit status %d of the generator, %d of rolecall: %s'
                         % (maker.returncode, reader.returncode, reader.stderr.read().decode()[:400]))
    with open(out, encoding='utf-8') as file:
        for line in file:
            last = line
    return truth, json.loads(last), samples, wall


def judge(args, truth, summary, samples):
    dropped, wrong = summary['dropped'], []
    for what, found, expected in (('packets', summary['input']['packets'], truth['packets']),
                                  ('flows', summary['flows'], truth['flows'])):
        wrong += [] if found == expected else ['%d %s, generated %d' % (found, what, expected)]
    declared = size(args.memory) + sum(map(limit, LIMITS)) + PROGRAM
    peak = max(most for _, most in samples)
    wrong += [] if peak <= declared else ['%d MiB, declared are %d' % (peak / MIB, declared / MIB)]
    grown = samples[-1][1] - samples[len(samples) // 2][1]
    wrong += [] if grown <= STILL_GROWS or args.flows < LONG_ENOUGH else ['%d MiB more in the second half' % (grown / MIB)]
    for what in ('findings', 'rule_state', 'learned_names'):
        wrong += [] if dropped.get(what) else ['nothing counted as dropped under %s' % what]
    print('peak memory %.0f MiB of %.0f declared, %.1f MiB of it in the second half; dropped: %s'
          % (peak / MIB, declared / MIB, grown / MIB, {k: v for k, v in dropped.items() if v}))
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rolecall', required=True)
    parser.add_argument('--generate', required=True)
    parser.add_argument('--policy', required=True)
    parser.add_argument('--flows', type=int, default=10_000_000)
    parser.add_argument('--memory', default='64M')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='rolecall-ever-new-') as folder:
        truth, summary, samples, wall = run(args, folder)
    print('%s flows, %s packets, %.1f GB through the pipe in %.1f s; findings: %s'
          % (format(truth['flows'], ','), format(truth['packets'], ','), truth['bytes'] / 1e9, wall, summary['findings']))
    wrong = judge(args, truth, summary, samples)
    for line in wrong:
        print('WRONG: ' + line)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
