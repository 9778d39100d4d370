#!/usr/bin/env bash
# Runs clang-tidy over the sources of a build: tools/lint.sh BUILD [FILE...]
set -euo pipefail

build=${1:?usage: tools/lint.sh BUILD [FILE...]}
shift
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
command -v clang-tidy >/dev/null || {
  echo "lint: clang-tidy is not installed (Debian: apt-get install clang-tidy)" >&2
  exit 1
}
if [ $# = 0 ]; then
  mapfile -t files < <(git ls-files -- 'src/*.cpp')
else
  files=("$@")
fi
printf '%s\0' "${files[@]}" | xargs -0 -n 4 -P "$(nproc)" clang-tidy --quiet -p "$build"
