#!/usr/bin/env bash
# Runs every example of a build once, with models that need no download: tools/examples.sh BUILD
# Clients of the server that are not installed (tools/setup/server_clients.sh) are skipped, by name.
set -euo pipefail

build=${1:?usage: tools/examples.sh BUILD}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$build/bin/example_embed_texts" builtin
"$build/bin/example_nearest_neighbours" builtin "$root/examples/data/queries.txt" "a question about the weather"
"$build/bin/example_embed_images" "$root/examples/models/lenet5" "$root/examples/data/digits"
collection=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$collection"' EXIT
"$build/bin/example_collections" "$collection/clothes"

"$build/bin/asterism" serve -m builtin --port 0 2>"$collection/serve.log" &
server=$!
for _ in $(seq 3000); do
  url=$(sed -n 's/.*serving on \(http[^ ]*\).*/\1/p' "$collection/serve.log")
  [ -z "$url" ] || break
  sleep 0.1
done
"$root/examples/clients/curl.sh" "$url"
clients=${ASTERISM_SERVER_CLIENTS:-$root/.deps/server-clients}
for example in "$root"/examples/clients/*.py; do
  if [ -f "$clients/.stamp" ]; then
    "$clients/bin/python" -B "$example" "$url"
  else
    echo "skipped: $(basename "$example"): tools/setup/server_clients.sh installs what it needs"
  fi
done
