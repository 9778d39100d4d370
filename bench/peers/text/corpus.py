"""The texts that the benchmarks run on.

`default`: real texts of mixed length from the data folder (ASTERISM_DATA, else ../shared/data beside the repository),
which is never part of the project. What is missing is named; with nothing there, longer texts are made by joining
the example texts, and the report says so.
"""

from __future__ import annotations

import csv
import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

from environment import data_folder

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples" / "data" / "texts.jsonl"
SEED = 20240607
WORD_COUNT_MIN = 3
# English news and abstracts have 1.2 to 1.35 tokens a word: 190 words stay near 256 tokens.
WORD_COUNT_MAX = 190


@dataclass
class Corpus:
    """Texts, one line each, and where they came from."""

    texts: list[str]
    sources: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    def describe(self) -> str:
        parts = [f"{name} {count}" for name, count in self.sources.items()]
        note = "; skipped, not there: " + ", ".join(self.skipped) if self.skipped else ""
        return f"{len(self.texts)} texts ({', '.join(parts)}){note}"


def one_line(text: str) -> str:
    return " ".join(text.split())


def read_ag_news(folder: Path) -> list[str]:
    with (folder / "test.csv").open(encoding="utf-8", newline="") as file:
        return [f"{row[1]}. {row[2]}" for row in csv.reader(file) if len(row) >= 3]


def read_cranfield(folder: Path) -> list[str]:
    document = (folder / "cran.all.1400.xml").read_text(encoding="utf-8", errors="replace")
    return re.findall(r"<text>(.*?)</text>", document, flags=re.DOTALL | re.IGNORECASE)


def read_stsb(folder: Path) -> list[str]:
    with (folder / "stsb-en-train.csv").open(encoding="utf-8", newline="") as file:
        return [text for row in csv.reader(file) for text in row[:2]]


def read_banking77(folder: Path) -> list[str]:
    with (folder / "train.csv").open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file)][1:]


# Shares of the default corpus: short queries, single sentences, news items, abstracts.
SHARES = {
    "banking77": (read_banking77, 0.2),
    "stsb": (read_stsb, 0.25),
    "ag_news": (read_ag_news, 0.35),
    "cranfield": (read_cranfield, 0.2),
}


def read_examples() -> list[str]:
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)["text"]) for line in lines]


def generated(count: int, rng: random.Random) -> list[str]:
    """One to twelve example texts joined: 4 to about 190 words."""
    examples = read_examples()
    texts: list[str] = []
    while len(texts) < count:
        parts = rng.sample(examples, k=min(12, 1 + int(rng.expovariate(0.45))))
        texts.append(" ".join(" ".join(parts).split()[:WORD_COUNT_MAX]))
    return texts


def default_corpus(count: int) -> Corpus:
    rng = random.Random(SEED)
    corpus = Corpus([])
    for name, (read, share) in SHARES.items():
        folder = data_folder() / name
        if not folder.is_dir():
            corpus.skipped.append(name)
            continue
        lines = [one_line(text) for text in read(folder)]
        lines = [" ".join(text.split()[:WORD_COUNT_MAX]) for text in lines if len(text.split()) >= WORD_COUNT_MIN]
        wanted = min(len(lines), round(count * share))
        corpus.texts += rng.sample(lines, k=wanted)
        corpus.sources[name] = wanted
    missing = count - len(corpus.texts)
    if missing > 0:
        corpus.texts += generated(missing, rng)
        corpus.sources["joined example texts"] = missing
    rng.shuffle(corpus.texts)
    return corpus


def load_corpus(source: str, count: int) -> Corpus:
    """`source` is "default" or a file with one text a line, of which the first `count` are taken."""
    if source == "default":
        return default_corpus(count)
    lines = [one_line(line) for line in Path(source).read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line][:count]
    if not lines:
        raise SystemExit(f"{source}: expected one text a line, found none")
    return Corpus(lines, {source: len(lines)})


def short_texts(count: int) -> list[str]:
    """Texts of 4 to 12 words, no two alike, for the memory benchmark."""
    rng = random.Random(SEED)
    words = sorted({word.strip(".,;:?!\"'()").lower() for text in read_examples() for word in text.split()})
    return [f"{i} " + " ".join(rng.choices(words, k=rng.randint(3, 11))) for i in range(count)]
