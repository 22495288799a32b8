#!/usr/bin/env python3
"""screen.py ROLECALL PCAPS - the live screen (--tui), in tmux: what it shows of a replayed capture, at several sizes, with and
without colour and UTF-8; its keys; how the terminal is left. Skipped (77) where no network namespace can be made, or without tmux."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import live

PROGRAM, PCAPS = '', ''
SHELL = 'bash --norc --noprofile'


def tmux(*words):
    return subprocess.run(['tmux', '-f', '/dev/null', *words], stdout=subprocess.PIPE, text=True, check=True).stdout


def shown(*words):
    return tmux('capture-pane', '-p', '-t', 's', *words)


def press(*keys):
    for key in keys:
        tmux('send-keys', '-t', 's', key)


def wait_for(part, seconds=20):
    """The screen, once it shows that."""
    seen = ''
    try:
        def there():
            nonlocal seen
            seen = shown()
            return re.search(part, seen) and seen
        return live.wait_for(there, seconds)
    except AssertionError:
        raise AssertionError(f'{part!r} is not on the screen:\n{seen}') from None


class Terminal:
    """One of its own, with a shell in it."""

    def __init__(self, columns=80, rows=24, environment='LC_ALL=C.UTF-8'):
        tmux('new-session', '-d', '-s', 's', '-x', str(columns), '-y', str(rows), f'env -u NO_COLOR {environment} PS1=ready: {SHELL}')
        wait_for('ready:')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        tmux('kill-session', '-t', 's')

    @staticmethod
    def run(*words):
        tmux('send-keys', '-t', 's', '-l', f'clear; {PROGRAM} {" ".join(words)}; echo status=$?')
        press('Enter')

    @staticmethod
    def size(columns, rows):
        tmux('resize-window', '-t', 's', '-x', str(columns), '-y', str(rows))


def program():
    """The process that the shell runs, the supervisor."""
    shell = int(tmux('display', '-p', '-t', 's', '#{pane_pid}'))
    return live.children(shell)[-1]


def worker():
    """The one that audits and draws."""
    return live.children(program())[0]


def audit(*words):
    Terminal.run('audit', '-p', 'policy.yaml', '--tui', *words)


def audit_live(*words):
    audit('-i', 'tap0', *words)
    wait_for('rolecall tap0')
    live.wait_for(lambda: live.listening('tap0') > 0)


def left_in_order(status):
    """The program is gone, and the terminal is what it was."""
    if status is not None:
        wait_for(f'status={status}')
    assert tmux('display', '-p', '-t', 's', '#{alternate_on} #{cursor_flag}').split() == ['0', '1'], 'the screen was not given back'
    press('clear', 'Enter', 'stty -a', 'Enter')
    modes = wait_for('icanon')
    for mode in ('icanon', 'echo', 'opost', 'ixon', 'icrnl', 'isig'):
        assert re.search(rf'(?<!-)\b{mode}\b', modes), (mode, modes)


def lines_fit(columns, rows, part):
    """After a resize the whole screen is drawn anew for that size: a title, nothing wrapped."""
    Terminal.size(columns, rows)
    wait_for(part)
    time.sleep(0.5)
    lines = shown().split('\n')[:rows]
    assert lines[0].startswith(' rol') and all(len(line) <= columns for line in lines), lines
    assert sum(line.startswith(' rol') for line in lines) == 1, lines


def shows_and_obeys():
    with Terminal():
        audit_live('--report', 'report', '--formats', 'jsonl')
        wait_for('none so far')
        live.send('in0', f'{PCAPS}/demo/breaches.pcap')
        wait_for(r'R040(.|\n)*R010|R010(.|\n)*R040')
        wait_for(r'So far +[1-9][\d,]* packets(.|\n)*Losses +none')
        wait_for(r'smb +\d+%')
        for columns, rows, part in ((40, 10, 'Over'), (200, 60, 'first +last'), (12, 4, '(?m)^>[a-z]{4} R'), (80, 24, 'Overview')):
            lines_fit(columns, rows, part)
        press('2', 's')
        wait_for('worst first')
        press('f', 'f', 'f')
        wait_for('high and worse')
        press('Enter')
        wait_for('Evidence')
        lines_fit(80, 60, r'Evidence(.|\n)*Remedy(.|\n)*ip\.addr == (.|\n)*Decoded of packet')
        press('PageDown')
        press('e')
        wait_for('What it means')
        press('Escape', '3')
        wait_for('P01 intranet management-')
        press('Enter')
        wait_for(r'Findings: .*, of [a-z0-9.]+')
        press('Escape', '4')
        wait_for('conversations')
        press('5')
        wait_for('CAPTURE QUALITY')
        press('?')
        wait_for('write a report now')
        press('q', '1', 'Space')
        wait_for('HELD')
        press('Space', 'w')
        wait_for('the report is written')
        assert live.reports('report'), os.listdir('report')
        # A line of an error stands in the last line, and breaks nothing.
        with open('policy.yaml', 'a', encoding='utf-8') as f:
            f.write('\nhostz: {}\n')
        os.kill(program(), signal.SIGHUP)
        wait_for('refused; the audit goes on')
        lines_fit(80, 24, 'Overview')
        shutil.copy(f'{PCAPS}/demo/policy.yaml', '.')
        with open('policy.yaml', 'a', encoding='utf-8') as f:
            f.write('\n# another one, which says the same\n')
        os.kill(program(), signal.SIGHUP)
        wait_for('none so far')
        press('q')
        left_in_order(0)
        assert os.path.exists('report/records.jsonl')


def report_follows():
    """q ends it as SIGINT does: what was said on standard error meanwhile, then the report."""
    with Terminal():
        audit_live()
        live.send('in0', f'{PCAPS}/demo/breaches.pcap')
        wait_for('R040')
        press('w')
        wait_for('no place for a report')
        os.kill(program(), signal.SIGUSR1)
        wait_for('it would go to the screen')
        press('q')
        wait_for('status=1')
        seen = shown('-S', '-')
        assert seen.index('it would go to the screen') < seen.index('FINDINGS') < seen.index('Exit status 1'), seen
        left_in_order(1)


def plain(environment, words):
    """Without colour, without UTF-8."""
    with Terminal(environment=environment):
        audit_live(*words)
        live.send('in0', f'{PCAPS}/demo/breaches.pcap')
        wait_for('>(critical|high|medium|low|info) +R')
        coded = shown('-e')
        assert not re.search(r'\x1b\[(\d+;)*[34][1-7](;\d+)*m', coded), coded
        assert 'LC_ALL=C ' not in environment + ' ' or coded.isascii(), coded
        press('C-c')
        left_in_order(1)


def colored():
    with Terminal():
        audit_live()
        live.send('in0', f'{PCAPS}/demo/breaches.pcap')
        wait_for('>(critical|high|medium|low|info) +R')
        assert re.search(r'\x1b\[(\d+;)*3[1-7](;\d+)*m', shown('-e'))
        press('C-c')
        left_in_order(1)


def ended_otherwise():
    with Terminal():
        audit_live()
        os.kill(program(), signal.SIGTERM)
        left_in_order(0)
    # The supervisor gives the terminal back for a worker that could not, and the next one takes it.
    with Terminal():
        audit_live('--report', 'crashed', '--formats', 'jsonl')
        for number, said in ((signal.SIGKILL, 'SIGKILL'), (signal.SIGSEGV, 'SIGSEGV')):
            before = worker()
            os.kill(before, number)
            live.wait_for(lambda: live.children(program()) not in ([], [before]))  # pylint: disable=cell-var-from-loop
            wait_for(r'rolecall tap0(.|\n)*begun anew')
            lines_fit(80, 24, 'Overview')
        press('q')
        wait_for('status=0')
        seen = shown('-S', '-')
        assert 'was killed (SIGKILL' in seen and 'crashed (SIGSEGV)' in seen, seen
        left_in_order(0)
    # Without its supervisor the worker ends, with its report.
    with Terminal():
        audit_live('--report', 'alone', '--formats', 'jsonl')
        left = worker()
        os.kill(program(), signal.SIGKILL)
        live.wait_for(lambda: not os.path.exists(f'/proc/{left}'))
        left_in_order(None)  # the shell was told at once, on the screen that was still there
        assert os.path.exists('alone/records.jsonl')
    # A terminal that is closed ends the audit, with its report.
    with Terminal():
        audit_live('--report', 'closed', '--formats', 'jsonl')
        number = program()
        tmux('respawn-pane', '-k', '-t', 's', SHELL)
        live.wait_for(lambda: not os.path.exists(f'/proc/{number}'))
        assert os.path.exists('closed/records.jsonl')


def of_a_file():
    """While it is read, here slowly; then the report."""
    with open('slowly.py', 'w', encoding='utf-8') as f:
        f.write('import sys, time\n'
                'with open(sys.argv[1], "rb") as f:\n'
                '    while part := f.read(8000):\n'
                '        sys.stdout.buffer.write(part)\n'
                '        sys.stdout.flush()\n'
                '        time.sleep(0.05)\n')
    with Terminal():
        tmux('send-keys', '-t', 's', '-l', f'clear; {sys.executable} slowly.py {PCAPS}/lab/day-breaches.pcap.zst | '
             f'{PROGRAM} audit -p {PCAPS}/lab/policy.yaml -r - --tui; echo status=$?')
        press('Enter')
        wait_for('rolecall standard input')
        press('w')
        wait_for('when the files are read')
        press('q')
        left_in_order(1)


def refusals():
    live.refused(PROGRAM, ['audit', '-p', 'policy.yaml', '-i', 'tap0', '--tui'], '--tui needs a terminal')
    with Terminal():
        audit('-i', 'tap0', '--format', 'jsonl')
        wait_for('--format jsonl would go to the screen(.|\n)*status=2')
        audit('-i', 'tap0', '2>errors')
        live.wait_for(lambda: os.path.exists('errors') and 'standard error is none' in open('errors', encoding='utf-8').read())
        Terminal.run('audit -p policy.yaml -i nowhere0 --tui')
        wait_for('no such interface(.|\n)*status=2')
        tmux('send-keys', '-t', 's', '-l', 'export TERM=dumb')
        press('Enter')
        audit('-i', 'tap0')
        wait_for("terminal of type 'dumb'(.|\n)*status=2")


def inside(rolecall, pcaps):
    global PROGRAM, PCAPS  # pylint: disable=global-statement
    PROGRAM, PCAPS = rolecall, pcaps
    live.set_up()
    with live.Folder() as work:
        os.chdir(work)
        os.environ['TMUX_TMPDIR'] = work
        for name in ('policy.yaml', 'corp-root.pem'):
            shutil.copy(f'{PCAPS}/demo/{name}', work)
        tmux('start-server', ';', 'set', '-g', 'exit-empty', 'off', ';', 'set', '-g', 'escape-time', '0')
        try:
            shows_and_obeys()
            report_follows()
            colored()
            plain('LC_ALL=C.UTF-8 NO_COLOR=1', [])
            plain('LC_ALL=C TERM=vt100', [])
            plain('LC_ALL=C.UTF-8', ['--color', 'never'])
            ended_otherwise()
            of_a_file()
            refusals()
        finally:
            tmux('kill-server')
            os.chdir('/')


def main():
    if sys.argv[1] == '--inside':
        return live.inside_of(inside)
    if shutil.which('tmux') is None:
        print('screen: skipped: no tmux here')
        return live.SKIP
    return live.in_namespace(__file__)


if __name__ == '__main__':
    sys.exit(main())
