#!/usr/bin/env bash
# Boost.Beast and RESTinio at one job: bench/http_libraries/run.sh BUILD [--smoke]
set -euo pipefail

build=${1:?usage: bench/http_libraries/run.sh BUILD [options of run.py]}
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$build" && pwd)
exec python3 "$here/run.py" --build "$build" "$@"
