"""What the tests with real clients share: the Python environment that has them, and a server to ask."""

from __future__ import annotations

import json
import os
import sys
import unittest
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cli"))

from serve_support import ServeTest  # noqa: E402
from support import EXAMPLES, CliTest, cosine  # noqa: E402, F401

FOLDER = Path(os.environ.get("ASTERISM_SERVER_CLIENTS", ROOT / ".deps" / "server-clients"))
# What ctest takes for a test that was skipped.
SKIPPED = 77
TEXTS = ["a red coat", "a warm jacket for the winter", "tax law", "Grüße aus Köln 🎉"]
# Values travel as the shortest digits of a float32; the command line prints the same vector.
TOLERANCE = 1e-6
KEYS = "reader read reader-key-1\nslow read slow-key-12 1\n"


def main() -> None:
    """Runs the tests of the calling file in the environment of the clients; skipped where there is none."""
    python = FOLDER / "bin" / "python"
    if not (FOLDER / ".stamp").exists():
        print("skipped: the clients are not installed: tools/setup/server_clients.sh installs them")
        sys.exit(SKIPPED)
    if Path(sys.prefix).resolve() != FOLDER.resolve():
        os.execv(str(python), [str(python), "-B", *sys.argv])
    unittest.main()


class ClientTest(ServeTest):
    """One text model with keys, unless told otherwise; `reader-key-1` may ask as often as it likes."""

    options: tuple[str, ...] = ("-m", "builtin")
    keys = ""

    def setUp(self) -> None:
        if self.keys:
            CliTest.setUp(self)
            self.options = (*type(self).options, "--api-key-file", str(self.write("keys.txt", self.keys)))
        super().setUp()
        self.url = f"http://127.0.0.1:{self.port}"

    def vectors_of_embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The same texts through `asterism embed`."""
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        self.write("texts.jsonl", lines)
        out, _ = self.ok("embed", "texts.jsonl", "-m", "builtin", "-o", "-", "--output-format", "jsonl")
        rows = [json.loads(line) for line in out.splitlines()]
        return [next(value for value in row.values() if isinstance(value, list)) for row in rows]

    def assert_same_vectors(self, found: Sequence[Sequence[float]], texts: Sequence[str]) -> None:
        self.assert_vectors_near([list(map(float, row)) for row in found], self.vectors_of_embed(texts), TOLERANCE)
