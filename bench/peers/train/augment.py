"""How long SimCLR's augmentation of one picture takes, beside torchvision: one thread each, in turns.

    python bench/peers/train/augment.py build/release/bench/asterism_train_bench     (torch, torchvision, Pillow)

The picture is the same (tools/goldens/test_pattern.py draws what the program draws), the recipe too: crop of 20 to 100 %
of the area, flip, colour jitter at 0.8, grey at 0.2, blur of a tenth of the edge at 0.5, then floats. That both make the
same of a picture is what tests/unit/train/augment_recorded_test.cpp shows.
"""

from __future__ import annotations

import io
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torchvision import transforms

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools" / "goldens"))
from test_pattern import draw

ROUNDS = 5
SECONDS = 1.0
# Edge of the picture, edge of the view, from a JPEG file: the arguments of simclr_view in bench/micro/train_bench.cpp.
CASES = [(32, 32, 0), (32, 32, 1), (256, 96, 0), (256, 96, 1)]


def pipeline(edge: int) -> transforms.Compose:
    blur = transforms.GaussianBlur(max(3, edge // 10) | 1, (0.1, 2.0))
    return transforms.Compose([
        transforms.RandomResizedCrop(edge, scale=(0.2, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        transforms.RandomGrayscale(0.2),
        transforms.RandomApply([blur], p=0.5),
        transforms.ToTensor(),
    ])  # fmt: skip


def torchvision_case(source: int, edge: int, from_file: int) -> Callable[[], object]:
    picture = Image.fromarray(draw("disc", source, source))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    view = pipeline(edge)
    if from_file:
        return lambda: view(Image.open(io.BytesIO(file.getvalue())).convert("RGB"))
    return lambda: view(picture)


def microseconds(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    count = 0
    while time.perf_counter() - begin < SECONDS:
        run()
        count += 1
    return (time.perf_counter() - begin) / count * 1e6


def ours(program: str, case: tuple[int, int, int]) -> float:
    name = "simclr_view/" + "/".join(str(value) for value in case)
    done = subprocess.run(
        [program, f"--benchmark_filter={name}$", f"--benchmark_min_time={SECONDS}", "--benchmark_format=json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(json.loads(done.stdout)["benchmarks"][0]["real_time"]) / 1000


def main() -> None:
    torch.set_num_threads(1)
    program = sys.argv[1] if len(sys.argv) > 1 else "build/release/bench/asterism_train_bench"
    print("picture  view  from    asterism us  torchvision us  ratio")
    for case in CASES:
        peer = torchvision_case(*case)
        rounds = [(ours(program, case), microseconds(peer)) for _ in range(ROUNDS)]
        mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
        source = "file  " if case[2] else "pixels"
        print(f"{case[0]:7}  {case[1]:4}  {source}  {mine:11.1f}  {theirs:14.1f}  {theirs / mine:5.1f}")


if __name__ == "__main__":
    main()
