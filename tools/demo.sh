#!/usr/bin/env bash
# The main job on the examples: tools/demo.sh BUILD. Embeds the example texts with the built-in model, then with
# all-MiniLM-L6-v2 from the catalogue, and the example pictures with EfficientNet-Lite0, and shows nearest neighbours.
# Vectors and a page of pictures go to demo/ in BUILD.
set -euo pipefail

build=$(cd "${1:?usage: tools/demo.sh BUILD}" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
asterism=$build/bin/asterism
neighbours=$build/bin/example_nearest_neighbours
image_neighbours=$build/bin/example_embed_images
texts=$root/examples/data/texts.jsonl
out=$build/demo
mkdir -p "$out"
cd "$root"

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

show_images() {
  local pictures=examples/data/images
  printf '\n== efficientnet-lite0: the pictures of %s\n' "$pictures"
  "$asterism" embed "$pictures" -m efficientnet-lite0 -o "$out/images.npy"
  printf '\nNearest pictures by looks:\n'
  "$image_neighbours" efficientnet-lite0 "$pictures"
  "$asterism" similarity --in "$pictures" --each 8 --top 6 -m efficientnet-lite0 --html "$out/pictures.html" >/dev/null
  printf '\nThe same as pictures: open %s\n' "${out#"$root"/}/pictures.html"
}

show_lenet() {
  printf '\n== LeNet-5 with its last layer cut off: the digits of examples/data/digits\n'
  "$asterism" embed examples/data/digits -m examples/models/lenet5 --layer penultimate -o "$out/digits.npy"
  "$image_neighbours" examples/models/lenet5 examples/data/digits
}

show_model builtin builtin
show_model all-MiniLM-L6-v2 minilm
show_lenet
show_images

printf '\nThe vectors are in %s: *.npy, and *.rows.jsonl with what became of each row.\n' "${out#"$root"/}"
