#!/usr/bin/env bash
# Installs milvus-lite (milvus-lite.txt, pinned by hash) into a Python environment of its own in .deps/milvus-lite: the
# server that tests of collections in Milvus start themselves. Without it those tests are skipped and say so. When it is
# there it only looks. It needs Python 3.11 or newer with venv (Debian: python3-venv).
#
#   ASTERISM_MILVUS_LITE=/path   another folder
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${ASTERISM_MILVUS_LITE:-$root/.deps/milvus-lite}
list=$here/milvus-lite.txt

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
  die "milvus-lite needs Python 3.11 or newer, found $(python3 --version): tests of Milvus will be skipped"
say "installing $(sed -n 's/^\(milvus-lite==[^ ]*\).*/\1/p' "$list") into ${folder#"$root"/}"
# An environment cannot be moved: an interrupted one has no stamp and is made anew.
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
python3 -m venv "$folder" || die "no environment could be made (Debian: apt install python3-venv)"
"$folder/bin/pip" --disable-pip-version-check install --quiet --only-binary=:all: --no-deps --require-hashes -r "$list" ||
  die "could not install milvus-lite: check the network (or PIP_INDEX_URL) and run again"
echo "$stamp" >"$folder/.stamp"
