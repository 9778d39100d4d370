"""How a running job looks on a terminal, and elsewhere."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
import unittest

from support import PATIENCE_S, PROGRAM, CliTest, Golden, environment


class Progress(CliTest):
    def setUp(self) -> None:
        super().setUp()
        self.write("in.txt", "the river is long and the night is small\n" * 60_000)
        self.command = [PROGRAM, "embed", "in.txt", "-m", str(Golden("old_mean_normalize").folder), "-o", "o.npy"]

    def on_terminal(self, *extra: str) -> str:
        parent, child = pty.openpty()
        process = subprocess.Popen(
            [*self.command, *extra], cwd=self.folder, env=environment(self.home, TERM="xterm"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=child,
        )  # fmt: skip
        os.close(child)
        self.addCleanup(process.kill)
        seen = b""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if not select.select([parent], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(parent, 65536)
            except OSError:  # the other end is closed: Linux reports it so
                break
            if not data:
                break
            seen += data
        os.close(parent)
        self.assertEqual(process.wait(timeout=PATIENCE_S), 0, seen.decode())
        return seen.decode()

    def test_a_terminal_has_one_line_rewritten_in_place_with_rate_and_time_left(self) -> None:
        seen = self.on_terminal()
        self.assertIn("\r\x1b[K", seen)
        updates = re.findall(r"(\d+)%  [\d,]+ rows?  \S+ texts/s  \S+ tokens/s  [\d.:]+( s)? left", seen)
        self.assertGreater(len(updates), 1, seen)
        percents = [int(u[0]) for u in updates]
        self.assertEqual(percents, sorted(percents))
        # What stays on the screen: the summary and nothing of the live line.
        left = re.sub(r"[^\n]*\r\x1b\[K", "", seen).replace("\r", "").splitlines()
        self.assertEqual(len(left), 2, left)
        self.assertTrue(left[0].startswith("60,000 rows, 0 failed"), left)
        self.assertIn("o.npy", left[1])

    def test_quiet_shows_nothing_on_a_terminal(self) -> None:
        self.assertEqual(self.on_terminal("-q"), "")

    def test_elsewhere_there_are_plain_lines_only(self) -> None:
        done = subprocess.run(
            self.command, cwd=self.folder, env=environment(self.home), capture_output=True, check=True
        )
        stderr = done.stderr.decode()
        self.assertNotIn("\r", stderr)
        self.assertNotIn("\x1b", stderr)
        for line in stderr.splitlines()[:-2]:
            self.assertRegex(line, r"^asterism: ( *\d+%  )?[\d,]+ rows")
        self.assertTrue(stderr.splitlines()[-2].startswith("60,000 rows, 0 failed"))

    def test_stdin_has_no_percentage(self) -> None:
        with (self.folder / "in.txt").open("rb") as file:
            done = subprocess.run(
                [PROGRAM, "embed", "-", "-o", "p.npy"], cwd=self.folder, env=environment(self.home),
                stdin=file, capture_output=True, check=True,
            )  # fmt: skip
        self.assertIn("60,000 rows", done.stderr.decode())
        self.assertNotIn("%", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
