"""A disk of a few megabytes that a test fills."""

from __future__ import annotations

import subprocess
import unittest
from pathlib import Path


class SmallDisk:
    def __init__(self, test: unittest.TestCase, folder: Path, size_mb: int) -> None:
        """Makes the folder and mounts the disk there until the test ends; skips it where that is not allowed."""
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            test.skipTest("mounting a small disk is not allowed here")
        test.addCleanup(subprocess.run, ["umount", str(folder)], check=True)
        self._filler = folder / "filler"

    def fill(self, left_bytes: int = 0) -> None:
        """All of it but so much."""
        with self._filler.open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"f" * 4096)
            except OSError:
                filler.truncate(max(0, filler.tell() - left_bytes))

    def make_room(self) -> None:
        self._filler.unlink()
