#!/usr/bin/env python3
"""formats_test.py - the same packets in every form of capture file give the same records, file names aside.

usage: formats_test.py --rolecall PROGRAM --pcaps FOLDER
"""
import argparse, json, os, re, subprocess, sys, tempfile

import captures

CASES = ['demo/breaches', 'smb/r060-multi-protocol', 'tls/r092-good']


def records(rolecall, inputs, stdin=None):
    done = subprocess.run([rolecall, 'events', '-q', '-r'] + inputs, input=stdin, capture_output=True)
    assert done.returncode == 0 and not done.stderr, (inputs, done.returncode, done.stderr[:500])
    return [json.loads(line) for line in done.stdout.decode('utf8').splitlines()]


def plain(value, before, file=None):
    """Without what may differ: names of files, trailing zeros of times. `before`: packets in front of each file's."""
    if isinstance(value, dict):
        file = value.get('file', file)
        out = {}
        for k, v in value.items():
            if k.endswith('packet'):
                out[k] = v + before.get(value.get(k + '_file', file), 0)
            elif k not in ('file', 'files') and not k.endswith('_packet_file') and k != 'packet_file':
                out[k] = plain(v, before, file)
        return out
    if isinstance(value, list):
        return [plain(v, before, file) for v in value]
    if isinstance(value, str) and re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,9}Z', value):
        return re.sub(r'0*Z$', '', value)
    return value


def split(folder, packets, half, link):
    """Two files; the folder holds nothing else."""
    os.mkdir(folder)
    return [captures.write(os.path.join(folder, name), captures.pcap(part, link))
            for name, part in (('a.pcap', packets[:half]), ('b.pcap', packets[half:]))]


def check(rolecall, path, folder):
    packets, link = captures.read_pcap(path)
    with open(path, 'rb') as f:
        octets = f.read()
    expected = records(rolecall, [path])
    assert len(expected) > 2, path
    files = {
        'big-endian.pcap': captures.pcap(packets, link, '>'),
        'nanoseconds.pcap': captures.pcap(packets, link, '<', True),
        'nanoseconds-big-endian.pcap': captures.pcap(packets, link, '>', True),
        'one.pcapng': captures.pcapng(packets, link),
        'big-endian.pcapng': captures.pcapng(packets, link, '>'),
        'three-interfaces.pcapng': captures.pcapng(packets, link, '<', 3),
        'gzip.pcap.gz': captures.compress(octets),
        'gzip-named-otherwise': captures.compress(captures.pcapng(packets, link)),
        'zstd.pcap.zst': captures.zstd(octets),
    }
    answers = {name: records(rolecall, [captures.write(os.path.join(folder, name), data)])
               for name, data in files.items()}
    answers['standard input'] = records(rolecall, ['-'], octets)
    answers['standard input, pcapng in zstd'] = records(rolecall, ['-'], captures.zstd(captures.pcapng(packets, link)))
    half = len(packets) // 2
    parts = split(os.path.join(folder, 'parts'), packets, half, link)
    answers['two files'] = records(rolecall, parts)
    answers['two files, the later one first'] = records(rolecall, parts[::-1])
    answers['a folder'] = records(rolecall, [os.path.join(folder, 'parts')])
    problems = 0
    for name, got in answers.items():
        a, b = plain(expected, {}), plain(got, {'b.pcap': half})
        if a != b:
            problems += 1
            first = next(((x, y) for x, y in zip(a, b) if x != y), (len(a), len(b)))
            print('%s as %s differs: %r\n    now %r' % (path, name, first[0], first[1]))
    print('%s: %d forms, %d differ' % (os.path.basename(path), len(answers), problems))
    return problems


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--rolecall', required=True)
    ap.add_argument('--pcaps', required=True)
    o = ap.parse_args()
    problems = 0
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix='rolecall-formats-') as folder:
            problems += check(os.path.abspath(o.rolecall), os.path.join(o.pcaps, case + '.pcap'), folder)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
