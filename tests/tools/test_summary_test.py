"""tools/test_summary.py: what it counts, names and returns."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "test_summary.py"
REPORT = """<testsuite>
  <testcase name="a" status="run"/>
  <testcase name="b" status="run"/>
  <testcase name="c" status="fail"><failure message=""/></testcase>
  <testcase name="d" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>
    <system-out>skipped: d: no tool</system-out></testcase>
  <testcase name="e" status="disabled"/>
</testsuite>"""


class Summary(unittest.TestCase):
    def summarise(self, *arguments: str) -> tuple[int, list[str]]:
        done = subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()

    def report(self, text: str) -> str:
        with tempfile.NamedTemporaryFile("w", suffix=".xml", delete=False) as file:
            file.write(text)
        self.addCleanup(Path(file.name).unlink)
        return file.name

    def test_counts_and_names(self) -> None:
        status, lines = self.summarise(f"release={self.report(REPORT)}", "skipped=asan: left out")
        self.assertEqual(status, 1)
        self.assertEqual(
            lines,
            [
                "skipped  release: d (d: no tool)",
                "skipped  release: e",
                "skipped  asan: left out",
                "FAILED   release: c",
                "2 passed, 1 failed, 3 skipped",
            ],
        )

    def test_reports_add_up_and_all_passed_is_success(self) -> None:
        report = self.report('<testsuite><testcase name="a" status="run"/></testsuite>')
        self.assertEqual(self.summarise(f"x={report}", f"y={report}"), (0, ["2 passed, 0 failed, 0 skipped"]))

    def test_missing_or_broken_report_is_a_failure(self) -> None:
        for path in ("/nowhere/report.xml", self.report("<testsuite>")):
            status, lines = self.summarise(f"x={path}")
            self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
