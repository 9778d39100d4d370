#!/usr/bin/env bash
# Runs every micro benchmark of a build: tools/bench.sh BUILD [--smoke]. With --smoke each runs for a moment only, to
# show that it works and that its answers are right, and so do bench/peers/image, train and serve, bench/serve and
# bench/http_libraries; the figures mean nothing then.
set -euo pipefail

build=${1:?usage: tools/bench.sh BUILD [--smoke]}
arguments=()
case ${2:-} in
  --smoke) arguments=(--benchmark_min_time=0.001) ;;
  '') ;;
  *)
    echo "bench: unknown argument '$2': expected --smoke or nothing" >&2
    exit 2
    ;;
esac

count=0
for program in "$build"/bench/asterism_*_bench; do
  [ -x "$program" ] || continue
  echo "== ${program##*/}"
  "$program" "${arguments[@]}"
  count=$((count + 1))
done
echo "$count benchmark programs ran"
peers=$(dirname "${BASH_SOURCE[0]}")/../bench/peers
if [ "${2:-}" = --smoke ] && [ -x "$build/bench/asterism_peer_image_encoder" ]; then
  make --no-print-directory -C "$peers/image" smoke BUILD="$(cd "$build" && pwd)"
fi
if [ "${2:-}" = --smoke ] && [ -x "$build/bin/asterism" ]; then
  make --no-print-directory -C "$peers/train" smoke BUILD="$(cd "$build" && pwd)"
fi
if [ "${2:-}" = --smoke ] && [ -x "$build/bench/serve/asterism_load" ] && [ -x "$build/bin/asterism" ]; then
  here=$(dirname "${BASH_SOURCE[0]}")
  "$here/../bench/serve/run.sh" "$build" --smoke
  "$here/../bench/http_libraries/run.sh" "$build" --smoke
  "$here/../bench/peers/serve/run.sh" "$build" --smoke
fi
