"""Rules about the documents: links lead somewhere, the map names every folder."""

from __future__ import annotations

import posixpath
import re

from tests.tidy.layer_rules import module_of
from tests.tidy.tree import Finding, Tree

REQUIRED = ("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "docs/map.md")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """Names that a heading can be linked by."""
    found = set()
    for heading in re.findall(r"^#+\s+(.*)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def without_code(text: str) -> str:
    fenced = re.sub(
        r"^```.*?^```", lambda match: "\n" * match.group().count("\n"), text, flags=re.MULTILINE | re.DOTALL
    )
    return re.sub(r"`[^`\n]*`", "", fenced)


def check_doc_links(tree: Tree) -> list[Finding]:
    """Relative links in documents lead to a file and, with #, to a heading."""
    findings = []
    for name in tree.matching(r".*\.md"):
        for line, content in enumerate(without_code(tree.text(name)).split("\n"), start=1):
            for match in _LINK.finditer(content):
                link = match.group(1) or match.group(2)
                if re.match(r"[a-z]+:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
                if not tree.exists(target):
                    findings.append(Finding(name, line, f"link to '{link}': there is no {target}"))
                elif anchor and target.endswith(".md") and anchor not in anchors(tree.text(target)):
                    findings.append(Finding(name, line, f"link to '{link}': {target} has no such heading"))
    return findings


def check_docs_map(tree: Tree) -> list[Finding]:
    """docs/map.md names every folder under src, and no folder or file that is not there."""
    path = "docs/map.md"
    if not tree.exists(path):
        return [Finding(path, 0, "missing")]
    findings = []
    text = tree.text(path)
    for module in sorted({module for name in tree.files if (module := module_of(name))}):
        if f"`src/{module}`" not in text:
            findings.append(Finding(path, 0, f"src/{module} is not in the table"))
    for line, content in tree.lines(path):
        row = re.match(r"\| `((?:src|include)/\w+)` \|[^|]*\| `([\w.]+)` \|([^|]*)\|", content)
        if not row:
            continue
        if not tree.exists(row.group(1)):
            findings.append(Finding(path, line, f"{row.group(1)} is not there"))
        elif not tree.exists(f"{row.group(1)}/{row.group(2)}"):
            findings.append(Finding(path, line, f"{row.group(1)}/{row.group(2)} is not there"))
        for test in re.findall(r"`([\w/]+)`", row.group(3)):
            if not tree.exists(test):
                findings.append(Finding(path, line, f"{test} is not there"))
    return findings


def check_documents(tree: Tree) -> list[Finding]:
    """The documents a newcomer looks for are there, and the changelog has its section for what is next."""
    findings = [Finding(name, 0, "missing") for name in REQUIRED if not tree.exists(name)]
    if tree.exists("CHANGELOG.md") and "## Unreleased" not in tree.text("CHANGELOG.md"):
        findings.append(Finding("CHANGELOG.md", 0, "expected a section '## Unreleased'"))
    return findings


def check_decisions(tree: Tree) -> list[Finding]:
    """Decisions are NNNN-title.md, each number once, each with its four parts."""
    findings = []
    seen: dict[str, str] = {}
    for name in tree.matching(r"docs/decisions/[^/]*\.md"):
        base = name.split("/")[-1]
        if base == "README.md":
            continue
        match = re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", base)
        if not match:
            findings.append(Finding(name, 0, "expected NNNN-title-in-words.md"))
            continue
        if match.group(1) in seen:
            findings.append(Finding(name, 0, f"number {match.group(1)} is taken by {seen[match.group(1)]}"))
        seen[match.group(1)] = name
        for part in ("Context", "Choice", "Cost", "When to revisit"):
            if not re.search(rf"^#+ {part}\b|^\*\*{part}\b", tree.text(name), re.MULTILINE | re.IGNORECASE):
                findings.append(Finding(name, 0, f"expected a part '{part}'"))
    return findings
