#!/usr/bin/env bash
# Makes the pinned Python environment of a comparison that is that of the text peers (ASTERISM_PEERS_ENV names another
# place) and a folder of packages beside it, once: bench/peers/common/make_packages.sh NAME, of bench/peers/NAME
set -euo pipefail

name=${1:?usage: bench/peers/common/make_packages.sh NAME}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
requirements=$root/bench/peers/$name/requirements.txt
environment=${ASTERISM_PEERS_ENV:-$root/.cache/peers-text/env}
packages=$root/.cache/peers-$name/packages
stamp=$packages/.requirements.sha256
wanted=$(sha256sum <"$requirements" | cut -d' ' -f1)

"$root/bench/peers/text/make_env.sh"
if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  echo "peers: the packages in $packages are there"
  exit 0
fi
rm -rf "$packages"
"$environment/bin/python" -m pip install --quiet --require-hashes --no-deps --target "$packages" \
  --requirement "$requirements"
echo "$wanted" >"$stamp"
echo "peers: packages installed in $packages"
