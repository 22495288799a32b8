#!/usr/bin/env python3
"""The report as PDF: pdf.py ROLECALL RENDER. Made twice it is the same, has what it should, and says when it cannot be made."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
rolecall, render = (str(Path(a).resolve()) for a in sys.argv[1:3])
failed = 0


def check(what, truth, why=''):
    global failed
    failed += not truth
    print(f'{"ok     " if truth else "FAILED "} {what}{"" if truth or not why else ": " + why}')


def main():
    sample = subprocess.run([sys.executable, ROOT / 'tests/reports/sample_document.py', '--history', '3'], capture_output=True, check=True).stdout.decode()
    records = [json.loads(line) for line in sample.splitlines()]
    for record in records:
        record.pop('generated', None)  # as --reproducible leaves it out
    document = '\n'.join(json.dumps(r) for r in records).encode()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, 'TMPDIR': folder}
        made = [subprocess.run([render, 'pdf'], input=document, capture_output=True, env=environment) for _ in range(2)]
        check('is made', all(m.returncode == 0 and m.stdout.startswith(b'%PDF-') for m in made), made[0].stderr.decode())
        check('is the same each time', made[0].stdout == made[1].stdout)
        check('leaves nothing in the temporary folder', os.listdir(folder) == [], str(os.listdir(folder)))
        if shutil.which('pdftotext'):
            paper = Path(folder, 'report.pdf')
            paper.write_bytes(made[0].stdout)
            text = ' '.join(subprocess.run(['pdftotext', '-layout', paper, '-'], capture_output=True, check=True).stdout.decode().split())
            titles = {r['title'] for r in records if r['type'] == 'finding'}
            check('has every broken rule', all(t in text for t in titles), str([t for t in titles if t not in text]))
            check('has every statement', all(r['id'] in text for r in records if r['type'] == 'statement'))
    words = [rolecall, 'audit', '-p', 'pcaps/demo/policy.yaml', '-r', 'pcaps/demo/breaches.pcap', '--format', 'pdf', '-o', '/dev/null']
    without = subprocess.run(words, capture_output=True, cwd=ROOT, env={**os.environ, 'PATH': '/nowhere'})
    says = without.stderr.decode()
    check('says that there is no browser, before any work', without.returncode == 2 and says.count('\n') == 1 and 'chromium' in says, f'{without.returncode} {says}')
    with tempfile.TemporaryDirectory() as folder:
        fake = Path(folder, 'chromium')
        fake.write_text('#!/bin/sh\nexit 1\n')
        fake.chmod(0o755)
        broken = subprocess.run(words, capture_output=True, cwd=ROOT, env={**os.environ, 'PATH': f'{folder}:/usr/bin:/bin'})
        says = broken.stderr.decode()
        check('says that the browser failed', broken.returncode == 2 and says.count('\n') == 1 and 'did not make the PDF' in says, f'{broken.returncode} {says}')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
