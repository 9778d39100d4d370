#!/usr/bin/env bash
# Servers of all-MiniLM-L6-v2 beside each other: bench/peers/serve/run.sh BUILD [--smoke] [options of run.py]
set -euo pipefail

build=${1:?usage: bench/peers/serve/run.sh BUILD [options of run.py]}
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$build" && pwd)
case " $* " in
  *" --smoke "*) ;; # uses what is there
  *) "$here/make_env.sh" ;;
esac
exec python3 "$here/run.py" --build "$build" "$@"
