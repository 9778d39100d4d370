"""Rules about modules: what each may include, and that the build says the same."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.tidy.tree import Finding, Tree, includes

TABLE_PATH = "tests/tidy/layers.toml"


@dataclass(frozen=True)
class Layers:
    levels: dict[str, int]
    siblings: dict[str, list[str]]
    foreign: dict[str, list[str]]

    def allows(self, module: str, used: str) -> bool:
        if used == module:
            return True
        if module not in self.levels or used not in self.levels:
            return False
        return self.levels[used] < self.levels[module] or used in self.siblings.get(module, [])


@cache
def load_layers() -> Layers:
    table = tomllib.loads((Path(__file__).parent / "layers.toml").read_text(encoding="utf-8"))
    return Layers(levels=table["levels"], siblings=table["siblings"], foreign=table["foreign"])


def module_of(name: str) -> str | None:
    match = re.fullmatch(r"src/([a-z_]+)/.*\.(?:cpp|hpp)", name)
    return match.group(1) if match else None


def is_system_header(target: str) -> bool:
    """Standard library (no dot, no slash), POSIX and C headers."""
    return bool(re.fullmatch(r"[a-z_0-9]+|(?:sys|linux|netinet|arpa|bits)/[a-z_]+\.h", target)) or target in {
        "cpuid.h",
        "dirent.h",
        "dlfcn.h",
        "fcntl.h",
        "fnmatch.h",
        "immintrin.h",
        "netdb.h",
        "poll.h",
        "pthread.h",
        "sched.h",
        "signal.h",
        "stdlib.h",
        "string.h",
        "termios.h",
        "time.h",
        "unistd.h",
    }


def check_layers(tree: Tree) -> list[Finding]:
    """A module includes only lower layers and listed siblings."""
    layers = load_layers()
    findings = []
    for name in tree.cpp_files():
        module = module_of(name)
        if module is None:
            continue
        if module not in layers.levels:
            findings.append(Finding(name, 0, f"module '{module}' has no level in {TABLE_PATH}"))
            continue
        for include in includes(tree.text(name)):
            used = include.target.split("/")[0]
            if include.foreign or used == "asterism":
                continue
            if "/" not in include.target:
                findings.append(Finding(name, include.line, f'"{include.target}": write the path from src/'))
            elif not layers.allows(module, used):
                findings.append(Finding(name, include.line, f"'{module}' may not include '{used}' ({TABLE_PATH})"))
    return findings


def check_foreign_headers(tree: Tree) -> list[Finding]:
    """Headers from outside are included only in the modules that wrap them."""
    layers = load_layers()
    findings = []
    for name in tree.cpp_files():
        module = module_of(name)
        if module is None:
            continue
        for include in includes(tree.text(name)):
            if not include.foreign or is_system_header(include.target):
                continue
            owners = [mods for start, mods in layers.foreign.items() if include.target.startswith(start)]
            if not owners:
                findings.append(Finding(name, include.line, f"<{include.target}>: unknown; add it to {TABLE_PATH}"))
            elif "*" not in owners[0] and module not in owners[0]:
                allowed = ", ".join(owners[0])
                findings.append(Finding(name, include.line, f"<{include.target}>: only {allowed} may include it"))
    return findings


def check_public_headers(tree: Tree) -> list[Finding]:
    """Public headers include the standard library and asterism/ only."""
    findings = []
    for name in tree.matching(r"include/.*\.hpp"):
        for include in includes(tree.text(name)):
            if include.foreign:
                if not is_system_header(include.target):
                    findings.append(Finding(name, include.line, f"<{include.target}>: not of the standard library"))
            elif not include.target.startswith("asterism/"):
                findings.append(Finding(name, include.line, f'"{include.target}": not a public header'))
    return findings


def check_module_list(tree: Tree) -> list[Finding]:
    """Every folder under src is a module of src/CMakeLists.txt with allowed DEPS, and the other way round."""
    layers = load_layers()
    path = "src/CMakeLists.txt"
    if not tree.exists(path):
        return [Finding(path, 0, "missing")]
    folders = {module for name in tree.files if (module := module_of(name))}
    findings = []
    listed = {}
    for line, text in tree.lines(path):
        match = re.match(r"\s*asterism_module\((\w+)(?:.*?DEPS ([a-z_ ]+))?", text)
        if match:
            listed[match.group(1)] = line
            for used in (match.group(2) or "").split():
                if not layers.allows(match.group(1), used):
                    findings.append(
                        Finding(path, line, f"'{match.group(1)}' may not depend on '{used}' ({TABLE_PATH})")
                    )
    for module in sorted(folders - listed.keys()):
        findings.append(Finding(path, 0, f"src/{module} has sources but no asterism_module({module})"))
    for module in sorted(listed.keys() - folders):
        findings.append(Finding(path, listed[module], f"asterism_module({module}): src/{module} has no sources"))
    return findings
