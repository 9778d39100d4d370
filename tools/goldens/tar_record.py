#!/usr/bin/env python3
"""Writes tests/golden/tar: archives as Python's tarfile makes them, in every format, and what is in them.

python3 tools/goldens/tar_record.py
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden" / "tar"
LONG = "train/" + "d" * 90 + "/" + "e" * 60 + "/000002.left.jpg"
MEMBERS: list[tuple[str, bytes]] = [
    ("train/000000.jpg", b"first image"),
    ("train/000000.json", b'{"label": 1}'),
    ("train/000001.PNG", b"x" * 512),
    ("train/000001.cls", b"7"),
    (LONG, b"behind a long name"),
    ("n\u00e4mes/\u4e16\u754c.webp", b"y" * 1500),
    ("empty.gif", b""),
]
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def archive(tar_format: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as tar:
        folder = tarfile.TarInfo("train")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in MEMBERS:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mtime = 1.5 if tar_format == tarfile.PAX_FORMAT else 1
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link.jpg")
        link.type = tarfile.SYMTYPE
        link.linkname = "train/000000.jpg"
        tar.addfile(link)
    # One block of zeros is enough at the end; tarfile pads to 10 KiB.
    text = buffer.getvalue().rstrip(b"\0")
    return text + b"\0" * (-len(text) % 512 + 1024)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, tar_format in FORMATS.items():
        (FOLDER / f"{name}.tar").write_bytes(archive(tar_format))
    (FOLDER / "pax.tar.gz").write_bytes(gzip.compress(archive(tarfile.PAX_FORMAT), mtime=0))
    members = [{"name": name, "data": data.decode()} for name, data in MEMBERS]
    (FOLDER / "members.json").write_text(json.dumps(members, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
