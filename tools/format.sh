#!/usr/bin/env bash
# Formats the C++ sources with clang-format and the Python files with ruff, where each is installed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
if command -v clang-format >/dev/null; then
  git ls-files -z -- '*.cpp' '*.hpp' | xargs -0 clang-format -i
else
  echo "format: clang-format is not installed; C++ left as it is (Debian: apt-get install clang-format)" >&2
fi
if command -v ruff >/dev/null; then
  ruff format --quiet .
else
  echo "format: ruff is not installed; Python left as it is (pip install ruff)" >&2
fi
