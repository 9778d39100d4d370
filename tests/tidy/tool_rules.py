"""Rules that another program checks; skipped, by name, where that program is not installed."""

from __future__ import annotations

import re
import shutil
import subprocess

from tests.tidy.tree import Finding, RuleSkipped, Tree


def run_tool(tree: Tree, command: list[str], files: list[str]) -> list[Finding]:
    """Runs `command` over `files`; what it prints is the finding when it fails."""
    if not files:
        return []
    if shutil.which(command[0]) is None:
        raise RuleSkipped(f"{command[0]} is not installed")
    result = subprocess.run([*command, *files], cwd=tree.root, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return []
    output = (result.stdout + result.stderr).strip()
    return [Finding(command[0], 0, line) for line in output.split("\n") if line]


def only_places(findings: list[Finding]) -> list[Finding]:
    """One finding for each file of a report in the form FILE:LINE:COLUMN: MESSAGE."""
    places: dict[str, Finding] = {}
    for finding in findings:
        match = re.match(r"(?: *--> )?([^:]+):(\d+):\d+(?:: (.*))?", finding.message)
        if match:
            message = match.group(3) or "the format differs: make format"
            places.setdefault(match.group(1), Finding(match.group(1), int(match.group(2)), message))
    return list(places.values()) or findings


def check_cpp_format(tree: Tree) -> list[Finding]:
    """clang-format leaves every C++ file as it is (`make format`)."""
    return only_places(run_tool(tree, ["clang-format", "--dry-run", "--Werror"], tree.cpp_files()))


def check_python_lint(tree: Tree) -> list[Finding]:
    """ruff finds nothing, and leaves the format as it is."""
    files = tree.matching(r".*\.py")
    lint = run_tool(tree, ["ruff", "check", "--quiet", "--no-cache", "--output-format=concise"], files)
    return lint + only_places(run_tool(tree, ["ruff", "format", "--check", "--quiet", "--no-cache"], files))


def check_python_types(tree: Tree) -> list[Finding]:
    """mypy finds nothing."""
    return run_tool(tree, ["mypy", "--no-error-summary", "--cache-dir=/dev/null"], tree.matching(r".*\.py"))


def check_shell(tree: Tree) -> list[Finding]:
    """shellcheck finds nothing."""
    shell = [
        name
        for name in tree.files
        if name.endswith(".sh")
        or (tree.is_text(name) and tree.text(name).startswith(("#!/usr/bin/env bash", "#!/bin/sh")))
    ]
    return run_tool(tree, ["shellcheck"], shell)
