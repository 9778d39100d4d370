#!/usr/bin/env bash
# Every comparison of bench/peers/image on a build: bench/peers/image/run.sh BUILD [options of run.py]
set -euo pipefail

build=${1:?usage: bench/peers/image/run.sh BUILD [options of run.py]}
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$build" && pwd)
case " $* " in
  *" --smoke "*) ;; # uses what is there
  *) "$here/make_env.sh" ;;
esac
exec python3 "$here/run.py" all --asterism "$build/bin/asterism" "$@"
