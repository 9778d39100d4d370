"""Checks the rules of the repository.

usage: python3 -m tests.tidy [--list | RULE...]     no RULE: all of them

Prints one line for each finding. Exit 1 when there are any, 77 when the only rule asked for cannot run here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.tidy.rules import RULES
from tests.tidy.tree import RuleSkipped, Tree

EXIT_SKIPPED = 77


def main(arguments: list[str]) -> int:
    if arguments == ["--list"]:
        print("\n".join(RULES))
        return 0
    unknown = [name for name in arguments if name not in RULES]
    if unknown:
        print(f"tidy: no rule '{unknown[0]}'; the rules are {', '.join(RULES)}", file=sys.stderr)
        return 2
    tree = Tree(Path(__file__).resolve().parents[2])
    wanted = arguments or list(RULES)
    finding_count = 0
    skipped_count = 0
    for name in wanted:
        try:
            findings = RULES[name](tree)
        except RuleSkipped as reason:
            print(f"skipped: {name}: {reason}")
            skipped_count += 1
            continue
        for finding in findings:
            print(f"{name}: {finding}")
        finding_count += len(findings)
    if not arguments:
        print(f"{len(wanted)} rules, {skipped_count} skipped, {finding_count} findings")
    if finding_count:
        return 1
    return EXIT_SKIPPED if skipped_count == len(wanted) == 1 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
