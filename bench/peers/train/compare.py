"""The same recipe trained by asterism and by plain PyTorch, in turns: rows a second, and losses epoch by epoch.

Round r has the seed r on both sides. Seeds do not mean the same random numbers, so curves are compared as curves of
other seeds are: how far the means of the rounds are apart, beside how far the rounds of PyTorch are.
"""

from __future__ import annotations

import statistics
from typing import Any

from cases import Case, write_recipe
from contest import TrainingRun, run_asterism, run_pytorch
from options import BenchmarkSkipped, Options
from report import spread, table
from rounds import progress

ASTERISM = "asterism"
PYTORCH = "pytorch"
Runs = dict[str, list[TrainingRun]]


def check_alike(runs: Runs) -> None:
    """Both sides must have learnt the same network from the same number of rows."""
    if not (runs[ASTERISM] and runs[PYTORCH]):
        return
    ours, theirs = runs[ASTERISM][0], runs[PYTORCH][0]
    if (ours.row_count, ours.value_count) != (theirs.row_count, theirs.value_count):
        raise SystemExit(
            f"asterism has {ours.row_count} rows and {ours.value_count} values in its encoder, "
            f"plain PyTorch {theirs.row_count} and {theirs.value_count}: expected the same"
        )


def run_rounds(case: Case, name: str, options: Options) -> Runs:
    runs: Runs = {ASTERISM: [], PYTORCH: []}
    folder = options.cache / name
    folder.mkdir(parents=True, exist_ok=True)
    sides = [side for side in runs if side == ASTERISM or options.peers_available()]
    for number in range(options.rounds):
        more = {"training.seed": number, "training.threads": options.threads, "training.workers": options.threads}
        settings = case.settings(smoke=options.smoke, more={**more, "training.precision": options.precision})
        recipe = folder / "recipe.toml"
        write_recipe(settings, recipe)
        for side in sides if number % 2 == 0 else sides[::-1]:
            if side == ASTERISM:
                run = run_asterism(options.program(), recipe, options.threads, settings["training"]["batch_size"])
            else:
                run = run_pytorch(case, recipe, options.threads)
            runs[side].append(run)
            progress(f"{name}, round {number + 1}: {side} {run.rows_per_second():.0f} rows/s")
        check_alike(runs)
    return runs


def rate_table(runs: Runs) -> str:
    lines = []
    for side, of_side in runs.items():
        if of_side:
            rates = [run.rows_per_second() for run in of_side]
            waits = statistics.median(run.wait_share() for run in of_side)
            lines.append([side, spread(rates), f"{100 * waits:.0f} %", ratio_of(runs, side)])
    return table(["contender", "rows/s", "waiting for data", "asterism is x"], lines)


def ratio(runs: Runs) -> float:
    """Taken within a round; the median of the rounds."""
    pairs = zip(runs[ASTERISM], runs[PYTORCH], strict=True)
    return statistics.median(ours.rows_per_second() / theirs.rows_per_second() for ours, theirs in pairs)


def ratio_of(runs: Runs, side: str) -> str:
    return "1" if side == ASTERISM else f"{ratio(runs):.2f}"


def losses(runs: list[TrainingRun], epoch: int) -> list[float]:
    return [run.epochs[epoch].loss for run in runs]


def in_range(runs: Runs, epoch: int) -> bool:
    theirs = losses(runs[PYTORCH], epoch)
    return min(theirs) <= statistics.mean(losses(runs[ASTERISM], epoch)) <= max(theirs)


def difference(runs: Runs, epoch: int) -> float:
    ours, theirs = losses(runs[ASTERISM], epoch), losses(runs[PYTORCH], epoch)
    return statistics.mean(ours) - statistics.mean(theirs)


def standard_error(runs: Runs, epoch: int) -> float:
    """Of that difference, by the variance between the seeds of each side."""
    sides = [losses(runs[side], epoch) for side in (ASTERISM, PYTORCH)]
    return sum(statistics.variance(values) / len(values) for values in sides) ** 0.5 if len(sides[0]) > 1 else 0.0


def loss_table(runs: Runs) -> str:
    lines = []
    for epoch in range(len(runs[ASTERISM][0].epochs)):
        sides = [losses(runs[side], epoch) for side in (ASTERISM, PYTORCH)]
        cells = [f"{statistics.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})" for values in sides]
        error = f"{difference(runs, epoch):+.4f} +- {standard_error(runs, epoch):.4f}"
        lines.append([str(epoch + 1), *cells, error, "yes" if in_range(runs, epoch) else "no"])
    header = ["epoch", "asterism, mean loss (of seeds)", "pytorch, mean loss (of seeds)", "difference", "in its range"]
    return table(header, lines)


def agreement(runs: Runs) -> dict[str, Any]:
    epochs = range(len(runs[ASTERISM][0].epochs))
    worst = max(epochs, key=lambda epoch: abs(difference(runs, epoch)))
    theirs = losses(runs[PYTORCH], worst)
    return {
        "epochs_in_range": sum(in_range(runs, epoch) for epoch in epochs),
        "epochs": len(epochs),
        "largest_difference": difference(runs, worst),
        "largest_difference_share": difference(runs, worst) / statistics.mean(theirs),
        "standard_error_there": standard_error(runs, worst),
        "span_of_pytorch_there": max(theirs) - min(theirs),
    }


def run(case: Case, name: str, options: Options) -> dict[str, Any]:
    if not options.smoke and not case.data_path().exists():
        raise BenchmarkSkipped(f"{case.data_path()} is not there (ASTERISM_DATA names the data folder)")
    print(f"\n{name}: {case.about}, {options.precision}, {options.threads} threads and workers")
    runs = run_rounds(case, name, options)
    print(rate_table(runs))
    result: dict[str, Any] = {
        "about": case.about,
        "precision": options.precision,
        "threads": options.threads,
        "rows": runs[ASTERISM][0].row_count,
        "runs": {side: [run.as_dict() for run in of_side] for side, of_side in runs.items()},
    }
    if runs[PYTORCH]:
        found = agreement(runs)
        print(loss_table(runs))
        print(
            f"largest difference {found['largest_difference']:+.4f} ({100 * found['largest_difference_share']:+.2f} %), "
            f"standard error there {found['standard_error_there']:.4f}, "
            f"PyTorch's seeds span {found['span_of_pytorch_there']:.4f}"
        )
        result |= {"times_as_fast": ratio(runs), "agreement": found}
    return result
