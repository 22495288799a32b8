#!/usr/bin/python3
"""wire.py - a bad link in user space: passes Ethernet frames between two interfaces by a seeded plan.

usage: wire.py [--one-way] LEFT RIGHT PLAN

PLAN is words KEY=VALUE: loss=2% duplicate=1% reorder=5% delay=20ms vlan=20 seed=1; any may be left out. Each direction
has a plan of its own, drawn from the seed by the number of the frame, so that what happens to the n-th frame is the same
in every run. A reordered frame waits until three others have passed it, 10 ms at most; delay is one way; vlan tags each
frame (802.1Q). With --one-way frames pass from LEFT to RIGHT only, as at a mirror port. The rate is the kernel's: tbf on
both interfaces, set by who starts this. SIGTERM ends it, with a line of what was done.
"""
import heapq, random, select, signal, socket, struct, sys, time

ETH_P_ALL, SOL_PACKET, ADD_MEMBERSHIP, MR_PROMISC, IGNORE_OUTGOING = 3, 263, 1, 1, 23
FRAME = 65536
PASSED_BY, HELD = 3, 0.010          # a reordered frame waits for so many others, so many seconds at most
BATCH = 64                          # frames that are read before what is due is sent


def port(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)     # nothing until it is bound
    s.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((name, ETH_P_ALL))
    s.setsockopt(SOL_PACKET, ADD_MEMBERSHIP, struct.pack('iHH8s', socket.if_nametoindex(name), MR_PROMISC, 0, b''))
    s.setblocking(False)
    return s


def plan_of(words):
    """Shares as parts of one, times in seconds."""
    plan = {'loss': 0.0, 'duplicate': 0.0, 'reorder': 0.0, 'delay': 0.0, 'vlan': 0, 'seed': 1}
    for word in words:
        key, _, value = word.partition('=')
        if key in ('loss', 'duplicate', 'reorder') and value.endswith('%'):
            plan[key] = float(value[:-1]) / 100
        elif key == 'delay' and value.endswith('ms'):
            plan[key] = float(value[:-2]) / 1000
        elif key in ('vlan', 'seed') and value.isdigit():
            plan[key] = int(value)
        else:
            sys.exit('wire.py: %s is not understood' % word)
    return plan


class Direction:
    """What comes from one port and goes to the other."""

    def __init__(self, name, source, target, plan):
        self.name, self.source, self.target, self.plan = name, source, target, plan
        self.chance = random.Random('%d/%s' % (plan['seed'], name))
        self.waiting, self.held, self.number = [], [], 0
        self.counts = dict.fromkeys(('passed', 'lost', 'duplicated', 'reordered', 'refused'), 0)

    def fate(self):
        """Whether this frame is lost, duplicated, reordered; always three numbers, so that the plan holds its place."""
        return [self.chance.random() < self.plan[key] for key in ('loss', 'duplicate', 'reorder')]

    def take(self, frame, now):
        lost, twice, late = self.fate()
        if lost:
            self.counts['lost'] += 1
            return
        if self.plan['vlan']:
            frame = frame[:12] + struct.pack('!HH', 0x8100, self.plan['vlan']) + frame[12:]
        due = now + self.plan['delay']
        if late:
            self.counts['reordered'] += 1
            self.held.append([PASSED_BY, due, frame])
            return
        for _ in range(1 + twice):
            self.push(due, frame)
        self.counts['duplicated'] += twice
        for one in self.held:
            one[0] -= 1
        self.release(lambda one: one[0] <= 0, due)

    def push(self, due, frame):
        self.number += 1
        heapq.heappush(self.waiting, (due, self.number, frame))

    def release(self, which, due):
        for one in [one for one in self.held if which(one)]:
            self.held.remove(one)
            self.push(max(due, one[1]), one[2])

    def read(self):
        for _ in range(BATCH):
            try:
                frame = self.source.recv(FRAME)
            except BlockingIOError:
                return
            self.take(frame, time.monotonic())

    def send(self):
        """Sends what is due; when the next is, None: nothing waits."""
        now = time.monotonic()
        self.release(lambda one: one[1] + HELD <= now, now)
        while self.waiting and self.waiting[0][0] <= now:
            frame = heapq.heappop(self.waiting)[2]
            try:
                self.target.send(frame)
                self.counts['passed'] += 1
            except OSError:              # the interface is down, or the rate's queue is full
                self.counts['refused'] += 1
        times = [self.waiting[0][0]] if self.waiting else []
        return min(times + [one[1] + HELD for one in self.held], default=None)


def main():
    words = sys.argv[1:]
    one_way = words[:1] == ['--one-way']
    left, right, *plan = words[one_way:]
    plan, ports = plan_of(plan), (port(left), port(right))
    ways = [Direction('there', ports[0], ports[1], plan)] + ([] if one_way else [Direction('back', ports[1], ports[0], plan)])

    def end(*_):
        print('; '.join('%s: %s' % (way.name, way.counts) for way in ways), flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    while True:
        due = min((at for at in (way.send() for way in ways) if at is not None), default=None)
        wait = None if due is None else max(0.0, due - time.monotonic())
        ready = select.select([way.source for way in ways], [], [], wait)[0]
        for way in ways:
            if way.source in ready:
                way.read()


if __name__ == '__main__':
    main()
