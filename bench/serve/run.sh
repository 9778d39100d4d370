#!/usr/bin/env bash
# The limits of `asterism serve`: bench/serve/run.sh BUILD [--smoke] [options of run.py]
set -euo pipefail

build=${1:?usage: bench/serve/run.sh BUILD [options of run.py]}
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$build" && pwd)
exec python3 "$here/run.py" --build "$build" "$@"
