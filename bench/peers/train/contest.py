"""One run of each side, as a process of its own, and what its own files say of it."""

from __future__ import annotations

import csv
import json
import math
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from cases import Case
from process import run_process

HERE = Path(__file__).resolve().parent


@dataclass
class Epoch:
    loss: float  # mean over the steps
    rows: float
    seconds: float  # of the steps, waiting for their batches included
    wait_seconds: float


@dataclass
class TrainingRun:
    epochs: list[Epoch]
    row_count: int  # of the training split
    value_count: int  # of the encoder
    processor_seconds: float  # of the whole process, its start and its end included

    def rows_per_second(self) -> float:
        """Without the first epoch, in which workers start and libraries compile their kernels."""
        later = self.epochs[1:] or self.epochs
        return sum(epoch.rows for epoch in later) / sum(epoch.seconds for epoch in later)

    def rows_per_processor_second(self, short: TrainingRun) -> float:
        """Of the epochs that `short`, a run of one epoch, lacks. Other work on the machine hardly changes it."""
        rows = sum(epoch.rows for epoch in self.epochs) - sum(epoch.rows for epoch in short.epochs)
        return rows / max(self.processor_seconds - short.processor_seconds, 1e-9)

    def wait_share(self) -> float:
        later = self.epochs[1:] or self.epochs
        return sum(epoch.wait_seconds for epoch in later) / sum(epoch.seconds for epoch in later)

    def as_dict(self) -> dict[str, object]:
        return {"rows_per_second": self.rows_per_second(), "epochs": [asdict(epoch) for epoch in self.epochs]}


def read_metrics(path: Path, steps_per_epoch: int, batch_size: int) -> list[Epoch]:
    """Epochs of RUN/metrics.csv, each of whose rows is about the steps since the row before."""
    epochs: list[Epoch] = []
    done = 0
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            step = int(row["step"])
            if not row["rows_per_second"]:
                continue
            if math.ceil(step / steps_per_epoch) > len(epochs):
                epochs.append(Epoch(0.0, 0.0, 0.0, 0.0))
            epoch, rows = epochs[-1], (step - done) * batch_size
            seconds = rows / float(row["rows_per_second"])
            epoch.loss += float(row["loss"]) * (step - done) / steps_per_epoch
            epoch.rows += rows
            epoch.seconds += seconds
            epoch.wait_seconds += float(row["wait_share"]) * seconds
            done = step
    return epochs


def run_asterism(program: Path, recipe: Path, threads: int, batch_size: int) -> TrainingRun:
    folder = recipe.with_name("run")
    shutil.rmtree(folder, ignore_errors=True)
    command = [str(program), "train", str(recipe), "-o", str(folder)]
    process = run_process(command, threads, recipe.with_name("asterism.log"))
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    row_count = run["data"]["train"]
    epochs = read_metrics(folder / "metrics.csv", run["result"]["steps_per_epoch"], min(batch_size, row_count))
    return TrainingRun(epochs, row_count, run["parameters"], process.processor_seconds)


def run_pytorch(case: Case, recipe: Path, threads: int) -> TrainingRun:
    result = recipe.with_name("pytorch.json")
    command = [sys.executable, str(HERE / case.script), str(recipe), str(result)]
    process = run_process(command, threads, recipe.with_name("pytorch.log"))
    run = json.loads(result.read_text(encoding="utf-8"))
    epochs = [Epoch(**epoch) for epoch in run["epochs"]]
    return TrainingRun(epochs, run["rows"], run["values"], process.processor_seconds)
