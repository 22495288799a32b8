#!/usr/bin/env python3
"""Acceptance test of the rules: every capture of pcaps/ is audited and compared with what it must show.

usage: audit_pcaps.py ROLECALL PCAPS [CASE...]

CASE.findings beside CASE.pcap holds one line a finding: CODE client-ip server-ip:port packet[,packet...]; an empty
file is a near miss, where nothing may be found. Every finding must be there with its ends and with those packets in
its evidence, and no other. CASE.verdicts, where it is there, holds verdicts that must be among the others, one a line:
CODE STATUS subject. The policy is CASE.yaml, else policy.yaml in the capture's folder, else the one above.

Run on all captures it ends with a table: each rule, the captures that break it, and the near misses that it keeps quiet
about: those named for it (rNNN-...) without a finding of it, and those of PCAPS/near-misses.txt. Every rule of the
catalogue must have both, and a near miss must stay one.
"""
import json
import pathlib
import re
import subprocess
import sys


def policy_of(capture, top):
    for path in (stem(capture).with_suffix(".yaml"), capture.parent / "policy.yaml", top / "policy.yaml"):
        if path.exists():
            return path
    raise SystemExit(f"{capture}: no policy")


def stem(capture):
    """The path without .pcap or .pcap.zst."""
    return capture.with_name(capture.name.split(".pcap")[0])


def expected(capture):
    wanted = []
    for line in stem(capture).with_suffix(".findings").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            code, client, server, packets = line.split()
            wanted.append((code, client, server, {int(p) for p in packets.split(",")}))
    return wanted


def wanted_verdicts(capture):
    path = stem(capture).with_suffix(".verdicts")
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(line.split(None, 2)) for line in lines if line.strip() and not line.startswith("#")]


# About the capture itself: what they say is a verdict, never a finding.
VERDICT_ALONE = ("R120", "R121", "R122")


def end_of(finding):
    server = finding.get("server")
    if server is None:
        return "-"
    return f"{server['ip']}:{server['port']}" if "port" in server else server["ip"]


def audit(rolecall, capture, policy):
    """Its findings and verdicts, and what was wrong with the run; None: no audit."""
    command = [rolecall, "audit", "-p", policy, "-r", capture, "--format", "jsonl"]
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    records = [json.loads(line) for line in run.stdout.splitlines()]
    if run.returncode not in (0, 1) or not records or records[-1]["type"] != "summary":
        return None, [], [f"exit status {run.returncode}: {run.stderr.strip()}"]
    findings = [r for r in records if r["type"] == "finding"]
    verdicts = [(r["code"], r["status"], r["subject"]) for r in records if r["type"] == "verdict"]
    counted = any(f["severity"] != "info" and "accepted" not in f for f in findings)
    wrong = [] if run.returncode == int(counted) else [f"exit status {run.returncode} with {len(findings)} findings"]
    return findings, verdicts, wrong


def fits(finding, want):
    code, client, server, packets = want
    shown = {e["packet"] for e in finding["evidence"]}
    return (finding["code"] == code and end_of(finding) == server and packets <= shown and
            ("client" not in finding or finding["client"]["ip"] == client))


def differences(findings, wanted):
    """What is missing of the findings wanted, and what was found beside them."""
    findings, wrong = list(findings), []
    for want in wanted:
        match = next((f for f in findings if fits(f, want)), None)
        if match is None:
            wrong.append("missing: " + " ".join(map(str, want)))
        else:
            findings.remove(match)
    for f in findings:
        packets = sorted(e["packet"] for e in f["evidence"])
        wrong.append(f"not expected: {f['code']} {f.get('client', {}).get('ip', '-')} {end_of(f)} {packets}: "
                     f"{f['explanation']}")
    return wrong


def check(rolecall, capture, top, seen):
    findings, verdicts, wrong = audit(rolecall, capture, policy_of(capture, top))
    if findings is None:
        return wrong
    told = {code for code, status, _ in wanted_verdicts(capture) if code in VERDICT_ALONE and status != "consistent"}
    judged = {code for code, status, _ in verdicts if status != "not_observed"}
    seen[str(stem(capture).relative_to(top))] = ({f["code"] for f in findings} | told, judged)
    wrong += differences(findings, expected(capture))
    wrong += ["no such verdict: " + " ".join(want) for want in wanted_verdicts(capture) if want not in verdicts]
    return wrong


def catalogue(rolecall):
    run = subprocess.run([str(rolecall), "rules", "--format", "jsonl"], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def listed_near_misses(top):
    lines = (top / "near-misses.txt").read_text().splitlines()
    return [line.split()[:2] for line in lines if line.strip() and not line.startswith("#")]


def coverage(rolecall, top, seen):
    """The table, and one line for each rule that no capture breaks or that no near miss holds to its silence."""
    rules = catalogue(rolecall)
    codes = {r["code"] for r in rules}
    near = {code: [] for code in codes}
    wrong = []
    for name in seen:
        named = re.match(r"r(\d{3})-", name.rsplit("/", 1)[1])
        code = f"R{named.group(1)}" if named else None
        if code in codes and code not in seen[name][0]:
            near[code].append(name)
    for code, name in listed_near_misses(top):
        found, judged = seen.get(name, (set(), set()))
        if code not in codes or name not in seen:
            wrong.append(f"near-misses.txt: {code} {name}: no such {'capture' if code in codes else 'rule'}")
        elif code in found or code not in judged:
            wrong.append(f"near-misses.txt: {code} {name}: the rule {'breaks' if code in found else 'judges nothing'} there")
        else:
            near[code].append(name)
    print(f"\n{'rule':<44} {'breaks':>6} {'quiet':>5}  the first that breaks it; near misses (*: judged, not only passed by)")
    for r in rules:
        broken = [name for name in seen if r["code"] in seen[name][0]]
        # A capture named for the rule shows it best.
        broken.sort(key=lambda name: not name.rsplit("/", 1)[1].startswith("r" + r["code"][1:]))
        quiet = [name + ("*" if r["code"] in seen[name][1] else "") for name in near[r["code"]]]
        print(f"{r['code'] + ' ' + r['rule']:<44.44} {len(broken):6} {len(quiet):5}  {', '.join(broken[:1])}; {', '.join(quiet)}")
        wrong += [] if broken else [f"{r['code']} {r['rule']}: no capture breaks it"]
        wrong += [] if quiet else [f"{r['code']} {r['rule']}: no near miss; name a capture for it, or add one to near-misses.txt"]
    print()
    return wrong


def main():
    rolecall, top = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    captures = sorted(p for p in top.rglob("*.pcap*") if stem(p).with_suffix(".findings").exists())
    named = set(sys.argv[3:])
    failed = passed = 0
    seen = {}
    for capture in captures:
        name = str(stem(capture).relative_to(top))
        if named and name not in named:
            continue
        wrong = check(rolecall, capture, top, seen)
        passed += not wrong
        failed += bool(wrong)
        for line in wrong:
            print(f"{name}: {line}")
    missing = [] if named else coverage(rolecall, top, seen)
    for line in missing:
        print(line)
    print(f"{passed} passed, {failed} failed" + ("" if named else f"; {len(missing)} faults of the table"))
    return 1 if failed or missing or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
