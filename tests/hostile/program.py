"""program.py - runs rolecall for the hostile tests, which are unittest files; the program is named by ROLECALL."""
import json, os, subprocess, tempfile, unittest

ROLECALL = os.path.abspath(os.environ.get('ROLECALL', 'build/rolecall'))
SANITIZED = bool(os.environ.get('ROLECALL_SANITIZED'))  # times and memory are then not the program's own
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def rolecall(*words, **more):
    return subprocess.run([ROLECALL, *map(str, words)], stdin=more.pop('stdin', subprocess.DEVNULL),
                          stdout=more.pop('stdout', subprocess.PIPE), stderr=subprocess.PIPE, timeout=250, **more)


def records(octets):
    return [json.loads(line) for line in octets.decode('utf8').splitlines()]


class Case(unittest.TestCase):
    """With a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='rolecall-hostile-')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def assert_refused(self, done, *words):
        """Exit status 2 and one line on standard error that holds the words."""
        said = done.stderr.decode('utf8')
        self.assertEqual(done.returncode, 2, said)
        self.assertEqual(said.count('\n'), 1, said)
        self.assertTrue(said.endswith('\n') and len(said) > 10, said)
        for word in words:
            self.assertIn(word, said)


main = unittest.main
