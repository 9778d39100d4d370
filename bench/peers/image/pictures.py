"""The pictures that the benchmarks run on.

Real ones from the data folder (ASTERISM_DATA, else ../shared/data beside the repository), which is never part of the
project. What is missing is named; with nothing there, the repository's example pictures are used over and over, and
the report says so.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from contenders import ROOT
from environment import data_folder

EXAMPLES = ROOT / "examples" / "data" / "images"
SEED = 20240607
# Shares of the default set: product photos (224 x 224), paintings (256 x 256), clothes (400 x 533 and more).
SHARES = {"fashion_products": 0.4, "artworks_pd": 0.3, "clothing_small": 0.3}
SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass
class Pictures:
    """Files, and where they came from."""

    files: list[Path]
    sources: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    def describe(self) -> str:
        parts = [f"{name} {count}" for name, count in self.sources.items()]
        note = "; skipped, not there: " + ", ".join(self.skipped) if self.skipped else ""
        return f"{len(self.files)} pictures ({', '.join(parts)}){note}"


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def default_pictures(count: int) -> Pictures:
    rng = random.Random(SEED)
    pictures = Pictures([])
    for name, share in SHARES.items():
        found = files_of(data_folder() / name)
        if not found:
            pictures.skipped.append(name)
            continue
        wanted = min(len(found), round(count * share))
        pictures.files += rng.sample(found, k=wanted)
        pictures.sources[name] = wanted
    missing = count - len(pictures.files)
    if missing > 0:
        examples = files_of(EXAMPLES)
        pictures.files += [examples[i % len(examples)] for i in range(missing)]
        pictures.sources["example pictures"] = missing
    rng.shuffle(pictures.files)
    return pictures


def load_pictures(source: str, count: int) -> Pictures:
    """`source` is "default" or a folder, of whose pictures the first `count` are taken."""
    if source == "default":
        return default_pictures(count)
    files = files_of(Path(source).resolve())[:count]
    if not files:
        raise SystemExit(f"{source}: expected pictures, found none")
    return Pictures(files, {source: len(files)})
