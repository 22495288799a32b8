"""lab_checks.py - the words of lab_statements.py: what records must say for a statement to be borne out.

A check is called with the Records of a capture and returns (holds, evidence): the evidence names the record and its
packet, or says what was looked for in vain. Field names are those of records.md, dots written as two underscores; a
value is a literal, a set of alternatives, or a predicate.
"""
import collections, json


class Records:
    """The records of one run, each with the ends of its flow."""

    def __init__(self, lines):
        self.all = [json.loads(line) for line in lines]
        self.flows = {r['flow']: r for r in self.all if r['type'] == 'flow'}

    def of(self, kind):
        return sorted((r for r in self.all if r['type'] == kind), key=packet_of)

    def ends(self, record):
        """'10.0.0.1 > 10.0.0.2:445' of the record's flow."""
        flow = self.flows.get(record.get('flow'), {})
        client, server = flow.get('client', {}), flow.get('server', {})
        return '%s > %s:%s' % (client.get('ip'), server.get('ip'), server.get('port'))


def packet_of(record):
    return record.get('packet', record.get('first_packet', 0))


def field(record, name):
    for part in name.split('__'):
        record = record.get(part) if isinstance(record, dict) else None
    return record


def meets(value, wanted):
    if callable(wanted):
        return bool(value is not None and wanted(value))
    return value in wanted if isinstance(wanted, (set, frozenset)) else value == wanted


def word(wanted):
    if callable(wanted):
        return '<%s>' % wanted.__name__
    return '|'.join(sorted(map(str, wanted))) if isinstance(wanted, (set, frozenset)) else json.dumps(wanted)


def named(name, function):
    function.__name__ = name
    return function


def has(*parts):
    """All parts occur in the value: a text, or one item of a list."""
    def test(value):
        return any(all(p.lower() in str(v).lower() for p in parts) for v in (value if isinstance(value, list) else [value]))
    return named('has ' + ' '.join(parts), test)


def least(number):
    return named('at least %d' % number, lambda value: value >= number)


def begins(text):
    return named('begins ' + text, lambda value: str(value).startswith(text))



Rec = collections.namedtuple('Rec', 'kind ends fields')


def rec(kind, ends=None, /, **fields):
    """A record of this kind; `ends` as Records.ends writes them, or a part of that."""
    return Rec(kind, ends, fields)


def matching(records, r):
    def good(record):
        return ((r.ends is None or r.ends in records.ends(record)) and
                all(meets(field(record, name), wanted) for name, wanted in r.fields.items()))
    return [record for record in records.of(r.kind) if good(record)]


def describe(r):
    words = ['%s=%s' % (name.replace('__', '.'), word(wanted)) for name, wanted in r.fields.items()]
    return ' '.join([r.kind] + ([r.ends] if r.ends else []) + words)


def show(record, r):
    words = ['%s=%s' % (name.replace('__', '.'), json.dumps(field(record, name), ensure_ascii=False)) for name in r.fields]
    return '%s #%d %s' % (r.kind, packet_of(record), ' '.join(words))


def some(*wanted):
    """At least one record for each."""
    def check(records):
        shown = []
        for r in wanted:
            found = matching(records, r)
            if not found:
                return False, 'no ' + describe(r)
            shown.append(show(found[0], r))
        return True, '; '.join(shown)
    return check


def none(r):
    """No such record."""
    def check(records):
        found = matching(records, r)
        return (False, 'but ' + show(found[0], r)) if found else (True, 'no ' + describe(r))
    return check


def every(r, **also):
    """There are such records, and each of them says this as well."""
    def check(records):
        found, wanted = matching(records, r), Rec(r.kind, r.ends, dict(r.fields, **also))
        bad = [record for record in found if record not in matching(records, wanted)]
        if not found or bad:
            return False, 'no ' + describe(r) if not found else 'but ' + show(bad[0], wanted)
        return True, '%d times: %s' % (len(found), show(found[0], wanted))
    return check


def times(number, r):
    """So many records, no more and no fewer."""
    def check(records):
        found = matching(records, r)
        return len(found) == number, '%d times: %s' % (len(found), describe(r))
    return check


def order(*wanted):
    """One record for each, in the order of their packets."""
    def check(records):
        after, shown = -1, []
        for r in wanted:
            found = [record for record in matching(records, r) if packet_of(record) > after]
            if not found:
                return False, 'no %s after packet %d' % (describe(r), after)
            after = packet_of(found[0])
            shown.append(show(found[0], r))
        return True, '; then '.join(shown)
    return check
