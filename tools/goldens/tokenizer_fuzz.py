"""Compares Asterism's tokenizer with the installed `tokenizers` package on generated strings, id for id and offset for offset.

    cmake --build build/release --target asterism_tokenizer
    python tools/goldens/tokenizer_fuzz.py --build build/release                     # the committed models
    python tools/goldens/tokenizer_fuzz.py --build build/release --first 5000000 --count 100000 PATH/tokenizer.json
    python tools/goldens/tokenizer_fuzz.py --build build/release --transformers FOLDER   # a folder without tokenizer.json

Strings are those of tokenizer_strings.py, from seed --first on. Prints the first differences; exit status 1 if there are any.
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import BPE

from tokenizer_models import read_variants
from tokenizer_record import encode_all
from tokenizer_strings import make_string, read_alphabet, read_bpe_alphabet

ROOT = Path(__file__).resolve().parents[2]
SHOWN = 5


def compile_program(build: Path, folder: Path) -> Path:
    program = folder / "tokenizer_encode"
    libraries = [build / "src" / f"libasterism_{name}.a" for name in ("tokenizer", "base")]
    source = ROOT / "tools" / "goldens" / "tokenizer_encode.cpp"
    flags = ["-std=c++23", "-O2", f"-I{ROOT / 'include'}", f"-I{ROOT / 'src'}"]
    command: list[str | Path] = ["g++", *flags, source, *libraries, "-lfmt", "-lsimdjson", "-lcrypto", "-o", program]
    subprocess.run(command, check=True)
    return program


def encode_ours(program: Path, model: Path, texts: list[bytes]) -> list[tuple[list[int], list[tuple[int, int]]]]:
    blob = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    done = subprocess.run([program, model], input=blob, stdout=subprocess.PIPE, check=True)
    words = struct.unpack(f"<{len(done.stdout) // 4}I", done.stdout)
    result, at = [], 0
    while at < len(words):
        end = at + 1 + 3 * words[at]
        result.append(
            (list(words[at + 1 : end : 3]), list(zip(words[at + 2 : end : 3], words[at + 3 : end : 3], strict=True)))
        )
        at = end
    return result


def compare(name: str, program: Path, model: Path, tokenizer: Tokenizer, seeds: range) -> int:
    alphabet = read_bpe_alphabet() if isinstance(tokenizer.model, BPE) else read_alphabet()
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ours = encode_ours(program, model, [make_string(seed, alphabet) for seed in seeds])
    wrong = 0
    for seed, mine, (data, ids, offsets) in zip(
        seeds, ours, encode_all(tokenizer, seeds, lambda seed: make_string(seed, alphabet)), strict=True
    ):
        if mine != (ids, offsets):
            wrong += 1
            if wrong <= SHOWN:
                print(f"{name}, seed {seed}: {data!r}\n  expected {ids} {offsets}\n  found    {mine[0]} {mine[1]}")
    print(f"{name}: {wrong} of {len(seeds)} strings differ", flush=True)
    return wrong


def transformers_tokenizer(folder: Path) -> Tokenizer:
    from transformers import AutoTokenizer

    loaded: Any = AutoTokenizer.from_pretrained(folder)
    return Tokenizer.from_str(loaded.backend_tokenizer.to_str())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, help="tokenizer.json files; none: every committed model")
    parser.add_argument("--build", type=Path, required=True, help="build folder with the compiled libraries")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--transformers", type=Path, action="append", default=[], help="folder that transformers loads")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.count)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        program = compile_program(options.build, folder)
        wrong = 0
        for path in options.models:
            wrong += compare(str(path), program, path, Tokenizer.from_file(str(path)), seeds)
        for path in options.transformers:
            wrong += compare(str(path), program, path, transformers_tokenizer(path), seeds)
        if not options.models and not options.transformers:
            for model in read_variants():
                path = folder / f"{model['name']}.json"
                path.write_text(json.dumps(model["json"]), encoding="utf-8")
                wrong += compare(
                    model["name"], program, path, Tokenizer.from_str(path.read_text(encoding="utf-8")), seeds
                )
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
