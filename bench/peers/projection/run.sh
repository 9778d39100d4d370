#!/usr/bin/env bash
# Reductions beside other libraries, on a build: bench/peers/projection/run.sh BUILD [options of run.py]
set -euo pipefail

build=${1:?usage: bench/peers/projection/run.sh BUILD [options of run.py]}
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$build" && pwd)
export ASTERISM_PEERS_ENV=${ASTERISM_PEERS_ENV:-$(cd "$here/../../.." && pwd)/.cache/peers-projection/env}
case " $* " in
  *" --smoke "*) ;; # uses what is there
  *) "$here/make_env.sh" ;;
esac
exec python3 "$here/run.py" --build "$build" "$@"
