"""Records what the `tokenizers` package makes of the golden strings, for tests/unit/tokenizer.

    python tools/goldens/tokenizer_record.py            # hashes and samples for the committed models
    python tools/goldens/tokenizer_record.py --train    # trains the models anew first

Recorded with tokenizers 0.23.3. Ids and offsets are integers: there is no tolerance.
hashes.txt: for each model a line "model NAME STRINGS", then one line per block of 100 strings: hash of all ids, hash of all
offsets (FNV-1a over 64-bit words; each string adds its token count first). samples.jsonl: the first strings in full.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

import tokenizers
from tokenizer_models import read_variants, write_models
from tokenizer_strings import GOLDEN, MASK, decode, make_string, read_alphabet
from tokenizers import Tokenizer

BLOCK = 100
# The two kinds of BERT vocabulary in full, every other model enough to meet each of its steps.
STRING_COUNTS = {"uncased": 100_000, "cased": 100_000, "unigram": 20_000}
STRING_COUNT_VARIANT = 3_000
SAMPLE_COUNT = 60


def mix(state: int, value: int) -> int:
    return ((state ^ value) * 0x100000001B3) & MASK


def encode_all(tokenizer: Tokenizer, count: int, alphabet: list[dict[str, Any]]) -> Iterator[tuple[bytes, list[int], list[tuple[int, int]]]]:
    """Golden strings with their ids and byte offsets."""
    for first in range(0, count, BLOCK):
        data = [make_string(seed, alphabet) for seed in range(first, min(first + BLOCK, count))]
        decoded = [decode(one) for one in data]
        for one, (_, begins), encoding in zip(data, decoded, tokenizer.encode_batch([text for text, _ in decoded]), strict=True):
            yield one, encoding.ids, [(begins[begin], begins[end]) for begin, end in encoding.offsets]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", action="store_true")
    if tokenizers.__version__ != "0.23.3":
        raise SystemExit(f"expected tokenizers 0.23.3, found {tokenizers.__version__}")
    if parser.parse_args().train:
        write_models()
    alphabet = read_alphabet()
    hashes: list[str] = []
    samples: list[str] = []
    for model in read_variants():
        tokenizer = Tokenizer.from_str(json.dumps(model["json"]))
        count = STRING_COUNTS.get(model["name"], STRING_COUNT_VARIANT)
        hashes.append(f"model {model['name']} {count}")
        ids_hash = offsets_hash = 0xCBF29CE484222325
        for i, (data, ids, offsets) in enumerate(encode_all(tokenizer, count, alphabet)):
            if i < SAMPLE_COUNT and model["name"] in STRING_COUNTS:
                flat = [place for pair in offsets for place in pair]
                samples.append(json.dumps({"model": model["name"], "text": data.hex(), "ids": ids, "offsets": flat}, separators=(",", ":")))
            ids_hash, offsets_hash = mix(ids_hash, len(ids)), mix(offsets_hash, len(ids))
            for token, (begin, end) in zip(ids, offsets, strict=True):
                ids_hash = mix(ids_hash, token)
                offsets_hash = mix(mix(offsets_hash, begin), end)
            if (i + 1) % BLOCK == 0:
                hashes.append(f"{ids_hash:016x} {offsets_hash:016x}")
                ids_hash = offsets_hash = 0xCBF29CE484222325
        print(model["name"], count)
    (GOLDEN / "hashes.txt").write_text("\n".join(hashes) + "\n")
    (GOLDEN / "samples.jsonl").write_text("\n".join(samples) + "\n")


if __name__ == "__main__":
    main()
