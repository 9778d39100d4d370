#!/usr/bin/env bash
# Runs clang-tidy (names and common mistakes, .clang-tidy) over the sources of a build: tools/lint.sh BUILD [FILE...]
set -euo pipefail

build=${1:?usage: tools/lint.sh BUILD [FILE...]}
shift
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# Older ones cannot parse std::expected.
clang_tidy=
for candidate in clang-tidy-19 clang-tidy-20 clang-tidy-21 clang-tidy-22 clang-tidy-18; do
  if command -v "$candidate" >/dev/null; then
    clang_tidy=$candidate
    break
  fi
done
if [ -z "$clang_tidy" ]; then
  echo "lint: no clang-tidy from 18 on is installed: make dev-tools" >&2
  exit 1
fi
if [ $# = 0 ]; then
  mapfile -t files < <(git ls-files -- 'src/*.cpp')
else
  files=("$@")
fi
printf '%s\0' "${files[@]}" | xargs -0 -n 4 -P "$(nproc)" "$clang_tidy" --quiet -p "$build"
