"""A disk that is really full: every command that writes says so by a code of its own, and leaves nothing half done."""

from __future__ import annotations

import unittest

from small_disk import SmallDisk
from support import EXAMPLES, EXIT, CliTest

TEXTS = str(EXAMPLES / "texts.jsonl")


class FullDisk(CliTest):
    def setUp(self) -> None:
        super().setUp()
        self.disk = SmallDisk(self, self.folder / "disk", size_mb=16)

    def names(self) -> list[str]:
        return sorted(str(p) for p in (self.folder / "disk").rglob("*") if p.suffix != ".lock")

    def says_full(self, *arguments: str) -> None:
        done = self.run_program(*arguments)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, EXIT["no_space"], f"{arguments}: {said}")
        self.assertIn("the disk is full", said)

    def refused(self, *arguments: str) -> None:
        before = self.names()
        self.says_full(*arguments)
        self.assertEqual(self.names(), before, arguments)

    def test_new_files_of_every_kind(self) -> None:
        self.ok("embed", TEXTS, "-o", "v.npy")
        self.ok("add", "notes", TEXTS, "-m", "builtin")
        self.disk.fill(left_bytes=16 << 10)
        for name in ("out.npy", "out.jsonl", "out.safetensors"):
            self.refused("embed", TEXTS, "-o", f"disk/{name}")
        self.refused("reduce", "v.npy", "--method", "pca", "--dim", "100", "-o", "disk/reduced.npy")
        self.refused("collection", "export", "notes", "-o", "disk/notes.npy")
        self.refused("atlas", "notes", "--export", "disk/atlas")
        self.disk.fill()
        self.says_full("add", "disk/notes", TEXTS, "-m", "builtin")

    def test_a_collection_keeps_what_was_whole_and_goes_on(self) -> None:
        self.ok("add", "disk/notes", str(self.write("few.jsonl", '{"id": "a", "text": "water"}\n')), "-m", "builtin")
        # Room for the memory that readers share, and not for the rows.
        self.disk.fill(left_bytes=128 << 10)
        many = self.write("many.jsonl", "".join(f'{{"id": "r{i}", "text": "row {i} of water"}}\n' for i in range(2000)))
        self.says_full("add", "disk/notes", str(many))
        found = self.ok("search", "disk/notes", "water")
        self.assertIn("a", found[0])
        self.disk.make_room()
        self.ok("add", "disk/notes", str(many))
        self.ok("collection", "verify", "disk/notes")


if __name__ == "__main__":
    unittest.main()
