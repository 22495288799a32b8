#!/bin/sh
# modules.sh FOLDER STAMP [NPM OPTION...]: the packages of package-lock.json, and no others, into FOLDER/node_modules.
set -eu
here=$(dirname "$0") folder=$1 stamp=$2
shift 2
mkdir -p "$folder"
cp "$here/package.json" "$here/package-lock.json" "$folder/"
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error "$@" >"$folder/npm.log" 2>&1 || {
    tail -n 5 "$folder/npm.log" >&2
    echo "modules.sh: npm cannot fetch the packages of the HTML page; without it: meson configure BUILD -Dpage=disabled" >&2
    exit 1
}
touch "$stamp"
