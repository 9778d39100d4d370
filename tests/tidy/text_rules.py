"""Rules about any text file, and about what may be committed."""

from __future__ import annotations

import re

from tests.tidy.tree import Finding, Tree

BINARY_SIZE_BYTES_MAX = 8_400_000
# Recorded data and inputs of parsers are kept byte for byte.
DATA_PATHS = re.compile(r"(fuzz/corpus|tests/.*golden|tests/data|examples/data|assets)/.*|.*\.(patch|tsv|csv|jsonl)")
# Folders of one machine, which a clone elsewhere does not have.
MACHINE_PATHS = re.compile(r"(?<![\w./}>-])/(?:work|var/tmp|root)(?=/|\b(?![\w.-]))")
MARKERS = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def text_files(tree: Tree) -> list[str]:
    return [name for name in tree.files if tree.is_text(name)]


def check_whitespace(tree: Tree) -> list[Finding]:
    """No trailing blanks, tabs, carriage returns; one line break at the end."""
    findings = []
    for name in text_files(tree):
        if DATA_PATHS.fullmatch(name):
            continue
        text = tree.text(name)
        tabs_allowed = name.endswith("Makefile")
        for line, content in tree.lines(name):
            if content != content.rstrip():
                findings.append(Finding(name, line, "blank or carriage return at the end of the line"))
            elif "\t" in content and not tabs_allowed:
                findings.append(Finding(name, line, "tab"))
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            findings.append(Finding(name, 0, "expected one line break at the end of the file"))
    return findings


def check_markers(tree: Tree) -> list[Finding]:
    """Unfinished work is an issue, not a comment."""
    findings = []
    for name in text_files(tree):
        if name.startswith("tests/tidy/") or DATA_PATHS.fullmatch(name):
            continue
        for line, content in tree.lines(name):
            match = MARKERS.search(content)
            if match:
                findings.append(Finding(name, line, f"'{match.group()}': finish it, or file it as an issue"))
    return findings


def check_machine_paths(tree: Tree) -> list[Finding]:
    """No file names a folder of the machine it was written on."""
    findings = []
    for name in text_files(tree):
        if name.startswith("tests/tidy/"):
            continue
        for line, content in tree.lines(name):
            match = MACHINE_PATHS.search(content)
            if match:
                findings.append(Finding(name, line, f"'{match.group()}': a folder of one machine"))
    return findings


def check_file_size(tree: Tree) -> list[Finding]:
    """A clone stays small."""
    findings = []
    for name in tree.files:
        size = tree.size_bytes(name)
        if size > BINARY_SIZE_BYTES_MAX:
            findings.append(Finding(name, 0, f"{size} bytes; at most {BINARY_SIZE_BYTES_MAX}"))
    return findings


def check_pins(tree: Tree) -> list[Finding]:
    """Python requirements name one version; those that set-up fetches carry a checksum."""
    findings = []
    for name in tree.matching(r".*requirements[^/]*\.txt", r"tools/setup/wheels\.txt"):
        joined = re.sub(r"\\\n", " ", tree.text(name))
        for requirement in joined.split("\n"):
            wanted = requirement.split("#")[0].strip()
            if not wanted or wanted.startswith("-"):
                continue
            if "==" not in wanted:
                findings.append(Finding(name, 0, f"'{wanted}': expected NAME==VERSION"))
            elif name.endswith("wheels.txt") and "--hash=sha256:" not in wanted:
                findings.append(Finding(name, 0, f"'{wanted}': expected --hash=sha256:..."))
    return findings
