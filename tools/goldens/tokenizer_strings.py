"""Strings to try tokenizers on: the same ones here and in tests/unit/tokenizer/golden_strings.hpp, from a seed.

String number i comes from a SplitMix64 stream that starts at state i. The alphabet (alphabet.json) is a list of groups; each says
how to make one piece of a string:
  {"weight": w, "strings": [...]}                              one of the strings
  {"weight": w, "ranges": [[first, last], ...], "repeat": n}   1 to n code points, each from a range drawn anew
  {"weight": w, "ranges": [...], "same": n}                    one code point, 1 to n times
  {"weight": w, "ranges": [...], "cut": true}                  one code point without its last UTF-8 byte
  {"weight": w, "bytes": [first, last], "repeat": n}           1 to n bytes, valid or not
A string has 1 + next % 16 pieces (or none when next % 64 is 0 at the start); a space follows a piece when next % 2 is 1.
Surrogates are replaced by U+0041.
"""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden" / "tokenizer"
MASK = (1 << 64) - 1


class Stream:
    def __init__(self, seed: int) -> None:
        self.state = seed & MASK

    def next(self) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, count: int) -> int:
        return self.next() % count


def read_alphabet(folder: Path = GOLDEN) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = json.loads((folder / "alphabet.json").read_text(encoding="utf-8"))
    return groups


def read_bpe_alphabet(folder: Path = GOLDEN) -> list[dict[str, Any]]:
    """What word patterns tell apart, and the special tokens of BPE models, besides everything else."""
    groups: list[dict[str, Any]] = json.loads((folder / "bpe_alphabet.json").read_text(encoding="utf-8"))
    return read_alphabet(folder) + groups


def code_point(stream: Stream, group: dict[str, Any]) -> str:
    first, last = group["ranges"][stream.below(len(group["ranges"]))]
    c = first + stream.below(last - first + 1)
    return chr(0x41 if 0xD800 <= c <= 0xDFFF else c)


def make_piece(stream: Stream, group: dict[str, Any]) -> bytes:
    if "strings" in group:
        return group["strings"][stream.below(len(group["strings"]))].encode()
    if "bytes" in group:
        first, last = group["bytes"]
        return bytes(first + stream.below(last - first + 1) for _ in range(1 + stream.below(group["repeat"])))
    if "same" in group:
        count = 1 + stream.below(group["same"])
        return code_point(stream, group).encode() * count
    if "cut" in group:
        return code_point(stream, group).encode()[:-1]
    return b"".join(code_point(stream, group).encode() for _ in range(1 + stream.below(group["repeat"])))


def make_string(seed: int, alphabet: list[dict[str, Any]]) -> bytes:
    stream = Stream(seed)
    if stream.below(64) == 0:
        return b""
    total = sum(group["weight"] for group in alphabet)
    out = b""
    for _ in range(1 + stream.below(16)):
        draw = stream.below(total)
        chosen = 0
        while draw >= alphabet[chosen]["weight"]:
            draw -= alphabet[chosen]["weight"]
            chosen += 1
        out += make_piece(stream, alphabet[chosen])
        if stream.below(2) == 1:
            out += b" "
    return out


SWEEP_WIDTH = 16
SWEEP_COUNT = 0x110000 // SWEEP_WIDTH


def make_sweep_string(index: int) -> bytes:
    """Sixteen code points in order, each between letters, so that all strings together hold every code point."""
    codes = range(index * SWEEP_WIDTH, (index + 1) * SWEEP_WIDTH)
    return " ".join(f"a{chr(c)}e\u0301" for c in codes if not 0xD800 <= c <= 0xDFFF).encode()


def make_word_sweep_string(index: int) -> bytes:
    """The same code points where the word patterns look at them: behind an apostrophe, a space, a line break, a digit, doubled."""
    codes = range(index * SWEEP_WIDTH, (index + 1) * SWEEP_WIDTH)
    text = "".join(f"'{c} 'l{c}e a{c}  {c}7{c}\n{c}b" for c in map(chr, codes) if not "\ud800" <= c <= "\udfff")
    return text.encode()


def decode(data: bytes) -> tuple[str, list[int]]:
    """The text, each maximal ill-formed part one U+FFFD, and the byte at which each of its characters begins (and the end)."""
    text = ""
    begins: list[int] = []

    def take(part: bytes, at: int) -> None:
        nonlocal text
        for c in part.decode():
            begins.append(at)
            at += len(c.encode())
            text += c

    done = 0
    ill_formed: list[tuple[int, int]] = []

    def note(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        ill_formed.append((error.start, error.end))
        return "", error.end

    codecs.register_error("asterism-note", note)
    data.decode("utf-8", "asterism-note")
    for start, end in ill_formed:
        take(data[done:start], done)
        begins.append(start)
        text += "\ufffd"
        done = end
    take(data[done:], done)
    begins.append(len(data))
    return text, begins
