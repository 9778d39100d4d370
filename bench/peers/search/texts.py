"""The texts whose vectors the search benchmark is about.

Titles, sentences and questions of the data folder, each once. Where they are fewer than asked for, windows of words of
the longer texts are added, and the report says how many. Queries are rows held out before windows are cut, so no query
is in the index, nor cut out of one that is.
"""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SEED = 20240607
WORD_COUNT_MIN = 3
# Windows: long enough to say something, short enough to embed fast; steps so that neighbours share half their words.
WINDOW_WORD_COUNTS = (12, 8, 16, 20)
SENTENCE_END = re.compile(r"(?<=[.!?;])\s+")


@dataclass
class SearchTexts:
    """Rows of the index and queries, and where the rows came from."""

    rows: list[str]
    queries: list[str]
    window_count: int
    sources: dict[str, int]


def one_line(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def read_csv_columns(path: Path, columns: tuple[int, ...], delimiter: str = ",", header: bool = False) -> Iterator[str]:
    """The cells of the given columns, row by row."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        if header:
            next(rows, None)
        for row in rows:
            for column in columns:
                if column < len(row):
                    yield row[column]


def read_cranfield(folder: Path) -> Iterator[str]:
    """Titles and abstracts."""
    document = (folder / "cran.all.1400.xml").read_text(encoding="utf-8", errors="replace")
    for tag in ("title", "text"):
        yield from re.findall(rf"<{tag}>(.*?)</{tag}>", document, flags=re.DOTALL | re.IGNORECASE)


def read_sources(data: Path) -> Iterator[tuple[str, Iterator[str]]]:
    """Each set that is there, with its texts."""
    if (data / "ag_news").is_dir():
        yield "ag_news", read_csv_columns(data / "ag_news" / "test.csv", (1, 2))
    if (data / "cranfield").is_dir():
        yield "cranfield", read_cranfield(data / "cranfield")
    if (data / "fashion_products").is_dir():
        yield (
            "fashion_products",
            read_csv_columns(data / "fashion_products" / "styles_with_titles.csv", (10, 9), header=True),
        )
    if (data / "goodbooks10k").is_dir():
        yield "goodbooks10k", read_csv_columns(data / "goodbooks10k" / "books.csv", (10,), header=True)
    if (data / "movielens_latest_small").is_dir():
        yield (
            "movielens_latest_small",
            read_csv_columns(data / "movielens_latest_small" / "movies.csv", (1,), header=True),
        )
    for name in ("train", "test"):
        if (data / "banking77").is_dir():
            yield f"banking77 {name}", read_csv_columns(data / "banking77" / f"{name}.csv", (0,), header=True)
    for name in ("train", "dev"):
        if (data / "stsb").is_dir():
            yield f"stsb {name}", read_csv_columns(data / "stsb" / f"stsb-en-{name}.csv", (0, 1))
    for name in ("train", "trial", "test_annotated"):
        if (data / "sick2014").is_dir():
            yield (
                f"sick2014 {name}",
                read_csv_columns(data / "sick2014" / f"SICK_{name}.txt", (1, 2), "\t", header=True),
            )


def windows(texts: list[str]) -> Iterator[str]:
    """Runs of words of the texts, the longest texts' in turn with the others'."""
    for word_count in WINDOW_WORD_COUNTS:
        for text in texts:
            words = text.split()
            for begin in range(0, max(0, len(words) - word_count + 1), word_count // 2):
                yield " ".join(words[begin : begin + word_count])


def collect(data: Path, row_count: int, query_count: int) -> SearchTexts:
    """`row_count` different texts for the index (fewer where the data folder is small) and queries beside them."""
    seen: set[str] = set()
    rows: list[str] = []
    whole: list[str] = []
    sources: dict[str, int] = {}
    for name, texts in read_sources(data):
        before = len(rows)
        for text in map(one_line, texts):
            if len(text.split()) < WORD_COUNT_MIN:
                continue
            pieces = [piece for piece in SENTENCE_END.split(text) if len(piece.split()) >= WORD_COUNT_MIN]
            fresh = [piece for piece in pieces if piece not in seen]
            seen.update(fresh)
            rows.extend(dict.fromkeys(fresh))
            whole.append(text)
        sources[name] = len(rows) - before
    chooser = random.Random(SEED)
    chooser.shuffle(rows)
    queries, rows = rows[:query_count], rows[query_count:]
    held_out = set(queries)
    kept_whole = [text for text in whole if not held_out.intersection(SENTENCE_END.split(text))]
    window_count = 0
    for window in windows(kept_whole):
        if len(rows) >= row_count:
            break
        if window not in seen:
            seen.add(window)
            rows.append(window)
            window_count += 1
    rows = rows[:row_count]
    chooser.shuffle(rows)
    return SearchTexts(rows=rows, queries=queries, window_count=window_count, sources=sources)
