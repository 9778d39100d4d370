"""What the tests of deploy/ share: the tools that check files, and the readers of the files."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TOOLS = Path(os.environ.get("ASTERISM_DEPLOY_TOOLS", ROOT / ".deps" / "deploy-tools")) / "bin"
PROGRAM = Path(os.environ.get("ASTERISM_PROGRAM", ROOT / "build" / "release" / "bin" / "asterism"))
# What ctest takes for a test that was skipped; otherwise nobody would see which checks were not made.
SKIPPED = 77
# What tools/setup/deploy_tools.sh does not install.
OF_THE_SYSTEM = ("promtool", "systemd-analyze")
HINT = "tools/setup/deploy_tools.sh installs it"


def main() -> None:
    """Runs the tests of the calling file, in the Python of the tools where they are installed."""
    python = TOOLS / "python"
    if python.exists() and Path(sys.prefix).resolve() != TOOLS.parent.resolve():
        os.execv(str(python), [str(python), "-B", *sys.argv])
    result = unittest.main(exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.skipped:
        reasons = "; ".join(sorted({reason for _, reason in result.skipped}))
        print(f"skipped: {len(result.skipped)} of {result.testsRun} checks, the others passed: {reasons}")
        sys.exit(SKIPPED)


def library(name: str) -> Any:
    """A Python library that only these tests need."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise unittest.SkipTest(f"the Python library {name} is not installed: {HINT}") from None


def tool(name: str) -> str:
    """The path of a program, from the tools or from the PATH."""
    own = TOOLS / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        raise unittest.SkipTest(f"{name} is not installed" + ("" if name in OF_THE_SYSTEM else f": {HINT}"))
    return found


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """A command with both its outputs as text."""
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


def read_yaml(path: Path) -> Any:
    """The one document of a YAML file."""
    return library("yaml").safe_load(path.read_text(encoding="utf-8"))


def serve_options() -> set[str]:
    """What `asterism serve --help` lists."""
    if not PROGRAM.exists():
        raise unittest.SkipTest(f"{PROGRAM} is not built")
    answer = run(PROGRAM, "serve", "--help")
    # A program without the command prints the help of all commands.
    if answer.returncode != 0 or "--port" not in answer.stdout:
        raise unittest.SkipTest("this build of asterism has no `serve`")
    return options_of(re.findall(r"--?[a-z][a-z0-9-]*", answer.stdout))


def options_of(words: Sequence[str]) -> set[str]:
    """Those of a command's words that are options, without their values."""
    return {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}


def drain_seconds() -> float:
    """How long the server gives requests in flight when it is told to end."""
    header = ROOT / "src" / "server" / "http_server.hpp"
    if not header.exists():
        raise unittest.SkipTest("this tree has no server")
    found = re.search(r"drain_time_max\{([0-9']+)\}", header.read_text(encoding="utf-8"))
    if found is None:
        raise AssertionError(f"{header}: expected the default of drain_time_max in milliseconds")
    return int(found[1].replace("'", "")) / 1000


def seconds(text: str) -> float:
    """A time such as 40s or 2m."""
    number, unit = re.fullmatch(r"([0-9]+)(s|m)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]
