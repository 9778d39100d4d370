#!/usr/bin/env bash
# Nearest neighbours beside other libraries, on a build: bench/peers/search/run.sh BUILD [options of run.py]
# With --stores: collections beside stores that are reached through Python (run_stores.py).
set -euo pipefail

build=${1:?usage: bench/peers/search/run.sh BUILD [options of run.py]}
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$build" && pwd)
export ASTERISM_PEERS_ENV=${ASTERISM_PEERS_ENV:-$(cd "$here/../../.." && pwd)/.cache/peers-search/env}
case " $* " in
  *" --smoke "*) ;; # uses what is there
  *) "$here/make_env.sh" ;;
esac
script=run.py
case " $* " in
  *" --stores "*) script=run_stores.py ;;
esac
exec python3 "$here/$script" --build "$build" "$@"
