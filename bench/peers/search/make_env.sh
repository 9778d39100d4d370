#!/usr/bin/env bash
# Makes the pinned Python environment of the peers, once: bench/peers/search/make_env.sh
#   ASTERISM_PEERS_ENV=FOLDER   where it is made, or where an environment of your own lies (default .cache/peers-search/env)
#   PYTHON=python3.11           the interpreter it is made with
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
folder=${ASTERISM_PEERS_ENV:-$root/.cache/peers-search/env}
stamp=$folder/.requirements.sha256
wanted=$(sha256sum <"$here/requirements.txt" | cut -d' ' -f1)

if [ -x "$folder/bin/python" ]; then
  if [ ! -e "$stamp" ] || [ "$(cat "$stamp")" = "$wanted" ]; then
    echo "peers: the environment in $folder is there"
    exit 0
  fi
  echo "peers: requirements.txt has changed, the environment in $folder is made anew"
fi
"${PYTHON:-python3}" -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --require-hashes --no-deps --requirement "$here/requirements.txt"
echo "$wanted" >"$stamp"
echo "peers: environment made in $folder"
