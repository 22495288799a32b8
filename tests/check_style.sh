#!/usr/bin/env bash
# check_style.sh - what the compiler does not see: banned functions, long files, unfinished marks, tests that are not
# listed, and the format (where clang-format 14 is there). Run at the top of the tree; one line for each fault.
set -u
bad=0
complain() { printf '%s\n' "$1"; bad=1; }

FILE_LINES_MOST=800
BANNED='strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gmtime|localtime|alloca|gets'
FORMAT_VERSION=14

mapfile -t sources < <(find . -path './build*' -prune -o -path ./.git -prune -o -name '*.[ch]' -print | sed 's,^\./,,' | sort)
[ "${#sources[@]}" -gt 50 ] || complain "only ${#sources[@]} C files found: run at the top of the tree"

# Comments and strings may name them: both are taken out, line by line.
bare() { sed -E 's,"([^"\\]|\\.)*","",g; s,//.*$,,; s,/\*.*\*/,,; s,^ \*.*$,,; s,/\*.*$,,' "$1"; }
for file in "${sources[@]}"; do
    while IFS= read -r line; do
        complain "$file:$line (banned: $BANNED)"
    done < <(bare "$file" | grep -nE "(^|[^_[:alnum:]])($BANNED)[[:space:]]*\(")
    lines=$(wc -l <"$file")
    [ "$lines" -le "$FILE_LINES_MOST" ] || complain "$file: $lines lines; split by message or subject at $FILE_LINES_MOST"
done

mark='TO''DO|FIX''ME|XX''X:'
while IFS= read -r line; do
    complain "unfinished: $line"
done < <(grep -rnE "$mark" --include='*.[ch]' --include='*.def' --include='*.sh' --include='*.py' --include='meson.build' \
    --include=dev --exclude-dir='build*' --exclude-dir=.git .)

for file in tests/*/test_*.c; do
    name=${file##*/test_}
    grep -q "^ *'${name%.c}',\$" tests/meson.build || complain "$file is not listed in tests/meson.build"
done
for layer in capture dissect policy reports; do
    for file in "$layer"/*.c; do
        name=$(basename "$file" .c)
        grep -q "^ *'$name\.c',\$" "$layer/meson.build" || grep -q "^PROTOCOL($name)\$" dissect/protocols.def ||
            complain "$file is not listed in $layer/meson.build"
    done
done

if command -v clang-format >/dev/null && clang-format --version | grep -q "version $FORMAT_VERSION\."; then
    unformatted=$(printf '%s\0' "${sources[@]}" | xargs -0 clang-format --dry-run 2>&1 |
        sed -nE 's/^([^:]+:[0-9]+):[0-9]+: warning: code should be clang-formatted.*/\1/p' | sort -t: -k1,1 -k2,2n)
    if [ -n "$unformatted" ]; then
        complain "$(cut -d: -f1 <<<"$unformatted" | sort -u | wc -l) files want clang-format -i, the first places:"
        sort -u -t: -k1,1 <<<"$unformatted" | head -20
    fi
else
    echo "format not checked: no clang-format $FORMAT_VERSION here"
fi

[ "$bad" = 0 ] && echo "style: ${#sources[@]} files in order"
exit "$bad"
