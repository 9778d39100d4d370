#!/usr/bin/env bash
# Installs what only people who change the project need: clang-format, a clang-tidy that reads C++23, shellcheck, ccache
# (Debian), and ruff and mypy (pinned, in .deps/devtools). `make test` runs their checks where they are installed and
# lists them as skipped where they are not.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
devtools=$(cd "$here/../.." && pwd)/.deps/devtools
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends clang-format clang-tidy-19 shellcheck ccache >/dev/null
python3 -m venv "$devtools"
"$devtools/bin/pip" --disable-pip-version-check install --quiet -r "$here/dev-requirements.txt"
echo "dev-tools: installed; ruff and mypy are in .deps/devtools/bin, where make test and make format find them"
