"""What all comparisons of this folder share: the command line's options."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

PEER_PACKAGES = ("torch", "torchvision", "PIL")


class BenchmarkSkipped(RuntimeError):
    """What the benchmark needs is not here."""


@dataclass
class Options:
    asterism: Path | None
    rounds: int
    epochs: int | None  # of a run; None: those of the comparison
    rows: int | None  # of the data, at most; None: all
    threads: int
    precision: str  # "f32" or "bf16"
    cache: Path
    smoke: bool

    def missing_packages(self) -> list[str]:
        return [name for name in PEER_PACKAGES if importlib.util.find_spec(name) is None]

    def peers_available(self) -> bool:
        return not self.missing_packages()

    def program(self) -> Path:
        if self.asterism is None:
            raise BenchmarkSkipped("the program is not built (make build, or give --asterism)")
        return self.asterism

    def libtorch_version(self) -> str:
        """Of the one that the program trains with."""
        answer = subprocess.run(
            [self.program(), "doctor", "--json"], capture_output=True, text=True, check=False
        ).stdout
        version = json.loads(answer).get("torch", {}).get("version", "") if answer else ""
        if not version:
            raise BenchmarkSkipped(f"{self.program()} finds no libtorch to train with (asterism doctor)")
        return str(version)
