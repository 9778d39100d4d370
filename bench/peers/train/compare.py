"""The same recipe trained by asterism and by plain PyTorch, in turns: rows a second, and losses epoch by epoch.

Round r has the seed r on both sides. Seeds do not mean the same random numbers, so curves are compared as curves of
other seeds are: how far the means of the rounds are apart, beside how far the rounds of PyTorch are.
"""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases import Case, write_recipe
from contest import TrainingRun, run_asterism, run_pytorch
from options import BenchmarkSkipped, Options
from report import spread, table
from rounds import progress

ASTERISM = "asterism"
PYTORCH = "pytorch"


@dataclass
class Turn:
    """A run of one side in one round, and a shorter one, by which its start and end are told from its steps."""

    run: TrainingRun
    rows_per_processor_second: float

    def as_dict(self) -> dict[str, object]:
        return {"rows_per_processor_second": self.rows_per_processor_second, **self.run.as_dict()}


Turns = dict[str, list[Turn]]


def check_alike(turns: Turns) -> None:
    """Both sides must have learnt the same network from the same number of rows."""
    if not (turns[ASTERISM] and turns[PYTORCH]):
        return
    ours, theirs = turns[ASTERISM][0].run, turns[PYTORCH][0].run
    if (ours.row_count, ours.value_count) != (theirs.row_count, theirs.value_count):
        raise SystemExit(
            f"asterism has {ours.row_count} rows and {ours.value_count} values in its encoder, "
            f"plain PyTorch {theirs.row_count} and {theirs.value_count}: expected the same"
        )


def one_turn(side: str, case: Case, recipe: Path, options: Options, settings: dict[str, Any]) -> Turn:
    def train(epochs: int) -> TrainingRun:
        settings["training"]["epochs"] = epochs
        write_recipe(settings, recipe)
        if side == PYTORCH:
            return run_pytorch(case, recipe, options.threads)
        return run_asterism(options.program(), recipe, options.threads, settings["training"]["batch_size"])

    epochs = settings["training"]["epochs"]
    short = train(1)
    run = train(epochs)
    return Turn(run, run.rows_per_processor_second(short))


def run_rounds(case: Case, name: str, options: Options) -> Turns:
    turns: Turns = {ASTERISM: [], PYTORCH: []}
    folder = options.cache / name
    folder.mkdir(parents=True, exist_ok=True)
    sides = [side for side in turns if side == ASTERISM or options.peers_available()]
    for number in range(options.rounds):
        more = {"training.seed": number, "training.threads": options.threads, "training.workers": options.threads}
        if options.epochs is not None:
            more["training.epochs"] = options.epochs
        if options.rows is not None:
            more["data.rows_max"] = options.rows
        settings = case.settings(smoke=options.smoke, more={**more, "training.precision": options.precision})
        for side in sides if number % 2 == 0 else sides[::-1]:
            turn = one_turn(side, case, folder / "recipe.toml", options, copy.deepcopy(settings))
            turns[side].append(turn)
            progress(
                f"{name}, round {number + 1}: {side} {turn.run.rows_per_second():.0f} rows/s, "
                f"{turn.rows_per_processor_second:.0f} a processor second"
            )
        check_alike(turns)
    return turns


def wall_rate(turn: Turn) -> float:
    return turn.run.rows_per_second()


def processor_rate(turn: Turn) -> float:
    return turn.rows_per_processor_second


def ratio(turns: Turns, rate: Callable[[Turn], float]) -> float:
    """Taken within a round; the median of the rounds."""
    return statistics.median(rate(a) / rate(b) for a, b in zip(turns[ASTERISM], turns[PYTORCH], strict=True))


def rate_table(turns: Turns) -> str:
    lines = []
    for side, of_side in turns.items():
        if not of_side:
            continue
        line = [side]
        for rate in (wall_rate, processor_rate):
            line.append(spread([rate(turn) for turn in of_side]))
            line.append("1" if side == ASTERISM else f"{ratio(turns, rate):.2f}")
        waits = statistics.median(turn.run.wait_share() for turn in of_side)
        lines.append([*line, f"{100 * waits:.0f} %"])
    header = ["contender", "rows/s", "asterism is x", "rows/processor s", "asterism is x", "waiting for data"]
    return table(header, lines)


def losses(turns: list[Turn], epoch: int) -> list[float]:
    return [turn.run.epochs[epoch].loss for turn in turns]


def in_range(turns: Turns, epoch: int) -> bool:
    theirs = losses(turns[PYTORCH], epoch)
    return min(theirs) <= statistics.mean(losses(turns[ASTERISM], epoch)) <= max(theirs)


def difference(turns: Turns, epoch: int) -> float:
    ours, theirs = losses(turns[ASTERISM], epoch), losses(turns[PYTORCH], epoch)
    return statistics.mean(ours) - statistics.mean(theirs)


def standard_error(turns: Turns, epoch: int) -> float:
    """Of that difference, by the variance between the seeds of each side."""
    sides = [losses(turns[side], epoch) for side in (ASTERISM, PYTORCH)]
    return sum(statistics.variance(values) / len(values) for values in sides) ** 0.5 if len(sides[0]) > 1 else 0.0


def loss_table(turns: Turns) -> str:
    lines = []
    for epoch in range(len(turns[ASTERISM][0].run.epochs)):
        sides = [losses(turns[side], epoch) for side in (ASTERISM, PYTORCH)]
        cells = [f"{statistics.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})" for values in sides]
        error = f"{difference(turns, epoch):+.4f} +- {standard_error(turns, epoch):.4f}"
        lines.append([str(epoch + 1), *cells, error, "yes" if in_range(turns, epoch) else "no"])
    header = ["epoch", "asterism, mean loss (of seeds)", "pytorch, mean loss (of seeds)", "difference", "in its range"]
    return table(header, lines)


def agreement(turns: Turns) -> dict[str, Any]:
    epochs = range(len(turns[ASTERISM][0].run.epochs))
    worst = max(epochs, key=lambda epoch: abs(difference(turns, epoch)))
    theirs = losses(turns[PYTORCH], worst)
    return {
        "epochs_in_range": sum(in_range(turns, epoch) for epoch in epochs),
        "epochs": len(epochs),
        "largest_difference": difference(turns, worst),
        "largest_difference_share": difference(turns, worst) / statistics.mean(theirs),
        "standard_error_there": standard_error(turns, worst),
        "span_of_pytorch_there": max(theirs) - min(theirs),
    }


def run(case: Case, name: str, options: Options) -> dict[str, Any]:
    if not options.smoke and not case.data_path().exists():
        raise BenchmarkSkipped(f"{case.data_path()} is not there (ASTERISM_DATA names the data folder)")
    libtorch = options.libtorch_version()
    print(f"\n{name}: {case.about}, {options.precision}, {options.threads} threads and workers")
    turns = run_rounds(case, name, options)
    print(rate_table(turns))
    result: dict[str, Any] = {
        "about": case.about,
        "precision": options.precision,
        "libtorch_of_asterism": libtorch,
        "threads": options.threads,
        "rows": turns[ASTERISM][0].run.row_count,
        "rounds": {side: [turn.as_dict() for turn in of_side] for side, of_side in turns.items()},
    }
    if turns[PYTORCH]:
        found = agreement(turns)
        print(loss_table(turns))
        print(
            f"largest difference {found['largest_difference']:+.4f} ({100 * found['largest_difference_share']:+.2f} %), "
            f"standard error there {found['standard_error_there']:.4f}, "
            f"PyTorch's seeds span {found['span_of_pytorch_there']:.4f}"
        )
        result |= {
            "times_as_fast": ratio(turns, wall_rate),
            "times_as_fast_by_processor_time": ratio(turns, processor_rate),
            "agreement": found,
        }
    return result
