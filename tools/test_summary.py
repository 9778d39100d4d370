"""Adds up ctest's JUnit reports: skipped and failed tests by name, then 'N passed, N failed, N skipped'.

usage: test_summary.py NAME=REPORT.xml... [skipped=WHAT...]

A report that is missing or unreadable counts as one failure. Exit 1 when anything failed.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Summary:
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add_report(self, name: str, path: Path) -> None:
        try:
            cases = ElementTree.parse(path).getroot().findall("testcase")
        except (OSError, ElementTree.ParseError) as error:
            self.failed.append(f"{name}: no readable report ({error})")
            return
        for case in cases:
            label = f"{name}: {case.get('name')}"
            status = case.get("status")
            if status == "run":
                self.passed += 1
            elif status == "fail":
                self.failed.append(label)
            else:
                reason = case.find("skipped")
                message = reason.get("message") if reason is not None else None
                self.skipped.append(f"{label}{skip_reason(case.findtext('system-out'), message)}")

    def lines(self) -> list[str]:
        result = [f"skipped  {label}" for label in self.skipped]
        result += [f"FAILED   {label}" for label in self.failed]
        result.append(f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped")
        return result


def skip_reason(output: str | None, message: str | None) -> str:
    """The line in which the test itself says why; ctest's own message otherwise."""
    for line in (output or "").splitlines():
        if line.startswith("skipped: "):
            return f" ({line.removeprefix('skipped: ').strip()})"
    return f" ({message})" if message else ""


def main(arguments: list[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    summary = Summary()
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if not separator:
            print(f"test_summary: expected NAME=REPORT.xml, found {argument!r}", file=sys.stderr)
            return 2
        if name == "skipped":
            summary.skipped.append(value)
        else:
            summary.add_report(name, Path(value))
    print("\n".join(summary.lines()))
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
