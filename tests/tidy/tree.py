"""The files of a checkout as the rules see them, and what a rule reports."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

IGNORED_FOLDERS = {".git", "build", ".deps", ".cache", "__pycache__", "node_modules"}
BINARY_SUFFIXES = {".npy", ".safetensors", ".bin", ".png", ".jpg", ".gz", ".zip", ".parquet", ".pth", ".webp"}


@dataclass(frozen=True)
class Finding:
    path: str
    line: int  # 1-based; 0 = the whole file
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}"


class RuleSkipped(Exception):
    """A rule cannot run here; the text says what is missing."""


class Tree:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts: dict[str, str] = {}

    @cached_property
    def files(self) -> list[str]:
        """Every file that is or would be committed, sorted; a tree without git is walked."""
        if (self.root / ".git").exists():
            listed = subprocess.run(
                ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                cwd=self.root,
                capture_output=True,
                text=True,
                check=False,
            )
            if listed.returncode == 0:
                names = set(filter(None, listed.stdout.split("\0")))
                return sorted(name for name in names if (self.root / name).is_file())
        found = []
        for path in self.root.rglob("*"):
            relative = path.relative_to(self.root)
            if path.is_file() and not IGNORED_FOLDERS.intersection(relative.parts):
                found.append(relative.as_posix())
        return sorted(found)

    def matching(self, *patterns: str) -> list[str]:
        """Files whose path matches one of the regular expressions from its start to its end."""
        compiled = [re.compile(pattern) for pattern in patterns]
        return [name for name in self.files if any(pattern.fullmatch(name) for pattern in compiled)]

    def cpp_files(self) -> list[str]:
        return self.matching(r".*\.(cpp|hpp)")

    def exists(self, name: str) -> bool:
        return (self.root / name).exists()

    def size_bytes(self, name: str) -> int:
        return (self.root / name).stat().st_size

    def is_text(self, name: str) -> bool:
        if Path(name).suffix in BINARY_SUFFIXES:
            return False
        with (self.root / name).open("rb") as file:
            return b"\0" not in file.read(8192)

    def text(self, name: str) -> str:
        if name not in self._texts:
            self._texts[name] = (self.root / name).read_bytes().decode("utf-8", "replace")
        return self._texts[name]

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        return enumerate(self.text(name).split("\n"), start=1)

    def code(self, name: str) -> str:
        """A C++ file with comments and literals blanked out, line breaks kept."""
        return strip_comments_and_literals(self.text(name))


_NOT_CODE = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"
      | "(?:\\.|[^"\\\n])*"
      | (?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])*'""",
    re.VERBOSE | re.DOTALL,
)
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[^\n]*", re.MULTILINE)


def strip_comments_and_literals(text: str) -> str:
    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    return _NOT_CODE.sub(blank, text)


@dataclass(frozen=True)
class Include:
    line: int
    target: str
    foreign: bool  # <...>


def includes(text: str) -> list[Include]:
    found = []
    for match in _INCLUDE.finditer(text):
        inside = re.search(r'(["<])([^">]+)[">]', match.group())
        if inside:
            line = text.count("\n", 0, match.start()) + 1
            found.append(Include(line=line, target=inside.group(2), foreign=inside.group(1) == "<"))
    return found
