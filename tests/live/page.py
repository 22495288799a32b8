#!/usr/bin/env python3
"""page.py ROLECALL PCAPS NODE MODULES CHROMIUM FOLDER - the live page in a browser (page.mjs), while packets come.

In a network namespace of its own, as live.py. Exit status 77: this machine does not allow it.
"""
import os
import signal
import subprocess
import sys

import live
import web


class Rolecall:
    def __init__(self, program, pcaps):
        self.program, self.pcaps = program, pcaps
        self.begin()

    def begin(self):
        self.context = web.auditing(self.program, self.pcaps)
        self.audit = self.context.__enter__()

    def end(self):
        self.context.__exit__(None, None, None)

    def do(self, word):
        if word == 'send':
            live.send('in0', f'{self.pcaps}/demo/breaches.pcap')
        elif word == 'stop':
            os.kill(self.audit.worker, signal.SIGSTOP)
        elif word == 'continue':
            os.kill(self.audit.worker, signal.SIGCONT)
        elif word == 'restart':
            old = self.audit.worker
            os.kill(old, signal.SIGKILL)  # its supervisor starts another one
            live.wait_for(lambda: [w for w in live.children(self.audit.process.pid) if w != old])
            self.audit.worker, = live.children(self.audit.process.pid)
        elif word == 'end':
            self.end()
        else:
            raise ValueError(word)


def inside(rolecall, pcaps, node, modules, chromium, folder):
    live.sh('ip', 'link', 'set', 'lo', 'up')
    live.set_up()
    os.makedirs(folder, exist_ok=True)
    one = Rolecall(rolecall, pcaps)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page.mjs')
    with subprocess.Popen([node, script, modules, chromium, f'http://127.0.0.1:{web.PORT}/', folder], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as browser:
        for line in browser.stdout:
            if line.startswith('do '):
                one.do(line[3:].strip())
                browser.stdin.write('done\n')
                browser.stdin.flush()
            else:
                print(line, end='', flush=True)
    if one.audit.process.poll() is None:
        one.end()
    return browser.returncode


def main():
    if sys.argv[1] == '--inside':
        return inside(*sys.argv[2:])
    words = ['unshare', '--net'] + ([] if os.geteuid() == 0 else ['--user', '--map-root-user'])
    try:
        live.sh(*words, 'ip', 'link', 'add', 'a0', 'type', 'veth', 'peer', 'name', 'b0')
    except (OSError, subprocess.CalledProcessError) as e:
        print(f'page: skipped: no network namespace with veth here ({e})')
        return live.SKIP
    return subprocess.run([*words, sys.executable, __file__, '--inside', *map(os.path.abspath, sys.argv[1:7])], check=False).returncode


if __name__ == '__main__':
    sys.exit(main())
