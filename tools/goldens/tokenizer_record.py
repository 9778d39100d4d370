"""Records what the `tokenizers` package makes of the golden strings, for tests/unit/tokenizer.

    python tools/goldens/tokenizer_record.py            # hashes and samples for the committed models
    python tools/goldens/tokenizer_record.py --train    # trains the models anew first
    python tools/goldens/tokenizer_record.py --bpe      # only the models with BPE; the other recordings stay

Recorded with tokenizers 0.23.3. Ids and offsets are integers: there is no tolerance.
hashes.txt: for each model a line "model NAME", then one line per block of 100 strings: hash of all ids, hash of all
offsets (FNV-1a over 64-bit words; each string adds its token count first). "sweep NAME" likewise, for the strings that hold
every code point, in blocks of 1024, and "words NAME" for those that put every code point where word patterns look. samples.jsonl: the first strings in full.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import tokenizers
from tokenizers import Tokenizer

from tokenizer_models import read_variants, write_bpe_models, write_models
from tokenizer_strings import (
    GOLDEN,
    MASK,
    SWEEP_COUNT,
    decode,
    make_string,
    make_sweep_string,
    make_word_sweep_string,
    read_alphabet,
    read_bpe_alphabet,
)

BLOCK = 100
# The two kinds of BERT vocabulary in full, every other model enough to meet each of its steps.
STRING_COUNTS = {
    "uncased": 100_000,
    "cased": 100_000,
    "unigram": 20_000,
    "roberta": 30_000,
    "clip": 30_000,
    "fallback": 10_000,
    "words": 5_000,
    "affixes": 5_000,
}
STRING_COUNT_VARIANT = 3_000
SAMPLE_COUNT = 60
# Together these meet every table: cleaning, Chinese characters, accents, lower case, the four normal forms, punctuation, words.
SWEPT = ("uncased", "cased", "no_clean_text", "nfd_marks", "nfc_words", "nfkc_strip", "nfkd_plain")
SWEEP_BLOCK = 1024
# Each of the word patterns.
WORD_SWEPT = ("roberta", "clip", "clip_marked", "llama3", "qwen2")


def mix(state: int, value: int) -> int:
    return ((state ^ value) * 0x100000001B3) & MASK


Encoded = tuple[bytes, list[int], list[tuple[int, int]]]


def encode_all(tokenizer: Tokenizer, seeds: range, make: Callable[[int], bytes]) -> Iterator[Encoded]:
    """The strings with their ids and byte offsets."""
    for first in range(0, len(seeds), BLOCK):
        data = [make(seed) for seed in seeds[first : first + BLOCK]]
        decoded = [decode(one) for one in data]
        for one, (_, begins), encoding in zip(
            data, decoded, tokenizer.encode_batch([text for text, _ in decoded]), strict=True
        ):
            yield one, encoding.ids, [(begins[begin], begins[end]) for begin, end in encoding.offsets]


def block_hashes(encoded: Iterable[Encoded], block: int) -> Iterator[str]:
    start = 0xCBF29CE484222325
    ids_hash = offsets_hash = start
    for i, (_, ids, offsets) in enumerate(encoded):
        ids_hash, offsets_hash = mix(ids_hash, len(ids)), mix(offsets_hash, len(ids))
        for token, (begin, end) in zip(ids, offsets, strict=True):
            ids_hash = mix(ids_hash, token)
            offsets_hash = mix(mix(offsets_hash, begin), end)
        if (i + 1) % block == 0:
            yield f"{ids_hash:016x} {offsets_hash:016x}"
            ids_hash = offsets_hash = start


def sample(name: str, encoded: Encoded) -> str:
    data, ids, offsets = encoded
    flat = [place for pair in offsets for place in pair]
    return json.dumps({"model": name, "text": data.hex(), "ids": ids, "offsets": flat}, separators=(",", ":"))


@dataclass
class Recording:
    hashes: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)


def read_recordings() -> dict[str, Recording]:
    """The lines of hashes.txt and samples.jsonl, by model."""
    recordings: dict[str, Recording] = defaultdict(Recording)
    name = ""
    for line in (GOLDEN / "hashes.txt").read_text().splitlines():
        first, second = line.split()
        name = second if first in ("model", "sweep", "words") else name
        recordings[name].hashes.append(line)
    for line in (GOLDEN / "samples.jsonl").read_text().splitlines():
        recordings[json.loads(line)["model"]].samples.append(line)
    return recordings


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--bpe", action="store_true")
    if tokenizers.__version__ != "0.23.3":
        raise SystemExit(f"expected tokenizers 0.23.3, found {tokenizers.__version__}")
    options = parser.parse_args()
    if options.train and not options.bpe:
        write_models()
    if options.train:
        write_bpe_models()
    alphabets = {False: read_alphabet(), True: read_bpe_alphabet()}
    hashes: list[str] = []
    samples: list[str] = []
    before = read_recordings()
    for model in read_variants():
        name = model["name"]
        if options.bpe and model["json"]["model"]["type"] != "BPE":
            hashes += before[name].hashes
            samples += before[name].samples
            continue
        tokenizer = Tokenizer.from_str(json.dumps(model["json"]))
        tokenizer.no_padding()
        alphabet = alphabets[model["json"]["model"]["type"] == "BPE"]
        make = partial(make_string, alphabet=alphabet)
        seeds = range(STRING_COUNTS.get(name, STRING_COUNT_VARIANT))
        hashes += [f"model {name}", *block_hashes(encode_all(tokenizer, seeds, make), BLOCK)]
        if name in STRING_COUNTS:
            samples += [sample(name, encoded) for encoded in encode_all(tokenizer, range(SAMPLE_COUNT), make)]
        if name in SWEPT:
            swept = encode_all(tokenizer, range(SWEEP_COUNT), make_sweep_string)
            hashes += [f"sweep {name}", *block_hashes(swept, SWEEP_BLOCK)]
        if name in WORD_SWEPT:
            swept = encode_all(tokenizer, range(SWEEP_COUNT), make_word_sweep_string)
            hashes += [f"words {name}", *block_hashes(swept, SWEEP_BLOCK)]
        print(name, flush=True)
    (GOLDEN / "hashes.txt").write_text("\n".join(hashes) + "\n")
    (GOLDEN / "samples.jsonl").write_text("\n".join(samples) + "\n")


if __name__ == "__main__":
    main()
