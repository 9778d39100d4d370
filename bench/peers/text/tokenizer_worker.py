"""The `tokenizers` package alone, one thread, driven as tokenizer_worker.cpp is.

texts PATH  read texts, one a line                   -> ok COUNT
encode      token ids of all texts                   -> ok SECONDS TOKENS
ids PATH    write the ids, one line a text           -> ok COUNT
quit
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tokenizers import Tokenizer


def answer(tokenizer: Tokenizer, texts: list[str], command: str, argument: str) -> str:
    if command == "texts":
        texts[:] = Path(argument).read_text(encoding="utf-8").splitlines()
        return str(len(texts))
    if command == "encode":
        start = time.perf_counter()
        encodings = tokenizer.encode_batch_fast(texts)
        seconds = time.perf_counter() - start
        return f"{seconds:.9f} {sum(len(encoding.ids) for encoding in encodings)}"
    if command == "ids":
        lines = [" ".join(map(str, encoding.ids)) for encoding in tokenizer.encode_batch_fast(texts)]
        Path(argument).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(len(lines))
    raise ValueError(f"unknown command {command!r}")


def main() -> None:
    tokenizer = Tokenizer.from_file(str(Path(sys.argv[1]) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    texts: list[str] = []
    print("ok ready", flush=True)
    for line in sys.stdin:
        command, _, argument = line.rstrip("\n").partition(" ")
        if command == "quit":
            break
        try:
            print("ok " + answer(tokenizer, texts, command, argument), flush=True)
        except Exception as error:
            print(f"error {type(error).__name__}: {error}".replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
