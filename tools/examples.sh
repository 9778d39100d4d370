#!/usr/bin/env bash
# Runs every C++ example of a build once, with models that need no download: tools/examples.sh BUILD
set -euo pipefail

build=${1:?usage: tools/examples.sh BUILD}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$build/bin/example_embed_texts" builtin
"$build/bin/example_nearest_neighbours" builtin "$root/examples/data/queries.txt" "a question about the weather"
"$build/bin/example_embed_images" "$root/examples/models/lenet5" "$root/examples/data/digits"
collection=$(mktemp -d)
trap 'rm -rf "$collection"' EXIT
"$build/bin/example_collections" "$collection/clothes"
