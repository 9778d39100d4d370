#!/usr/bin/env python3
"""Asks every picture of a small labelled set once a round, by folds: bench/recipes/folds.py BUILD PICTURES NAME=MODEL...

PICTURES is a folder with a folder for each class. A split keeps too few of a small set to tell encoders apart; here each
class is cut into `--folds` parts, each part is asked by `asterism evaluate knn` and `probe` with the others to learn
from, and all of it is done `--rounds` times with other parts. A model's figure is the mean over pictures and rounds.
Intervals (95 %) resample pictures, so they hold for other pictures of the kind, not for another training. Raw pixels at
32 x 32 are always among the systems; `--beside NAME` adds the difference of every other system to that one, on the same
pictures.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path

TASKS = ("knn", "probe")
REPLICATES = 2000
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
# Of each system, for each picture: how many of the rounds told its class.
Hits = dict[str, dict[str, int]]


def cut(pictures: Path, fold_count: int, seed: int) -> list[dict[str, list[Path]]]:
    """The pictures of each class in folds that differ by at most one picture."""
    chance = random.Random(seed)
    folds: list[dict[str, list[Path]]] = [{} for _ in range(fold_count)]
    for folder in sorted(path for path in pictures.iterdir() if path.is_dir()):
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
        chance.shuffle(files)
        for index, fold in enumerate(folds):
            fold[folder.name] = files[index::fold_count]
    return folds


def link(target: Path, fold: dict[str, list[Path]]) -> None:
    for name, files in fold.items():
        (target / name).mkdir(parents=True, exist_ok=True)
        for file in files:
            (target / name / "_".join(file.parts[1:])).symlink_to(file.resolve())


def ask(options: argparse.Namespace, task: str, learnt: Path, asked: Path, hits: Hits) -> None:
    (first_name, first), *others = options.models
    report = learnt.parent / "report.json"
    command = [options.build / "bin/asterism", "evaluate", task, learnt, "--test", asked, "--labels", "folder"]
    command += ["-m", first, *(word for _, model in others for word in ("--against", model))]
    command += ["--precision", "f32", "--replicates", "100", "--quiet", "--out", report]
    if options.threads:
        command += ["--threads", options.threads]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    [found] = json.loads(report.read_text(encoding="utf-8"))["tasks"]
    names = [first_name, *(name for name, _ in others)]
    for index, system in enumerate(found["systems"]):
        name = names[index] if index < len(names) else system["name"]
        counts = hits.setdefault(name, {})
        for row, label, predicted in zip(
            found["rows"], found["columns"]["label"], system["columns"]["predicted"], strict=True
        ):
            picture = "/".join(Path(row).parts[-2:])
            counts[picture] = counts.get(picture, 0) + int(label == predicted)


def run_rounds(options: argparse.Namespace, task: str) -> Hits:
    hits: Hits = {}
    for round_index in range(options.rounds):
        folds = cut(options.pictures, options.folds, options.seed + round_index)
        for asked_index, asked in enumerate(folds):
            with tempfile.TemporaryDirectory() as folder:
                learnt_folder, asked_folder = Path(folder) / "learnt", Path(folder) / "asked"
                link(asked_folder, asked)
                for index, fold in enumerate(folds):
                    if index != asked_index:
                        link(learnt_folder, fold)
                ask(options, task, learnt_folder, asked_folder, hits)
    return hits


def interval(values: list[float], seed: int) -> str:
    """The mean and its percentile interval, in per cent."""
    chance = random.Random(seed)
    means = sorted(sum(chance.choices(values, k=len(values))) / len(values) for _ in range(REPLICATES))
    low, high = means[round(0.025 * REPLICATES)], means[round(0.975 * REPLICATES) - 1]
    return f"{100 * sum(values) / len(values):.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def cells(options: argparse.Namespace, hits: Hits, name: str) -> list[str]:
    pictures = sorted(hits[name])
    out = [interval([hits[name][picture] / options.rounds for picture in pictures], options.seed)]
    for other in options.beside:
        if other == name:
            out.append("")
        else:
            differences = [(hits[name][picture] - hits[other][picture]) / options.rounds for picture in pictures]
            out.append(interval(differences, options.seed))
    return out


def named_model(text: str) -> tuple[str, str]:
    name, mark, model = text.partition("=")
    if not (name and mark and model):
        raise argparse.ArgumentTypeError(f"expected NAME=MODEL, found {text!r}")
    return name, model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("models", nargs="+", type=named_model, metavar="NAME=MODEL")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--beside", nargs="+", default=["pixels"], metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    by_task = {task: run_rounds(options, task) for task in TASKS}
    heads = [head for task in TASKS for head in (task, *(f"{task}, above {other}" for other in options.beside))]
    print(f"| encoder | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    for name in by_task[TASKS[0]]:
        columns = [cell for task in TASKS for cell in cells(options, by_task[task], name)]
        print(f"| {name} | {' | '.join(columns)} |", flush=True)


if __name__ == "__main__":
    main()
