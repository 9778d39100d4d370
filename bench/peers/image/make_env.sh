#!/usr/bin/env bash
# Makes the pinned Python environment of the image peers, once: bench/peers/image/make_env.sh
# It is that of the text peers (ASTERISM_PEERS_ENV names another place) and a folder of packages beside it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
environment=${ASTERISM_PEERS_ENV:-$root/.cache/peers-text/env}
packages=$root/.cache/peers-image/packages
stamp=$packages/.requirements.sha256
wanted=$(sha256sum <"$here/requirements.txt" | cut -d' ' -f1)

"$here/../text/make_env.sh"
if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  echo "peers: the packages in $packages are there"
  exit 0
fi
rm -rf "$packages"
"$environment/bin/python" -m pip install --quiet --require-hashes --no-deps --target "$packages" \
  --requirement "$here/requirements.txt"
echo "$wanted" >"$stamp"
echo "peers: packages installed in $packages"
