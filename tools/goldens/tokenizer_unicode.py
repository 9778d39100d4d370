"""Records the character classes and mappings that the `tokenizers` package applies, as C++ tables.

    python tools/goldens/tokenizer_unicode.py > src/tokenizer/unicode_tables.cpp

The package links several Unicode versions at once: an old category table for cleaning, accents and punctuation, an old
normalisation table, and the Rust standard library's current tables for lower case and white space. Instead of guessing the
versions, every code point goes through the package itself and what comes out is written down. Recorded with tokenizers 0.23.3.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterable

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
HANGUL = range(0xAC00, 0xAC00 + 11172)
PAGE_BITS = 7
# Bit order of CharFlag in src/tokenizer/unicode.hpp.
FLAGS = (
    "dropped",
    "whitespace",
    "chinese",
    "punctuation",
    "nonspacing",
    "mark",
    "canonical",
    "compatible",
    "word",
    "letter",
    "number",
)


def sweep(function: Callable[[str], str]) -> dict[int, str]:
    """What `function` changes: code point to result, for every code point that it does not leave alone."""
    return {c: result for c in CODE_POINTS if (result := function(chr(c))) != chr(c)}


def bert(**kwargs: bool) -> Callable[[str], str]:
    options = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    return normalizers.BertNormalizer(**{**options, **kwargs}).normalize_str


def combining_classes(nfd: Callable[[str], str], decomposed: Iterable[int]) -> dict[int, int]:
    """Canonical combining classes, found from the order in which NFD puts two marks behind a letter."""
    skip = set(decomposed)
    marks = [
        c
        for c in CODE_POINTS
        if c not in skip
        and c not in HANGUL
        and (nfd(f"a\u0345{chr(c)}") == f"a{chr(c)}\u0345" or nfd(f"a{chr(c)}\u0334") == f"a\u0334{chr(c)}")
    ]
    # One mark of each class: classes of characters never change between Unicode versions.
    samples = {unicodedata.combining(chr(c)): chr(c) for c in reversed(marks) if unicodedata.combining(chr(c))}
    classes = {}
    for c in marks:
        classes[c] = max(v for v, sample in samples.items() if nfd(f"a{sample}{chr(c)}") == f"a{sample}{chr(c)}")
    classes.update({ord(sample): value for value, sample in samples.items()})
    # Class 1 marks never swap behind the probe of class 1.
    overlays = [c for c in CODE_POINTS if nfd(f"a\u0345{chr(c)}") == f"a{chr(c)}\u0345" and c not in classes]
    classes.update(dict.fromkeys(overlays, 1))
    return classes


def compositions(nfc: Callable[[str], str], canonical: dict[int, str]) -> list[tuple[int, int, int]]:
    """Pairs that NFC joins, Hangul syllables left to arithmetic."""
    pairs = []
    for c, parts in canonical.items():
        if c in HANGUL or len(parts) < 2 or nfc(chr(c)) != chr(c):
            continue
        head = nfc(parts[:-1])
        if len(head) != 1 or nfc(head + parts[-1]) != chr(c):
            raise SystemExit(f"U+{c:04X} does not come from a pair")
        pairs.append((ord(head), ord(parts[-1]), c))
    return sorted(pairs)


def emit(name: str, ctype: str, values: list[str]) -> None:
    print(f"const std::array<{ctype}, {len(values)}> {name}{{{{")
    line = ""
    for value in values:
        if len(line) + len(value) + 1 > 118:
            print(line)
            line = ""
        line += value + ","
    print(line + "}};")


def emit_mappings(name: str, mappings: dict[int, str], pool: list[int]) -> None:
    rows = []
    for c, parts in sorted(mappings.items()):
        rows.append(f"{{{c},{len(pool)},{len(parts)}}}")
        pool.extend(map(ord, parts))
    emit(name, "Decomposition", rows)


def main() -> None:
    if tokenizers.__version__ != "0.23.3":
        raise SystemExit(f"expected tokenizers 0.23.3, found {tokenizers.__version__}")
    nfd, nfc = normalizers.NFD().normalize_str, normalizers.NFC().normalize_str
    clean = sweep(bert(clean_text=True))
    whitespace = set(sweep(normalizers.Strip(left=True, right=False).normalize_str))
    if whitespace != set(sweep(normalizers.Replace(Regex(r"\s"), "").normalize_str)):
        raise SystemExit("the regular expressions' white space is not the normalisers'")
    canonical, compatible = sweep(nfd), sweep(normalizers.NFKD().normalize_str)
    stripped = sweep(bert(strip_accents=True))
    lower = sweep(normalizers.Lowercase().normalize_str)
    punctuation = pre_tokenizers.Punctuation("isolated").pre_tokenize_str
    words = pre_tokenizers.Whitespace().pre_tokenize_str
    letter = pre_tokenizers.Split(Regex(r"\p{L}"), "removed").pre_tokenize_str
    number = pre_tokenizers.Split(Regex(r"\p{N}"), "removed").pre_tokenize_str
    classes = combining_classes(nfd, canonical)
    if {c: v for c, v in lower.items() if len(v) != 1} != {0x130: "i\u0307"}:
        raise SystemExit("expected U+0130 alone to have a lower case of two characters")

    sets = {
        "dropped": {c for c, v in clean.items() if v == ""},
        "whitespace": whitespace,
        "chinese": set(sweep(bert(handle_chinese_chars=True))),
        "punctuation": {c for c in CODE_POINTS if len(punctuation(f"a{chr(c)}")) == 2},
        "nonspacing": {c for c, v in stripped.items() if v == "" and c not in canonical},
        "mark": set(sweep(normalizers.StripAccents().normalize_str)),
        "canonical": set(canonical),
        "compatible": {c for c, v in compatible.items() if v != canonical.get(c)},
        "word": {c for c in CODE_POINTS if c not in whitespace and len(words(f"a{chr(c)}")) == 1},
        "letter": {c for c in CODE_POINTS if not letter(chr(c))},
        "number": {c for c in CODE_POINTS if not number(chr(c))},
    }
    # Cleaning turns into a space exactly the white space that it does not drop: one flag says both.
    if {c for c, v in clean.items() if v == " "} | {0x20} != whitespace - sets["dropped"]:
        raise SystemExit("expected cleaning to map all white space that it keeps to U+0020")

    records: dict[tuple[int, int, int], int] = {}
    row = []
    for c in range(0x110000):
        flags = sum(1 << bit for bit, name in enumerate(FLAGS) if c in sets[name])
        # U+0130 is marked by a difference that no character can have.
        lowered = lower.get(c, chr(c)) if not 0xD800 <= c <= 0xDFFF else chr(c)
        delta = ord(lowered) - c if len(lowered) == 1 else 0x110000
        row.append(records.setdefault((flags, classes.get(c, 0), delta), len(records)))
    if len(records) > 256:
        raise SystemExit(f"{len(records)} distinct records do not fit a byte")
    pages: dict[tuple[int, ...], int] = {}
    blocks = [
        pages.setdefault(tuple(row[i : i + (1 << PAGE_BITS)]), len(pages)) for i in range(0, len(row), 1 << PAGE_BITS)
    ]

    print("// Generated by `python tools/goldens/tokenizer_unicode.py`; do not edit.")
    print(f"// Source: every code point sent through the Python package tokenizers {tokenizers.__version__}.")
    print("// clang-format off")
    print('#include "tokenizer/unicode_tables.hpp"\n\nnamespace asterism::unicode {\n')
    emit("kCharRecords", "CharRecord", [f"{{{d},{f},{k}}}" for f, k, d in records])
    emit("kPageOfBlock", "std::uint8_t", [str(b) for b in blocks])
    emit("kRecordOfChar", "std::uint8_t", [str(r) for page in pages for r in page])
    pool: list[int] = []
    emit_mappings("kCanonicalDecompositions", {c: v for c, v in canonical.items() if c not in HANGUL}, pool)
    emit_mappings("kCompatibleDecompositions", {c: v for c, v in compatible.items() if c in sets["compatible"]}, pool)
    emit("kDecompositionPool", "char32_t", [str(c) for c in pool])
    emit("kCompositions", "Composition", [f"{{{a},{b},{c}}}" for a, b, c in compositions(nfc, canonical)])
    print("\n}  // namespace asterism::unicode")
    sizes = f"{len(records)} records, {len(pages)} pages, {len(pool)} in the pool, {len(classes)} combining classes"
    print(sizes, file=sys.stderr)


if __name__ == "__main__":
    main()
