#!/usr/bin/env bash
# readme_test.sh PROGRAM README - the policy that the README shows is one, of ten lines, and nothing is wrong with it.
set -u
policy=$(mktemp --suffix=.yaml)
trap 'rm -f "$policy"' EXIT
awk '/^```yaml/ {on = 1; next} /^```/ {on = 0} on' "$2" >"$policy"
lines=$(wc -l <"$policy")
[ "$lines" = 10 ] || { echo "the policy has $lines lines"; exit 1; }
"$1" check --fail-on info "$policy"
