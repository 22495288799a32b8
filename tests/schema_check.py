#!/usr/bin/env python3
"""schema_check.py - real records against reports/schema/records.schema.json.

usage: schema_check.py ROLECALL [DEV_CORPUS]

Every record of `rolecall events` over the captures in pcaps/ (and over a sample of DEV_CORPUS/pcap, where that folder
exists), of `rolecall audit` over those with a policy, of `rolecall matrix` for each policy, and of `rolecall rules` must be valid. Every key of facts.def
must stand in the schema with its type, and broken records must be refused: else this test could not fail.
"""

import json
import os
import re
import subprocess
import sys
import time

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECONDS = 20  # of validation; the rest of the sample is then left out, and said so
DEV_CAPTURES = 40

# What a fact of each type looks like in the schema: a reference, or a type; text may also be one of some words.
FACT_TYPES = {
    "TEXT": ({"$ref": "#/$defs/text"}, {"enum": None}),
    "LIST": ({"$ref": "#/$defs/texts"},),
    "NUM": ({"$ref": "#/$defs/count"},),
    "BOOL": ({"type": "boolean"},),
    "CODE16": ({"pattern": "^0x[0-9a-f]{4}$"},),
    "CODE32": ({"pattern": "^0x[0-9a-f]{8}$"},),
    "HEX": ({"$ref": "#/$defs/hex"},),
    "TIME": ({"$ref": "#/$defs/time"},),
    "DATE": ({"$ref": "#/$defs/date"},),
    "PACKET": ({"$ref": "#/$defs/packet"},),
}


class Checker:
    def __init__(self, schema):
        validator = jsonschema.Draft7Validator
        validator.check_schema(schema)
        self.schema = schema
        self.whole = validator(schema)
        self.by_type = {}
        for branch in schema["oneOf"]:
            name = branch["$ref"].rsplit("/", 1)[1]
            self.by_type[name] = validator({"$ref": branch["$ref"], "$defs": schema["$defs"]})
        self.seen = {}
        self.faults = 0

    def fault(self, text):
        self.faults += 1
        if self.faults <= 20:
            print("not ok: " + text)

    def error_of(self, record):
        """The branch that the record's type names: what oneOf comes to, without trying all others."""
        kind = record.get("type")
        branch = self.by_type.get(kind) if isinstance(kind, str) else None
        if branch is None:
            return "no record type %r" % (kind,)
        error = jsonschema.exceptions.best_match(branch.iter_errors(record))
        return None if error is None else "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:200])

    def check(self, record, where):
        kind = record.get("type")
        self.seen[kind] = self.seen.get(kind, 0) + 1
        error = self.error_of(record)
        if error is not None:
            self.fault("%s: %s record: %s" % (where, kind, error))
        elif self.seen[kind] <= 3 and not self.whole.is_valid(record):
            self.fault("%s: %s record: fits its own type but not the schema as a whole" % (where, kind))


def check_facts(checker):
    """Each row of facts.def is a key of its record, with the type it is written with."""
    with open(os.path.join(ROOT, "dissect", "facts.def"), encoding="utf-8") as file:
        text = file.read()
    rows = re.findall(r'^FACT\(\w+,\s*"([^"]+)",\s*(\w+),', text, re.M)
    if len(rows) != len(re.findall(r"^FACT\(", text, re.M)) or not rows:
        checker.fault("facts.def: %d rows could be read" % len(rows))
    for key, kind in rows:
        names = key.split(".")
        at = checker.schema["$defs"].get(names[0], {})
        for name in names[1:]:
            at = at.get("properties", {}).get(name, {})
        forms = FACT_TYPES[kind]
        if not any(all(k in at and v in (None, at[k]) for k, v in form.items()) for form in forms):
            checker.fault("facts.def: %s (%s) is not in the schema as such" % (key, kind))


def records_of(command):
    """Records and exit status; the status is the caller's to judge."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    records = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    return records, done.returncode, done.stderr.decode("utf-8", "replace").strip()


def captures_below(folder, suffixes=(".pcap", ".pcapng")):
    found = []
    for path, folders, files in os.walk(folder):
        folders.sort()
        found += [os.path.join(path, name) for name in sorted(files) if name.endswith(suffixes)]
    return found


def check_command(checker, command, statuses, where):
    records, status, errors = records_of(command)
    if status not in statuses:
        checker.fault("%s: exit status %d: %s" % (where, status, errors))
    if not records:
        checker.fault("%s: no records" % where)
    for record in records:
        checker.check(record, where)
    return records


def policy_for(capture):
    """The policy beside a capture, or above it, up to pcaps/."""
    folder = os.path.dirname(capture)
    while folder.startswith(os.path.join(ROOT, "pcaps")):
        path = os.path.join(folder, "policy.yaml")
        if os.path.exists(path):
            return path
        folder = os.path.dirname(folder)
    return None


def check_project(checker, rolecall):
    kept, policies = {}, set()
    for capture in captures_below(os.path.join(ROOT, "pcaps")):
        where = os.path.relpath(capture, ROOT)
        records = check_command(checker, [rolecall, "events", "-q", "-r", capture], (0,), where)
        policy = policy_for(capture)
        if policy is not None:
            policies.add(policy)
            command = [rolecall, "audit", "-q", "-p", policy, "-r", capture, "--format", "jsonl"]
            records += check_command(checker, command, (0, 1), where + " (audit)")
        for record in records:
            kept.setdefault(record["type"], record)
    matrix = os.path.join(ROOT, "policy", "matrix.txt")
    for policy in sorted(policies):
        where = os.path.relpath(policy, ROOT)
        command = [rolecall, "matrix", "-p", policy, "--format", "json"]
        for record in check_command(checker, command, (0,), where):
            kept.setdefault(record["type"], record)
        check_command(checker, [rolecall, "audit", "-q", "-p", policy, "--matrix", matrix, "--format", "jsonl", "-r",
                                os.path.join(ROOT, "pcaps", "demo", "clean.pcap")], (0, 1), where + " (--matrix)")
    for record in check_command(checker, [rolecall, "rules", "--format", "jsonl"], (0,), "rules"):
        kept.setdefault(record["type"], record)
    return kept


def check_corpus(checker, rolecall, folder, until):
    captures = captures_below(folder)
    step = max(1, len(captures) // DEV_CAPTURES)
    done = 0
    for capture in captures[::step]:
        if time.monotonic() > until:
            print("# %d captures of the corpus left out: time" % (len(captures[::step]) - done))
            break
        check_command(checker, [rolecall, "events", "-q", "-r", capture], (0,), os.path.basename(capture))
        done += 1
    return done


def without(record, key):
    return {k: v for k, v in record.items() if k != key}


def check_refusals(checker, kept):
    """Each real record, spoilt in every way that matters, must be refused by its branch and by the whole."""
    spoilt = 0
    for kind, record in kept.items():
        definition = checker.schema["$defs"][kind]
        cases = [("without " + key, without(record, key)) for key in definition["required"]]
        cases += [("wrong type of " + key, {**record, key: [{"x": 1.5}]}) for key in record if key in definition["properties"]]
        for what, case in cases:
            if checker.error_of(case) is None or checker.whole.is_valid(case):
                checker.fault("self-test: a %s record %s is accepted" % (kind, what))
            spoilt += 1
    for case in ({}, {"type": "no such type"}, {"type": 1}):
        if checker.error_of(case) is None or checker.whole.is_valid(case):
            checker.fault("self-test: %r is accepted" % case)
    return spoilt


def main():
    rolecall = os.path.abspath(sys.argv[1])
    corpus = sys.argv[2] if len(sys.argv) > 2 else "/work/shared/corpus/dev"
    with open(os.path.join(ROOT, "reports", "schema", "records.schema.json"), encoding="utf-8") as file:
        checker = Checker(json.load(file))
    until = time.monotonic() + SECONDS
    check_facts(checker)
    kept = check_project(checker, rolecall)
    for kind in ("flow", "finding", "verdict", "summary", "rule", "needed_flow", "audit", "model", "host", "conversation", "traffic", "grade"):
        if kind not in kept:
            checker.fault("no %s record was seen" % kind)
    spoilt = check_refusals(checker, kept)
    captures = check_corpus(checker, rolecall, os.path.join(corpus, "pcap"), until)
    seen = ", ".join("%s %d" % pair for pair in sorted(checker.seen.items()))
    print("%d records: %s; %d spoilt ones tried; %d captures of the corpus; %d faults"
          % (sum(checker.seen.values()), seen, spoilt, captures, checker.faults))
    return 1 if checker.faults else 0


if __name__ == "__main__":
    sys.exit(main())
