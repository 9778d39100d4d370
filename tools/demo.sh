#!/usr/bin/env bash
# The main job on the examples: tools/demo.sh BUILD. Embeds the example texts and pictures with the built-in models, then
# with all-MiniLM-L6-v2 and EfficientNet-Lite0 from the catalogue where they can be fetched, and shows nearest neighbours, and
# keeps the texts in a collection. Vectors, the collection and a page of pictures go to demo/ in BUILD.
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

# show_images MODEL NAME
show_images() {
  local model=$1 page=$out/$2.html pictures=examples/data/images
  printf '\n== %s: the pictures of %s\n' "$model" "$pictures"
  "$asterism" embed "$pictures" -m "$model" -o "$out/$2.npy"
  printf '\nNearest pictures by looks:\n'
  "$image_neighbours" "$model" "$pictures"
  "$asterism" similarity --in "$pictures" --each 8 --top 6 -m "$model" --html "$page" >/dev/null
  printf '\nThe same as pictures: open %s\n' "${page#"$root"/}"
}

# fetched MODEL: whether it is here, or comes now.
fetched() {
  "$asterism" models pull "$1" >/dev/null || {
    printf '\n== %s is not here and could not be fetched: left out\n' "$1"
    return 1
  }
}

show_lenet() {
  printf '\n== LeNet-5 with its last layer cut off: the digits of examples/data/digits\n'
  "$asterism" embed examples/data/digits -m examples/models/lenet5 --layer penultimate -o "$out/digits.npy"
  "$image_neighbours" examples/models/lenet5 examples/data/digits
}

# A collection of the texts: kept, asked by meaning, by a filter, by words.
show_collection() {
  printf '\n== A collection: the texts with their categories, in %s\n' "${out#"$root"/}/notes"
  rm -rf "$out/notes"
  "$asterism" add "$out/notes" "$texts"
  printf '\nWhat is nearest to "a small bright thing in the sky":\n'
  "$asterism" search "$out/notes" "a small bright thing in the sky" -k 3
  printf '\nThe same among texts on gardening:\n'
  "$asterism" search "$out/notes" "a small bright thing in the sky" -k 3 --filter "category = 'gardening'"
  printf '\nBy meaning and by the word "comet", and how it was found:\n'
  "$asterism" search "$out/notes" "a small bright thing in the sky" -k 3 --keywords comet --explain
}

show_model builtin builtin
show_collection
show_images builtin-image pictures
show_lenet
if fetched all-MiniLM-L6-v2; then show_model all-MiniLM-L6-v2 minilm; fi
if fetched efficientnet-lite0; then show_images efficientnet-lite0 pictures_lite0; fi

printf '\nThe vectors are in %s: *.npy, and *.rows.jsonl with what became of each row.\n' "${out#"$root"/}"
