"""What the measurements of this folder share: how the server is started, what it is asked, what a figure is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving import SMOKE_TIMES, Server, run_load, write_bodies

BUILTIN_DIM = 256
MINILM_DIM = 384


@dataclass
class Figure:
    """One result beside its aim; `values` holds what it was made of."""

    name: str
    value: float
    unit: str
    aim: str
    meets: bool
    values: dict[str, Any]


def at_most(name: str, value: float, unit: str, limit: float, values: dict[str, Any]) -> Figure:
    return Figure(name, value, unit, f"<= {limit:g}", value <= limit, values)


def at_least(name: str, value: float, unit: str, limit: float, values: dict[str, Any]) -> Figure:
    return Figure(name, value, unit, f">= {limit:g}", value >= limit, values)


class ReportError(RuntimeError):
    """The server gave answers that no load excuses."""


@dataclass
class Bench:
    build: Path
    model: Path | None  # all-MiniLM-L6-v2
    texts: list[str]  # short ones
    cache: Path
    smoke: bool
    precision: str  # of the transformer, here and in the process beside

    @property
    def generator(self) -> Path:
        return self.build / "bench" / "serve" / "asterism_load"

    def server(self, name: str, model: str | Path, *options: str) -> Server:
        """Two threads for the model; nothing is taken from the cache."""
        command = [str(self.build / "bin" / "asterism"), "serve", "-m", str(model), "--port", "{port}"]
        command += ["--threads", "2", "--cache-mb", "0", *options]
        return Server(name, command, self.cache / "logs" / f"{name}.log")

    def builtin(self, name: str, *options: str) -> Server:
        return self.server(name, "builtin", *options)

    def minilm(self, name: str, *options: str) -> Server:
        assert self.model is not None
        return self.server(name, self.model, "--precision", self.precision, *options)

    def bodies(self, name: str, inputs: Sequence[Any]) -> Path:
        return write_bodies(self.cache / f"{name}.jsonl", [{"inputs": each} for each in inputs])

    def load(self, server: Server, bodies: Path, **options: Any) -> dict[str, Any]:
        """Runs the generator; whatever is no vector and no refusal is an error. In a smoke run only some requests."""
        if self.smoke:
            options = {**options, **SMOKE_TIMES, "requests": options.get("requests", SMOKE_TIMES["requests"])}
        report = run_load(self.generator, server.port, bodies, **options)
        wrong = {key: report[key] for key in ("invalid", "connect_errors", "lost") if report[key]}
        others = {status: count for status, count in report["status"].items() if status not in ("200", "429")}
        if wrong or others or not report["accepted"]["count"]:
            raise ReportError(f"{server.name}: expected vectors or 429, found {wrong or others or 'no answer'}")
        return report
