"""A large collection in `asterism atlas`: how long each answer of its page takes, and the memory of the server.

Run: python3 bench/atlas/large.py PROGRAM [--rows 100000] [--method umap] [--keep FOLDER] [--hold]
Texts are drawn by a seed from 40 topics, with three columns, and embedded by the built-in model. --keep takes the
collection of an earlier run from there, or leaves it there. --hold keeps the server up until a line is read, for
`node bench/page.mjs --server ADDRESS` in web/.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

TOPICS = 40
WORDS = 30
SEED = 5


def write_texts(path: Path, rows: int) -> None:
    draw = random.Random(SEED)
    letters = "abcdefghijklmnoprstuvw"
    topics = [["".join(draw.choices(letters, k=draw.randint(4, 9))) for _ in range(WORDS)] for _ in range(TOPICS)]
    with path.open("w", encoding="utf-8") as file:
        for row in range(rows):
            topic = draw.randrange(TOPICS)
            item = {
                "id": f"item-{row}",
                "text": " ".join(draw.choices(topics[topic], k=9)),
                "topic": f"topic {topic}",
                "price": round(draw.uniform(1, 200), 2),
                "day": f"2026-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
            }
            file.write(json.dumps(item) + "\n")


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident now, and at most since the last reset."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = {name: int(value) / 1024 for name, value in re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", status)}
    return found["VmRSS"], found["VmHWM"]


class Server:
    """`asterism atlas` of a collection, asked as its page asks."""

    def __init__(self, program: str, collection: Path, method: str) -> None:
        started = time.monotonic()
        self.process = subprocess.Popen(
            [program, "atlas", str(collection), "--method", method, "--port", "0", "--no-open", "--json", "--quiet"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        self.address: str = json.loads(self.process.stdout.readline())["address"]
        self.start_s = time.monotonic() - started
        name = self.address.rsplit("/", 1)[1]
        self.base = f"{self.address.removesuffix('/atlas/' + name)}/v1/collections/{name}/atlas"

    def ask(self, path: str, body: object = None) -> tuple[bytes, float]:
        data = None if body is None else json.dumps(body).encode()
        started = time.monotonic()
        while True:
            request = urllib.request.Request(self.base + path, data, {"content-type": "application/json"})
            with urllib.request.urlopen(request) as answer:
                content = answer.read()
                if answer.status != 202:
                    return content, time.monotonic() - started

    def show(self, title: str, path: str, body: object = None) -> bytes:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        before, _ = memory_mb(self.process.pid)
        content, seconds = self.ask(path, body)
        after, most = memory_mb(self.process.pid)
        size = len(content) / 1e6
        print(f"{title:<34} {seconds:8.3f} s {size:9.2f} MB   server {after:7.0f} MB, +{most - before:5.0f} at most")
        return content


def measure(server: Server, rows: int) -> None:
    print(f"{'from start to a map that stands':<34} {server.start_s:8.3f} s")
    manifest = json.loads(server.show("manifest, first", ""))
    server.show("manifest, again", "")
    name = manifest["projections"][0]["name"]
    server.show("points", f"/points/{name}")
    server.show("column of categories", "/columns/topic")
    server.show("column of numbers", "/columns/price")
    server.show("names of regions, first", f"/labels/{name}")
    server.show("ids", "/ids")
    server.show("100 items", "/items?rows=" + ",".join(map(str, range(0, rows, rows // 100))))
    server.show("neighbours, with the map's", f"/neighbors?row={rows // 2}&k=15&projection={name}")
    for round_ in ("first", "again", "other"):
        server.show(f"search by text, {round_}", "/search", {"text": "some words of " + round_, "k": 100})
    server.show("find letters", "/find", {"contains": "abc", "limit": 10000})
    half = list(range(0, rows, 2))
    server.show("CSV of half the rows", "/export", {"format": "csv", "rows": half})
    server.show("Parquet of half the rows", "/export", {"format": "parquet", "rows": half})
    server.show("distortion, first", f"/distortion/{name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--method", default="umap")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--hold", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        collection = folder / f"rows-{arguments.rows}"
        if not collection.exists():
            texts = Path(scratch) / "items.jsonl"
            write_texts(texts, arguments.rows)
            started = time.monotonic()
            subprocess.run([arguments.program, "add", str(collection), str(texts), "--quiet"], check=True)
            print(f"{'adding, with the index':<34} {time.monotonic() - started:8.3f} s")
        server = Server(arguments.program, collection, arguments.method)
        try:
            measure(server, arguments.rows)
            if arguments.hold:
                print(server.address, flush=True)
                sys.stdin.readline()
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()
