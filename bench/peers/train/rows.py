"""The rows that `asterism train` learns from, found in the same way: the same split, without copies of held-out rows.

What src/train/picture_index.cpp, split.cpp and picture_copies.cpp do, for folders of pictures and for sheets of tiles.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib")
# Which of two splits keeps a picture that both have.
KEEPS_FIRST = ("test", "validation", "train")
THIN_SEED = 0x7468696E
# Decoded pixels of this many bytes are kept in memory where the recipe does not ask for another number, as there.
CACHE_BYTES = 256_000_000


@dataclass
class Row:
    path: Path
    key: str  # what decides the split
    label: str | None
    tile: tuple[int, int, int, int] | None = None  # of a sheet: left, top, right, bottom
    split: str = "train"


def position_of(key: str, seed: int) -> float:
    """As split_position() of src/train/split.cpp: 52 bits of a SHA-256 as a number in [0, 1)."""
    return int(hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()[:13], 16) * 2.0**-52


def split_of(key: str, data: dict[str, Any]) -> str:
    position = position_of(key, data.get("split_seed", 0))
    test, validation = data.get("test_share", 0.1), data.get("validation_share", 0.1)
    if position < test:
        return "test"
    return "validation" if position < test + validation else "train"


def label_of(below: Path, data: dict[str, Any]) -> str | None:
    pattern = data.get("label_pattern", "")
    if not pattern:
        return below.parts[0] if len(below.parts) > 1 else None
    parts = {"{}": "(.+?)", "*": ".*", "#": "[0-9]+"}
    found = re.fullmatch("".join(parts.get(p, re.escape(p)) for p in re.split(r"(\{\}|[*#])", pattern)), below.stem)
    return found.group(1) if found else None


def rows_of_folder(folder: Path, data: dict[str, Any]) -> list[Row]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    below = [path.relative_to(folder) for path in files]
    return [Row(path, name.as_posix(), label_of(name, data)) for path, name in zip(files, below, strict=True)]


def rows_of_sheet(path: Path, data: dict[str, Any]) -> list[Row]:
    size = data["tile_size"]
    labels = [line.split("\t")[-1] for line in Path(data["labels_file"]).read_text(encoding="utf-8").splitlines()]
    with Image.open(path) as sheet:
        columns = sheet.width // size
    rows = []
    for i, label in enumerate(labels):
        left, top = i % columns * size, i // columns * size
        rows.append(Row(path, f"{path.name}:{i}", label, (left, top, left + size, top + size)))
    return rows


def thinned(rows: list[Row], data: dict[str, Any]) -> list[Row]:
    """Where there are more than rows_max, those that come first by another hash."""
    seed = data.get("split_seed", 0) ^ THIN_SEED
    most = data.get("rows_max", 0) or len(rows)
    return sorted(rows, key=lambda row: position_of(row.key, seed))[:most]


def digest_of(row: Row, sheets: dict[Path, Image.Image]) -> bytes:
    content = row.path.read_bytes() if row.tile is None else sheets[row.path].crop(row.tile).tobytes()
    return hashlib.sha256(content).digest()


def without_copies(rows: list[Row], sheets: dict[Path, Image.Image]) -> list[Row]:
    alike = defaultdict(list)
    for row in rows:
        alike[digest_of(row, sheets)].append(row)
    kept = []
    for same in alike.values():
        first = min((row.split for row in same), key=KEEPS_FIRST.index)
        kept += [row for row in same if row.split == first]
    return kept


def open_sheets(rows: list[Row]) -> dict[Path, Image.Image]:
    return {path: Image.open(path).convert("RGB") for path in {row.path for row in rows if row.tile}}


def training_rows(data: dict[str, Any]) -> list[Row]:
    rows = []
    for source in map(Path, data["inputs"]):
        rows += rows_of_folder(source, data) if source.is_dir() else rows_of_sheet(source, data)
    rows = thinned(rows, data)
    for row in rows:
        row.split = split_of(row.key, data)
    kept = without_copies(rows, open_sheets(rows))
    return sorted((row for row in kept if row.split == "train"), key=lambda row: row.key)


def fits_in_cache(pictures: list[Image.Image], data: dict[str, Any]) -> bool:
    limit = data.get("cache_mb", 0) * 1_000_000 or CACHE_BYTES
    return sum(3 * picture.width * picture.height for picture in pictures) <= limit
