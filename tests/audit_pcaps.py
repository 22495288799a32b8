#!/usr/bin/env python3
"""Acceptance test of the rules: every capture of pcaps/ is audited and compared with what it must show.

usage: audit_pcaps.py ROLECALL PCAPS [CASE...]

CASE.findings beside CASE.pcap holds one line a finding: CODE client-ip server-ip:port packet[,packet...]; an empty
file is a near miss, where nothing may be found. Every finding must be there with its ends and with those packets in
its evidence, and no other. The policy is CASE.yaml, else policy.yaml in the capture's folder, else the one above.
"""
import json
import pathlib
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


def end_of(finding):
    server = finding.get("server")
    if server is None:
        return "-"
    return f"{server['ip']}:{server['port']}" if "port" in server else server["ip"]


def audit(rolecall, capture, policy):
    command = [rolecall, "audit", "-p", policy, "-r", capture, "--format", "jsonl"]
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    records = [json.loads(line) for line in run.stdout.splitlines()]
    if run.returncode not in (0, 1) or not records or records[-1]["type"] != "summary":
        return None, [f"exit status {run.returncode}: {run.stderr.strip()}"]
    findings = [r for r in records if r["type"] == "finding"]
    counted = any(f["severity"] != "info" and "accepted" not in f for f in findings)
    wrong = [] if run.returncode == int(counted) else [f"exit status {run.returncode} with {len(findings)} findings"]
    return findings, wrong


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


def check(rolecall, capture, top):
    findings, wrong = audit(rolecall, capture, policy_of(capture, top))
    return wrong + (differences(findings, expected(capture)) if findings is not None else [])


def main():
    rolecall, top = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    captures = sorted(p for p in top.rglob("*.pcap*") if stem(p).with_suffix(".findings").exists())
    named = set(sys.argv[3:])
    failed = passed = 0
    for capture in captures:
        name = str(stem(capture).relative_to(top))
        if named and name not in named:
            continue
        wrong = check(rolecall, capture, top)
        passed += not wrong
        failed += bool(wrong)
        for line in wrong:
            print(f"{name}: {line}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
