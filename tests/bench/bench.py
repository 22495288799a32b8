#!/usr/bin/env python3
"""bench.py - what an audit costs beside a bare libpcap loop, tcpdump, ndpiReader and tshark.

Makes one mixed capture (generate.c), runs everything on it, prints one table. The status is 1 when
a run of rolecall was wrong (its exit status, its packet, flow or record counts), 2 when nothing
could be measured; being slow never fails.

CPU seconds are user + system of the child, median of the runs; ratios are to the bare loop.
"""
import argparse
import collections
import ctypes
import hashlib
import json
import os
import re
import shutil
import statistics
import struct
import subprocess
import sys
import time

import large_policy

CUT_BYTES = 100_000_000
COUNTED_BYTES = 30_000_000  # cachegrind is some fifty times slower
FULL = {'seed': 1, 'bytes': 1_000_000_000, 'flows': 150_000}
QUICK = {'seed': 1, 'bytes': 100_000_000, 'flows': 15_000}
TSHARK_FIELDS = ['frame.number', 'ip.src', 'ip.dst', 'tcp.stream', 'http.request.uri',
                 'tls.handshake.extensions_server_name', 'http.response.code', 'smb2.cmd',
                 'smb2.nt_status', 'kerberos.realm', 'ldap.baseObject', 'dns.qry.name',
                 'ntlmssp.auth.username']

Run = collections.namedtuple('Run', 'status cpu wall rss_kib error')
Row = collections.namedtuple('Row', 'name runs packets note')


def measure(argv, work, out_path=os.devnull):
    """One child, its standard output in out_path.

    Linux carries the peak memory of the forking process over exec, so a child forked here would
    seem as large as this interpreter. A small shell forks it instead and exits; as its subreaper
    we inherit the child, and wait4 tells what the child alone used. It starts when the shell is
    gone, which might otherwise reap it.
    """
    error_path = os.path.join(work, 'bench-stderr.txt')
    script = ('out=$1 err=$2; shift 2; exec 3<&0; '
              '(read go <&3 && exec "$@" </dev/null 3<&-) >"$out" 2>"$err" & echo $!')
    start_end, go_end = os.pipe()
    pid = int(subprocess.run(['sh', '-c', script, 'sh', out_path, error_path] + argv, check=True,
                             stdin=start_end, stdout=subprocess.PIPE).stdout)
    start = time.monotonic()
    os.write(go_end, b'\n')
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    os.close(start_end)
    os.close(go_end)
    with open(error_path, 'rb') as f:
        error = f.read(400).decode('utf-8', 'replace').strip()
    os.unlink(error_path)
    return Run(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, wall,
               usage.ru_maxrss, error)


def become_subreaper():
    pr_set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'prctl(PR_SET_CHILD_SUBREAPER)')


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest()


# The capture ------------------------------------------------------------------------------------

def make_capture(generate, work, parameters):
    """The capture's path and what the generator says of it; reused while nothing changed."""
    path = os.path.join(work, 'bench-%(bytes)d-%(flows)d-%(seed)d.pcap' % parameters)
    key = dict(parameters, generator=digest(generate))
    try:
        with open(path + '.json') as f:
            known = json.load(f)
        if known['key'] == key and os.path.getsize(path) == known['truth']['bytes']:
            return path, known['truth']
    except (OSError, ValueError, KeyError):
        pass
    argv = [generate] + ['--%s=%d' % item for item in parameters.items()] + [path]
    start = time.monotonic()
    made = subprocess.run(argv, stdout=subprocess.PIPE)
    if made.returncode != 0:
        sys.exit(fail('the generator failed (status %d)' % made.returncode))
    truth = json.loads(made.stdout)
    with open(path + '.json', 'w') as f:
        json.dump({'key': key, 'truth': truth}, f)
    print('generated %s in %.1f s' % (os.path.basename(path), time.monotonic() - start))
    return path, truth


def make_cut(path, truth, size, suffix='-cut.pcap'):
    """The first `size` octets up to a packet's end, and the packets and flows in them."""
    if truth['bytes'] <= size * 1.1:
        return path, {key: truth[key] for key in ('packets', 'bytes', 'flows')}
    cut = path[:-len('.pcap')] + suffix
    packets, flows = 0, set()
    with open(path, 'rb') as source, open(cut, 'wb') as out:
        out.write(source.read(24))
        while True:
            header = source.read(16)
            frame = source.read(struct.unpack_from('<I', header, 8)[0])
            if out.tell() + len(header) + len(frame) > size:
                break
            # Ethernet and IPv4 without options, as generate.c writes them: no tuple comes twice.
            ends = sorted([frame[26:30] + frame[34:36], frame[30:34] + frame[36:38]])
            flows.add((frame[23], ends[0], ends[1]))
            packets += 1
            out.write(header + frame)
        written = out.tell()
    return cut, {'packets': packets, 'bytes': written, 'flows': len(flows)}


# Was the run right? ------------------------------------------------------------------------------

def check_status(run):
    if run.status not in (0, 1):
        return ['exit status %d: %s' % (run.status, run.error or 'nothing on stderr')]
    return []


def check_audit(path, truth):
    """The text report: what an audit costs whose records nobody asks for."""
    with open(path, encoding='utf8') as f:
        line = re.search(r'^Traffic +([0-9,]+) packets?, [^,]+, ([0-9,]+) conversations?$', f.read(), re.M)
    if line is None:
        return ['the report does not say how much traffic there was']
    found = {key: int(text.replace(',', '')) for key, text in zip(('packets', 'flows'), line.groups())}
    return ['%s %s, generated %d' % (found[key], key, truth[key])
            for key in found if found[key] != truth[key]]


# The dissector that writes each kind of record; a protocol that is only recognised as yet writes none.
WRITTEN_BY = {'tls': 'tls', 'http': 'http', 'smb': 'smb', 'ntlm': 'smb', 'kerberos': 'kerberos', 'ldap': 'ldap',
              'sql': 'tds', 'dns': 'dns'}


def dissected():
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'dissect', 'protocols.def')
    with open(source) as f:
        return set(re.findall(r'^PROTOCOL\((\w+)\)', f.read(), re.M))


def check_events(path, truth):
    kinds = collections.Counter()
    pattern = re.compile(rb'"type":\s*"([a-z_]+)"')
    with open(path, 'rb') as f:
        for line in f:
            match = pattern.search(line)
            kinds[match.group(1).decode() if match else 'no type'] += 1
    wrong = []
    if kinds['flow'] != truth['flows']:
        wrong.append('%d flow records, generated %d flows' % (kinds['flow'], truth['flows']))
    read = dissected()
    for kind, least in truth['records'].items():
        if WRITTEN_BY[kind] in read and kinds[kind] < least:
            wrong.append('%d %s records, expected at least %d' % (kinds[kind], kind, least))
    return wrong


class Checked:
    """Runs of rolecall, held to the truth; equal commands must write equal octets."""

    def __init__(self, work):
        self.work = work
        self.out = os.path.join(work, 'bench-rolecall.out')
        self.digests = {}
        self.wrong = []

    def row(self, name, argv, truth, check, runs, same_as):
        measured, wrong = [], []
        for _ in range(runs):
            run = measure(argv, self.work, self.out)
            measured.append(run)
            wrong = check_status(run) or check(self.out, truth)
            if not wrong and self.digests.setdefault(same_as, digest(self.out)) != digest(self.out):
                wrong = ['output differs from another run of the same command']
            if wrong:
                break
        self.wrong += ['%s: %s' % (name, what) for what in wrong]
        return Row(name, measured, truth['packets'], 'WRONG' if wrong else '')

    def clean(self):
        if os.path.exists(self.out):
            os.unlink(self.out)


# The table ----------------------------------------------------------------------------------------

def peer(name, argv, truth, work, runs):
    if not shutil.which(argv[0]):
        return Row(name, [], truth['packets'], 'not installed')
    measured = []
    for _ in range(runs):
        run = measure(argv, work)
        measured.append(run)
        if run.status != 0:
            return Row(name, measured, truth['packets'], 'FAILED, status %d' % run.status)
    return Row(name, measured, truth['packets'], '')


def cpu(row):
    """Median CPU seconds; None where there is no valid run."""
    if not row.runs or row.note:
        return None
    return max(statistics.median(run.cpu for run in row.runs), 1e-3)


def print_rows(title, rows):
    print('\n%-34s %5s %8s %8s %12s %9s %8s' % (
        title, 'runs', 'CPU s', 'ratio', 'pkts/CPU s', 'peak MiB', 'wall s'))
    base = cpu(rows[0])
    for row in rows:
        if not row.runs:
            print('%-34s %s' % (row.name, row.note))
            continue
        seconds = max(statistics.median(run.cpu for run in row.runs), 1e-3)
        peak = '%.0f' % (max(run.rss_kib for run in row.runs) / 1024)
        ratio = '%.2f' % (seconds / base) if base else '-'
        print('%-34s %5d %8.2f %8s %12s %9s %8.2f  %s' % (
            row.name, len(row.runs), seconds, ratio, format(int(row.packets / seconds), ','), peak,
            statistics.median(run.wall for run in row.runs), row.note))


def print_target(text, ours, theirs, limit, at_most):
    if ours is None or theirs is None:
        print('  %-66s not measured' % text)
        return
    value = ours / theirs if at_most else theirs / ours
    met = value <= limit if at_most else value >= limit
    print('  %-66s %6.1fx  %s' % (text, value, 'met' if met else 'MISSED'))


# A large policy ------------------------------------------------------------------------------------

LARGE_RUNS = 7
LOAD_SECONDS = 1.0
SLOWER_PERCENT = 5.0


def instructions(argv, work):
    """What cachegrind counts of one run, in millions; None where there is no valgrind."""
    if not shutil.which('valgrind'):
        return None
    tool = ['valgrind', '--tool=cachegrind', '--cache-sim=no', '--cachegrind-out-file=/dev/null']
    error = os.path.join(work, 'bench-stderr.txt')
    with open(error, 'w') as out:
        subprocess.run(tool + argv, stdout=subprocess.DEVNULL, stderr=out)
    with open(error) as f:
        match = re.search(r'I\s+refs:\s+([\d,]+)', f.read())
    os.unlink(error)
    return int(match.group(1).replace(',', '')) / 1e6 if match else None


def findings_in(path):
    """The findings of a report by their identifiers."""
    with open(path, encoding='utf8') as f:
        return tuple(re.findall(r'\bid ([0-9a-f]{16});', f.read()))


class PolicyRuns:
    """One policy: it checked alone, audits of a capture with nothing in it, and of the whole and the cut one."""

    def __init__(self, name, path):
        self.name, self.path = name, path
        self.load, self.empty, self.whole, self.counted, self.findings = [], [], [], [], set()

    def median(self, runs, what='cpu'):
        return statistics.median(getattr(run, what) for run in runs)

    def traffic(self):
        """CPU seconds of the packets alone: loading, and verdicts of hosts never seen, are in both. Of the
        fastest runs, since whatever else the machine does only adds."""
        return max(min(run.cpu for run in self.whole) - min(run.cpu for run in self.empty), 1e-3)


def large_policy_table(args, captures, truth):
    """The same audits with policy.yaml and with thousands of hosts around it, in turn; what is wrong."""
    empty, cut, whole = captures
    out = os.path.join(args.work, 'bench-rolecall.out')
    large = os.path.join(args.work, 'bench-large-policy.yaml')
    with open(args.policy) as source, open(large, 'w') as grown:
        grown.write(large_policy.grow(source.read()))
    both = [PolicyRuns('20 hosts, 1 network', args.policy),
            PolicyRuns('%d hosts, %d networks' % (large_policy.HOSTS, large_policy.NETWORKS), large)]
    wrong = []
    for _ in range(LARGE_RUNS):
        for p in both:
            argv = [args.rolecall, 'audit', '-p', p.path, '--workers', '1', '-r']
            p.load.append(measure([args.rolecall, 'check', '-p', p.path], args.work))
            p.empty.append(measure(argv + [empty], args.work))
            p.whole.append(measure(argv + [whole], args.work, out))
            wrong += ['%s: %s' % (p.name, what) for what in check_status(p.whole[-1]) or check_audit(out, truth)]
            p.findings.add(findings_in(out))
    for p in both:
        argv = [args.rolecall, 'audit', '-p', p.path, '--workers', '1', '-r']
        p.counted = [instructions(argv + [path], args.work) for path in (empty, cut)]
    os.unlink(large)
    os.unlink(out)
    if both[0].findings != both[1].findings or len(both[0].findings) != 1 or () in both[0].findings:
        wrong.append('the larger policy gives other findings')
    print_policies(both, truth)
    return wrong


def print_policies(both, truth):
    print('\n%-26s %5s %9s %9s %9s %11s %12s %14s %9s' % ('policy (in turn, medians)', 'runs', 'load s', 'empty s', 'whole s',
                                                      'packets s', 'pkts/CPU s', 'M instructions', 'peak MiB'))
    for p in both:
        counted = p.counted[1] - p.counted[0] if None not in p.counted else None
        print('%-26s %5d %9.2f %9.2f %9.2f %11.2f %12s %14s %9.0f' % (
            p.name, len(p.whole), p.median(p.load), p.median(p.empty), p.median(p.whole), p.traffic(),
            format(int(truth['packets'] / p.traffic()), ','), '-' if counted is None else '%.1f' % counted,
            max(run.rss_kib for run in p.whole) / 1024))
    small, large = both
    print('  load: the policy checked alone; empty: a capture without packets, so loading, verdicts and the report alone; packets: '
          'whole less empty, of the fastest; instructions: of the first %s octets, less those of the empty one' % format(COUNTED_BYTES, ','))
    load, slower = large.median(large.load, 'wall'), (large.traffic() / small.traffic() - 1) * 100
    print('\ntargets (large policy)')
    print('  %-66s %6.2f s  %s' % ('loaded in under a second', load,
                                 'met' if load < LOAD_SECONDS else 'MISSED'))
    print('  %-66s %+6.1f %%  %s' % ('packets audited at most 5 % slower', slower,
                                   'met' if slower < SLOWER_PERCENT else 'MISSED'))
    if None not in small.counted + large.counted:
        more = ((large.counted[1] - large.counted[0]) / (small.counted[1] - small.counted[0]) - 1) * 100
        print('  %-66s %+6.1f %%  %s' % ('the same by instructions', more, 'met' if more < SLOWER_PERCENT else 'MISSED'))


def empty_capture(work):
    path = os.path.join(work, 'bench-empty.pcap')
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    return path


def machine():
    model = 'unknown CPU'
    with open('/proc/cpuinfo') as f:
        for line in f:
            if line.startswith('model name'):
                model = line.split(':', 1)[1].strip()
                break
    return '%s, %d cores, load %.2f' % (model, len(os.sched_getaffinity(0)), os.getloadavg()[0])


def fail(text):
    print('bench: ' + text, file=sys.stderr)
    return 2


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument('build', nargs='?', default='build',
                        help='build directory (default: build)')
    parser.add_argument('--rolecall', help='default: BUILD/rolecall')
    parser.add_argument('--generate', help='default: BUILD/tests/bench/generate')
    parser.add_argument('--loop', help='default: BUILD/tests/bench/libpcap_loop')
    parser.add_argument('--policy', default=os.path.join(here, 'policy.yaml'))
    parser.add_argument('--work', help='where captures are kept (default: BUILD/tests/bench)')
    parser.add_argument('--runs', type=int, default=3, help='runs of the quick ones (default: 3)')
    parser.add_argument('--quick', action='store_true', help='100 MB instead of 1 GB')
    parser.add_argument('--only-policies', action='store_true', help='only the table of a large policy')
    args = parser.parse_args()
    bench = os.path.join(args.build, 'tests', 'bench')
    args.rolecall = args.rolecall or os.path.join(args.build, 'rolecall')
    args.generate = args.generate or os.path.join(bench, 'generate')
    args.loop = args.loop or os.path.join(bench, 'libpcap_loop')
    args.work = args.work or bench
    return args


def warm(path):
    """Into the page cache, so that the first reader does not pay for the disk."""
    with open(path, 'rb', buffering=0) as f:
        while f.read(1 << 22):
            pass


def finish(args, checked, path, truth):
    """The table of policies, and what went wrong in all runs."""
    counted, _ = make_cut(path, truth, COUNTED_BYTES, '-counted.pcap')
    checked.wrong += large_policy_table(args, (empty_capture(args.work), counted, path), truth)
    for what in checked.wrong:
        print('WRONG: ' + what)
    return 1 if checked.wrong else 0


def main():
    args = arguments()
    for tool in (args.rolecall, args.generate, args.loop):
        if not os.access(tool, os.X_OK):
            return fail('%s is not there; build first' % tool)
    os.makedirs(args.work, exist_ok=True)
    become_subreaper()
    print(machine())
    path, truth = make_capture(args.generate, args.work, QUICK if args.quick else FULL)
    cut, cut_truth = make_cut(path, truth, CUT_BYTES)
    print('capture: {bytes:,} octets, {packets:,} packets, {flows:,} flows '
          '(at most {most_flows_at_once} at once)'.format(**truth))
    warm(path)

    checked, workers = Checked(args.work), len(os.sched_getaffinity(0))
    if args.only_policies:
        return finish(args, checked, path, truth)

    def other(name, argv, expected, runs):
        return peer(name, argv, expected, args.work, runs)

    def audit(name, capture, expected, count, same_as):
        argv = [args.rolecall, 'audit', '-p', args.policy, '-r', capture,
                '--workers', str(count)]
        return checked.row(name, argv, expected, check_audit, args.runs, same_as)

    def events(name, count):
        argv = [args.rolecall, 'events', '-r', path, '--workers', str(count)]
        return checked.row(name, argv, truth, check_events, args.runs, 'events')

    loop = other('bare libpcap loop', [args.loop, path], truth, args.runs)
    one = audit('rolecall audit, 1 worker', path, truth, 1, 'audit')
    rows = [loop, one,
            audit('rolecall audit, %d workers' % workers, path, truth, workers, 'audit'),
            events('rolecall events, 1 worker', 1),
            events('rolecall events, %d workers' % workers, workers),
            other('tcpdump -w /dev/null', ['tcpdump', '-r', path, '-w', '/dev/null'], truth,
                  args.runs),
            other('ndpiReader -q', ['ndpiReader', '-q', '-i', path], truth, 1)]
    fields = [word for field in TSHARK_FIELDS for word in ('-e', field)]
    warm(cut)
    cut_rows = [other('bare libpcap loop', [args.loop, cut], cut_truth, args.runs),
                audit('rolecall audit, 1 worker', cut, cut_truth, 1, 'audit of the cut'),
                other('tshark -T fields', ['tshark', '-n', '-r', cut, '-T', 'fields'] + fields,
                      cut_truth, 1)]
    checked.clean()

    print_rows('whole capture', rows)
    print_rows('cut: %s octets' % format(cut_truth['bytes'], ','), cut_rows)
    print('\ntargets (CPU seconds)')
    print_target('audit, 1 worker: at most 3x the bare loop (aim 2x)', cpu(one), cpu(loop), 3, True)
    print_target('audit, 1 worker: at least 6x faster than ndpiReader', cpu(one), cpu(rows[-1]), 6,
                 False)
    print_target('audit, 1 worker, on the cut: at least 50x faster than tshark', cpu(cut_rows[1]),
                 cpu(cut_rows[2]), 50, False)
    status = finish(args, checked, path, truth)
    return fail('the bare loop did not run: ' + loop.note) if loop.note else status


if __name__ == '__main__':
    sys.exit(main())
