#!/usr/bin/env python3
"""wire_test.py - a bad wire keeps to its plan: the same in each run, in the shares asked for. Needs no rights."""
import sys, time, unittest

sys.dont_write_bytecode = True
import wire

FRAMES = 8000


class Out:
    """A port that keeps what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, frame):
        self.sent.append(frame)


def passed(words, count=FRAMES, name='there'):
    """The numbers of the frames that come out, in their order."""
    out = Out()
    way = wire.Direction(name, None, out, wire.plan_of(words))
    for number in range(count):
        way.take(number.to_bytes(20, 'big'), time.monotonic())
    end = time.monotonic() + 1
    while way.send() is not None and time.monotonic() < end:
        pass
    return [int.from_bytes(frame, 'big') for frame in out.sent], way.counts


class Wire(unittest.TestCase):
    def test_good_wire(self):
        self.assertEqual(passed([])[0], list(range(FRAMES)))

    def test_the_same_again(self):
        words = ['loss=5%', 'duplicate=3%', 'reorder=10%', 'seed=7']
        self.assertEqual(passed(words), passed(words))
        self.assertNotEqual(passed(words)[0], passed(words[:-1] + ['seed=8'])[0])
        self.assertNotEqual(passed(words)[0], passed(words, name='back')[0])

    def test_shares(self):
        for key, count in (('loss', 'lost'), ('duplicate', 'duplicated'), ('reorder', 'reordered')):
            share = passed([key + '=5%'])[1][count] / FRAMES
            self.assertTrue(0.04 < share < 0.06, '%s: %f' % (key, share))

    def test_loss(self):
        numbers, counts = passed(['loss=5%'])
        self.assertEqual(len(numbers), FRAMES - counts['lost'])
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_duplicates_follow(self):
        numbers, counts = passed(['duplicate=5%'])
        self.assertEqual(len(numbers), FRAMES + counts['duplicated'])
        self.assertEqual(numbers, sorted(numbers))

    def test_reordering_loses_nothing(self):
        numbers, counts = passed(['reorder=5%'])
        self.assertEqual(sorted(numbers), list(range(FRAMES)))
        behind = sum(one > other for one, other in zip(numbers, numbers[1:]))
        self.assertTrue(0 < behind <= counts['reordered'])
        # Three pass it; more only where those that should pass are late themselves.
        self.assertLess(max(at - number for at, number in enumerate(numbers)), 20)

    def test_delay(self):
        out = Out()
        way = wire.Direction('there', None, out, wire.plan_of(['delay=20ms']))
        way.take(bytes(20), time.monotonic())
        due = way.send()
        self.assertEqual(out.sent, [])
        self.assertTrue(0 < due - time.monotonic() <= 0.02)

    def test_tag(self):
        out = Out()
        way = wire.Direction('there', None, out, wire.plan_of(['vlan=20']))
        way.take(bytes(range(20)), time.monotonic())
        way.send()
        self.assertEqual(out.sent, [bytes(range(12)) + b'\x81\x00\x00\x14' + bytes(range(12, 20))])

    def test_bad_plans(self):
        for word in ('loss=5', 'loss=x%', 'delay=20', 'speed=1', 'seed=-1'):
            with self.assertRaises((SystemExit, ValueError), msg=word):
                wire.plan_of([word])


if __name__ == '__main__':
    unittest.main()
