#!/usr/bin/env bash
# Makes a Python environment of a list pinned by hash: python_env.sh WHAT LIST FOLDER. When it is there it only looks.
# It needs Python 3.11 or newer with venv (Debian: python3-venv).
set -euo pipefail

what=${1:?usage: python_env.sh WHAT LIST FOLDER}
list=${2:?usage: python_env.sh WHAT LIST FOLDER}
folder=${3:?usage: python_env.sh WHAT LIST FOLDER}

say() { echo "setup: $*"; }
die() {
  echo "setup: $*" >&2
  exit 1
}

stamp=$(sha256sum "$list" | cut -d' ' -f1)
if [ -f "$folder/.stamp" ] && [ "$(cat "$folder/.stamp")" = "$stamp" ]; then
  exit 0
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "$what: expected Python 3.11 or newer, found $(python3 --version): tests with it will be skipped"
say "installing $what ($(basename "$list")) into ${folder#"$PWD"/}"
# An environment cannot be moved: an interrupted one has no stamp and is made anew.
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
python3 -m venv "$folder" || die "no environment could be made (Debian: apt install python3-venv)"
"$folder/bin/pip" --disable-pip-version-check install --quiet --only-binary=:all: --no-deps --require-hashes -r "$list" ||
  die "could not install $what: check the network (or PIP_INDEX_URL) and run again"
echo "$stamp" >"$folder/.stamp"
