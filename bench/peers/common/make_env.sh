#!/usr/bin/env bash
# Makes the pinned Python environment of a comparison, once: bench/peers/common/make_env.sh NAME, of bench/peers/NAME
#   ASTERISM_PEERS_ENV=FOLDER   where it is made, or where an environment of your own lies (default .cache/peers-NAME/env)
#   PYTHON=python3.11           the interpreter it is made with
set -euo pipefail

name=${1:?usage: bench/peers/common/make_env.sh NAME}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
requirements=$root/bench/peers/$name/requirements.txt
folder=${ASTERISM_PEERS_ENV:-$root/.cache/peers-$name/env}
stamp=$folder/.requirements.sha256
wanted=$(sha256sum <"$requirements" | cut -d' ' -f1)

if [ -x "$folder/bin/python" ]; then
  if [ ! -e "$stamp" ] || [ "$(cat "$stamp")" = "$wanted" ]; then
    echo "peers: the environment in $folder is there"
    exit 0
  fi
  echo "peers: requirements.txt has changed, the environment in $folder is made anew"
fi
"${PYTHON:-python3}" -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --require-hashes --no-deps --requirement "$requirements"
echo "$wanted" >"$stamp"
echo "peers: environment made in $folder"
