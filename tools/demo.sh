#!/usr/bin/env bash
# The main job on the example texts: tools/demo.sh BUILD. Embeds them with the built-in model, then with
# all-MiniLM-L6-v2 from the catalogue, and shows the nearest neighbours of a few queries. Vectors go to demo/ in BUILD.
set -euo pipefail

build=$(cd "${1:?usage: tools/demo.sh BUILD}" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
asterism=$build/bin/asterism
neighbours=$build/bin/example_nearest_neighbours
texts=$root/examples/data/texts.jsonl
out=$build/demo
mkdir -p "$out"

# The lines that the neighbours are looked for in: the same texts without their ids.
sed -n 's/.*"text": "\(.*\)", "category".*/\1/p' "$texts" | sed 's/\\"/"/g' >"$out/texts.txt"
mapfile -t queries < <(head -n 3 "$root/examples/data/queries.txt")

# show_model MODEL NAME
show_model() {
  local model=$1 vectors=$out/$2.npy
  printf '\n== %s: %s\n' "$model" "$(wc -l <"$texts") texts of examples/data/texts.jsonl"
  "$asterism" embed "$texts" --column text -m "$model" -o "$vectors"
  printf '\nNearest texts by meaning:\n'
  "$neighbours" "$model" "$out/texts.txt" "${queries[@]}"
}

show_model builtin builtin
show_model all-MiniLM-L6-v2 minilm

printf '\nThe vectors are in %s: *.npy, and *.rows.jsonl with what became of each row.\n' "${out#"$root"/}"
