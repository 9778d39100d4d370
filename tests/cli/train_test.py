"""asterism train: every recipe to its end, killed and resumed runs, what a run leaves, and what users get wrong."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time
import tomllib
import unittest
import zlib
from pathlib import Path

from support import EXAMPLES, EXIT, PATIENCE_S, PROGRAM, ROOT, CliTest, environment, hold, read_npy, read_tensors

RECIPES = ROOT / "recipes"
# The module that learns is not built where there is no libtorch.
HAS_TORCH = any((Path(PROGRAM).parents[1] / "lib").rglob("libasterism_torch.so"))
# As a user would try a recipe: a few steps.
SHORT = [
    "--set", "training.epochs=1",
    "--set", "training.batch_size=16",
    "--set", "schedule.warmup_epochs=0",
]  # fmt: skip


@unittest.skipUnless(HAS_TORCH, "built without libtorch")
class Train(CliTest):
    def train(self, recipe: Path | str, *extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, "train", str(recipe), *extra], cwd=self.folder, env=environment(self.home),
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def metrics(self, run: str) -> list[dict[str, str]]:
        with (self.folder / run / "metrics.csv").open() as file:
            return list(csv.DictReader(file))

    def digits(self, *extra: str) -> list[str]:
        return [str(RECIPES / "lenet-digits.toml"), "-o", "run", *extra]


def one_colour_png(edge: int, colour: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress((b"\0" + colour * edge) * edge)
    header = struct.pack(">IIBBBBB", edge, edge, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class From(Train):
    """A model that was trained already goes on learning."""

    def train_from(self, model: str, *extra: str) -> subprocess.CompletedProcess[str]:
        sizes = ("architecture", "stem_width", "stage_widths", "stage_depths")
        lines = (RECIPES / "simclr.toml").read_text().splitlines()
        recipe = "\n".join(line for line in lines if line.split(" = ")[0] not in sizes)
        self.write("from.toml", recipe.replace("../examples", str(ROOT / "examples")))
        return self.train("from.toml", "-o", "run", *SHORT, "--set", f'model.from="{model}"', *extra)

    def test_a_model_that_is_nowhere_and_sizes_that_do_not_fit_are_named(self) -> None:
        stderr = self.train_from("no-such-model").stderr
        self.assertIn('"from"', stderr)
        self.assertIn("no-such-model", stderr)
        many = self.train_from("builtin-image", "--set", "model.block_count=99", "--set", "model.head_size=4")
        self.assertIn("expected at most 13", many.stderr)
        headless = self.train_from("builtin-image", "--set", "model.block_count=4")
        self.assertIn('"head_size" is missing', headless.stderr)

    def test_the_built_in_model_goes_on_and_keeps_what_is_frozen(self) -> None:
        done = self.train_from(
            "builtin-image", "--set", "model.block_count=4", "--set", "model.head_size=8",
            "--set", 'model.frozen=["_blocks.1"]', "--set", 'model.weights="f16"',
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        before = read_tensors(ROOT / "assets" / "builtin_image" / "model.safetensors")
        after = read_tensors(self.folder / "run" / "model.safetensors")
        self.assertEqual(after["_conv_head.weight"][0], (8, 40, 1, 1))
        self.assertNotIn("_blocks.4._project_conv.weight", after)
        self.assertEqual(after["_blocks.1._project_conv.weight"], before["_blocks.1._project_conv.weight"])
        self.assertNotEqual(after["_blocks.3._project_conv.weight"], before["_blocks.3._project_conv.weight"])


class EveryRecipe(Train):
    def test_runs_to_its_end_and_its_folder_embeds(self) -> None:
        recipes = sorted(RECIPES.glob("*.toml"))
        self.assertGreater(len(recipes), 10)
        kinds = set()
        for recipe in recipes:
            settings = tomllib.loads(recipe.read_text())
            kind = settings["objective"]["kind"]
            kinds.add(kind)
            with self.subTest(recipe=recipe.stem):
                extra = list(SHORT)
                if kind == "data2vec":
                    extra += ["--set", "training.average_ramp_epochs=0.5"]
                if "output" in settings:  # of less than a hundred pictures
                    extra += ["--set", "output.whitening=24"]
                if kind == "distillation":  # the recipe's own teacher is a download
                    extra += ["--set", f'objective.teacher="{self.folder / "autoencoder-dense"}"',
                              "--set", "objective.teacher_view_count=2", "--set", "model.image_size=32"]  # fmt: skip
                    if "from" in settings["model"]:  # a download, too, as its pictures are
                        extra += ["--input", str(EXAMPLES / "images"), "--set", 'model.from="builtin-image"',
                                  "--set", "model.block_count=5", "--set", "model.head_size=16"]  # fmt: skip
                    else:
                        extra += ["--set", 'model.stem="small"']
                done = self.train(recipe, "-o", recipe.stem, *extra, "--json")
                self.assertEqual(done.returncode, 0, done.stderr)
                run = json.loads(done.stdout)
                self.assertEqual(run["data"]["skipped"], 0)
                folder = self.folder / recipe.stem
                files = ["config.json", "model.safetensors", "report.html", "run.json"]
                if kind != "fusion":  # fitted without steps
                    self.assertGreater(run["result"]["steps"], 0)
                    files.append("metrics.csv")
                for name in files:
                    self.assertTrue((folder / name).is_file(), name)
                inputs = EXAMPLES / ("digits" if recipe.stem.startswith("lenet") else "images")
                if kind in ("tabular_autoencoder", "fusion"):
                    inputs = EXAMPLES / "plants.csv"
                out = self.folder / f"{recipe.stem}.npy"
                embedded = subprocess.run(
                    [PROGRAM, "embed", str(inputs), "-m", str(folder), "-o", str(out)], cwd=self.folder,
                    env=environment(self.home), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                )  # fmt: skip
                self.assertEqual(embedded.returncode, 0, embedded.stderr)
                vectors = read_npy(out)
                self.assertEqual(len(vectors[0]), run["dim"])
                self.assertGreater(len({tuple(v) for v in vectors}), 1)
        self.assertEqual(
            kinds,
            {
                "supervised", "autoencoder", "masked_autoencoder", "data2vec", "simclr", "supervised_contrastive",
                "triplet", "vicreg", "distillation", "tabular_autoencoder", "fusion",
            },
        )  # fmt: skip


class Output(Train):
    """The last layer that is fitted when a run has ended."""

    MASKED = (str(RECIPES / "masked-autoencoder.toml"), "-o", "run", *SHORT)

    def whitened(self, count: int) -> dict[str, object]:
        done = self.train(*self.MASKED, "--set", f"output.whitening={count}", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        run = json.loads(done.stdout)
        assert isinstance(run, dict)
        return run

    def embed(self, *extra: str) -> list[list[float]]:
        out = self.folder / f"vectors{len(extra)}{extra[-1]}.npy"
        done = subprocess.run(
            [PROGRAM, "embed", str(EXAMPLES / "images"), "-m", "run", "-o", str(out), *extra],
            cwd=self.folder, env=environment(self.home), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        return [list(row) for row in read_npy(out)]

    def test_embed_gives_whitened_vectors_and_those_before_by_name(self) -> None:
        run = self.whitened(8)
        self.assertEqual(run["dim"], 8)
        vectors = self.embed("--precision", "f32")
        self.assertEqual(len(vectors[0]), 8)
        # Fitted on the four fifths that are learnt from, and in the precision of training.
        for column in zip(*vectors, strict=True):
            mean = sum(column) / len(column)
            variance = sum((value - mean) ** 2 for value in column) / (len(column) - 1)
            self.assertLess(abs(mean), 0.5)
            self.assertTrue(0.3 < variance < 3.0, variance)
        tensors = read_tensors(self.folder / "run" / "model.safetensors")
        self.assertEqual(tensors["vector_projection.weight"][0], (8, 192))
        self.assertEqual(len(self.embed("--layer", "penultimate")[0]), 192)

    def test_the_code_of_table_rows_is_whitened_too(self) -> None:
        done = self.train(str(RECIPES / "tabular-autoencoder.toml"), "-o", "run", *SHORT, "--set", "output.whitening=5")
        self.assertEqual(done.returncode, 0, done.stderr)
        for count, extra in ((5, []), (16, ["--layer", "code"])):
            out = self.folder / f"rows{count}.npy"
            embedded = subprocess.run(
                [PROGRAM, "embed", str(EXAMPLES / "plants.csv"), "-m", "run", "-o", str(out), *extra],
                cwd=self.folder, env=environment(self.home), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
            )  # fmt: skip
            self.assertEqual(embedded.returncode, 0, embedded.stderr)
            self.assertEqual(len(read_npy(out)[0]), count)
        shown = subprocess.run(
            [PROGRAM, "models", "show", "run", "--json"], cwd=self.folder, env=environment(self.home),
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        self.assertIn("VectorProjection(16 -> 5)", shown.stdout)

    def test_a_finished_run_is_fitted_again_and_takes_no_step(self) -> None:
        plain = self.whitened(0)
        self.assertEqual(plain["dim"], 192)
        before = (self.folder / "run" / "model.safetensors").read_bytes()
        steps = self.metrics("run")
        self.assertEqual(self.whitened(8)["dim"], 8)
        self.assertEqual(self.metrics("run"), steps)
        self.assertNotEqual((self.folder / "run" / "model.safetensors").read_bytes(), before)
        self.assertEqual(self.whitened(0)["result"]["trained"], plain["result"]["trained"])  # type: ignore[index]
        self.assertEqual((self.folder / "run" / "model.safetensors").read_bytes(), before)

    def test_whitening_that_does_not_fit_is_refused_before_the_first_step(self) -> None:
        done = self.train(*self.MASKED, "--set", "output.whitening=150")
        self.assertEqual(done.returncode, EXIT["invalid_argument"], done.stderr)
        self.assertIn("expected fewer directions than the", done.stderr)
        wide = self.train(*self.MASKED, "--set", "output.whitening=193")
        self.assertIn("expected at most 192", wide.stderr)
        self.assertFalse((self.folder / "run" / "model.safetensors").exists())

    def test_figures_of_other_pictures_than_those_that_are_learnt_from(self) -> None:
        digits = EXAMPLES / "digits"
        done = self.train(
            str(RECIPES / "simclr.toml"), "-o", "run", *SHORT, "--set", f'evaluation.inputs=["{digits}"]',
            "--set", 'evaluation.label_pattern="{}-*"', "--json",
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        run = json.loads(done.stdout)
        evaluated = run["data"]["evaluated"]
        self.assertEqual(evaluated["train"] + evaluated["test"], len(list(digits.iterdir())))
        self.assertEqual(run["result"]["trained"]["rows"], evaluated["test"])
        self.assertIn("neighbour_accuracy", run["result"]["trained"])
        self.assertEqual(run["data"]["test"], 0)
        self.assertIn("Figures are of other rows", (self.folder / "run" / "report.html").read_text())
        labelled = self.train(*self.digits(*SHORT, "--set", f'evaluation.inputs=["{digits}"]'))
        self.assertEqual(labelled.returncode, EXIT["invalid_argument"], labelled.stderr)
        self.assertIn("evaluation.inputs", labelled.stderr)


class Learning(Train):
    def test_learns_and_says_so(self) -> None:
        """Twenty pictures, all learnt from. A digit has one other picture of it among 19: chance is one in twenty."""
        done = self.train(*self.digits("--set", "data.test_share=0", "--set", "data.validation_share=0",
                                       "--set", "training.epochs=60", "--json"))  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = self.metrics("run")
        losses = [float(row["loss"]) for row in rows if row["loss"]]
        self.assertLess(losses[-1], 0.7 * losses[0])
        self.assertGreater(json.loads(done.stdout)["result"]["trained"]["neighbour_accuracy"], 0.3)

    def test_event_file_has_the_frames_and_checksums_of_tfrecord(self) -> None:
        self.assertEqual(self.train(*self.digits(*SHORT)).returncode, 0)
        (events,) = (self.folder / "run").glob("events.out.tfevents.*")
        data = events.read_bytes()
        count = 0
        while data:
            (size,) = struct.unpack("<Q", data[:8])
            self.assertEqual(struct.unpack("<I", data[8:12])[0], masked_crc32c(data[:8]))
            body = data[12 : 12 + size]
            self.assertEqual(struct.unpack("<I", data[12 + size : 16 + size])[0], masked_crc32c(body))
            data = data[16 + size :]
            count += 1
        self.assertGreater(count, 1)
        self.assertIn(b"loss", events.read_bytes())


def masked_crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class Stopped(Train):
    def arguments(self, run: str) -> list[str]:
        return [
            str(RECIPES / "lenet-digits.toml"), "-o", run, "--set", "training.epochs=40", "--set",
            "training.batch_size=4", "--set", "training.checkpoint_steps=3",
        ]  # fmt: skip

    def test_killed_runs_end_with_the_same_bytes(self) -> None:
        begin = time.monotonic()
        self.assertEqual(self.train(*self.arguments("whole")).returncode, 0)
        whole_s = time.monotonic() - begin
        seed = random.randrange(1 << 30)
        chance = random.Random(seed)
        kills = 0
        for attempt in range(100):
            process = subprocess.Popen(
                [PROGRAM, "train", *self.arguments("killed")], cwd=self.folder, env=environment(self.home),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if kills == 0:  # the first one as soon as there is something to go on with
                self.wait_until(lambda: any(self.folder.glob("killed/checkpoints/step-*")), process)
            else:  # then longer and longer, for a machine that gets busy meanwhile
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=chance.uniform(0.3, 1.2) * (1 + attempt / 10) * whole_s)
            if hold(process):
                process.kill()
                process.wait()
                kills += 1
                continue
            self.assertEqual(process.returncode, 0)
            if kills > 0:
                break
            shutil.rmtree(self.folder / "killed")  # the test itself was held up meanwhile
        else:
            self.fail(f"{kills} kills, and never came to its end (seed {seed})")
        for name in ("model.safetensors", "config.json"):
            self.assertEqual(
                (self.folder / "whole" / name).read_bytes(), (self.folder / "killed" / name).read_bytes(),
                f"{name}, seed {seed}, {kills} kills",
            )  # fmt: skip
        steps = [int(row["step"]) for row in self.metrics("killed")]
        self.assertEqual(steps, sorted(steps))

    def test_second_trainer_is_told_who_trains(self) -> None:
        process = subprocess.Popen(
            [PROGRAM, "train", *self.arguments("run"), "--set", "training.epochs=5000"], cwd=self.folder,
            env=environment(self.home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self.wait_until(lambda: any(self.folder.glob("run/checkpoints/step-*")), process)
            second = self.train(*self.arguments("run"))
            self.assertEqual(second.returncode, EXIT["io"], second.stderr)
            self.assertIn(str(process.pid), second.stderr)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=PATIENCE_S), EXIT["cancelled"])
        finally:
            process.kill()
            process.wait()

    def test_checkpoint_of_another_recipe_is_refused_and_the_difference_named(self) -> None:
        self.assertEqual(self.train(*self.digits(*SHORT)).returncode, 0)
        (self.folder / "run" / "run.json").unlink()
        done = self.train(*self.digits(*SHORT, "--set", "optimizer.learning_rate=0.5"))
        self.assertEqual(done.returncode, EXIT["mismatch"], done.stderr)
        self.assertIn("optimizer.learning_rate", done.stderr)

    def test_a_finished_run_of_another_recipe_is_refused_and_kept(self) -> None:
        self.assertEqual(self.train(*self.digits(*SHORT)).returncode, 0)
        before = (self.folder / "run" / "run.json").read_bytes()
        done = self.train(*self.digits(*SHORT, "--set", "training.epochs=2"))
        self.assertEqual(done.returncode, EXIT["mismatch"], done.stderr)
        self.assertIn("run: a finished run of another recipe: training.epochs: 1 there, 2 here", done.stderr)
        self.assertIn("--again", done.stderr)
        self.assertEqual((self.folder / "run" / "run.json").read_bytes(), before)
        again = self.train(*self.digits(*SHORT))
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("holds a finished run", again.stderr)


class Memory(Train):
    """A picture of 256 x 256 is 197 kB when it is decoded, and a few hundred bytes on disk."""

    COUNT_FEW, COUNT_MANY = 100, 900
    DIFFERENCE_KB = (COUNT_MANY - COUNT_FEW) * 256 * 256 * 3 // 1024

    def pictures(self, count: int) -> Path:
        folder = self.folder / f"pictures{count}"
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.png").write_bytes(one_colour_png(256, bytes((number % 256, number // 256, 7))))
        return folder

    def peak_kb(self, count: int, cache_mb: int) -> int:
        run = self.folder / f"run{count}-{cache_mb}"
        command = [
            PROGRAM, "train", str(RECIPES / "autoencoder-convolutional.toml"), "--input", str(self.pictures(count)),
            "-o", str(run), *SHORT, "--set", f"data.cache_mb={cache_mb}", "--threads", "1", "--quiet",
        ]  # fmt: skip
        with subprocess.Popen(command, env=environment(self.home), stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            stderr = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, stderr)
        shutil.rmtree(self.folder / f"pictures{count}")
        return usage.ru_maxrss

    def test_memory_follows_the_cache_and_the_batch_and_not_the_data(self) -> None:
        few = self.peak_kb(self.COUNT_FEW, 1)
        self.assertLess(self.peak_kb(self.COUNT_MANY, 1) - few, self.DIFFERENCE_KB / 4)
        # Kept pictures would show.
        self.assertGreater(self.peak_kb(self.COUNT_MANY, 1000) - few, self.DIFFERENCE_KB / 2)


class BadInput(Train):
    def expect(self, name: str, *words: str, extra: list[str]) -> None:
        done = self.train(*self.digits(*SHORT, *extra))
        self.assertEqual(done.returncode, EXIT[name], done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_recipe(self) -> None:
        self.expect("invalid_argument", "epocs", "epochs", extra=["--set", "training.epocs=3"])
        self.expect("invalid_argument", "widths", extra=["--set", "model.widths=[3]"])
        self.expect("not_found", "nowhere", extra=["--input", "nowhere"])

    def test_table_without_the_column(self) -> None:
        (self.folder / "t.csv").write_text("file,kind\na.png,x\n")
        self.expect("not_found", '"path"', '"file", "kind"', extra=["--input", "t.csv"])

    def test_labels_of_one_class(self) -> None:
        folder = self.folder / "one" / "cat"
        folder.mkdir(parents=True)
        for i, source in enumerate(sorted((EXAMPLES / "digits").iterdir())[:6]):
            (folder / f"{i}.png").symlink_to(source)
        self.expect("invalid_argument", "two classes", "'cat'",
                    extra=["--input", "one", "--set", 'data.label_pattern=""'])  # fmt: skip

    def test_broken_pictures_are_skipped_counted_and_named(self) -> None:
        folder = self.folder / "mixed"
        folder.mkdir()
        for source in (EXAMPLES / "digits").iterdir():
            (folder / source.name).symlink_to(source)
        (folder / "3-broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
        done = self.train(*self.digits(*SHORT, "--input", "mixed", "--set", "data.test_share=0", "--json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        data = json.loads(done.stdout)["data"]
        self.assertEqual(data["skipped"], 1)
        self.assertIn("3-broken.png", data["skipped_examples"][0])
        self.assertRegex(done.stderr, "warning: 1 row was skipped: .*3-broken.png")

    def test_a_class_without_pictures_is_told(self) -> None:
        for source in (EXAMPLES / "digits").iterdir():
            folder = self.folder / "classes" / source.name[0]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / source.name).symlink_to(source)
        (self.folder / "classes" / "none").mkdir()
        done = self.train(*self.digits(*SHORT, "--input", "classes", "--set", 'data.label_pattern=""',
                                       "--set", "data.test_share=0", "--set", "data.validation_share=0"))  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, "warning: class 'none': no picture in .*classes/none")

    def test_loss_that_is_not_a_number_names_the_batch_and_keeps_the_last_checkpoint(self) -> None:
        done = self.train(*self.digits(
            "--set", "optimizer.kind='sgd'", "--set", "optimizer.learning_rate=1000", "--set", "training.batch_size=4",
            "--set", "training.checkpoint_steps=1", "--set", "schedule.kind='constant'", "--set",
            "schedule.warmup_epochs=0", "--set", "optimizer.weight_decay=1000", "--set", "training.epochs=400",
        ))  # fmt: skip
        self.assertEqual(done.returncode, EXIT["invalid_argument"], done.stderr)
        self.assertIn("rows", done.stderr)
        self.assertTrue(list(self.folder.glob("run/checkpoints/step-*")))


if __name__ == "__main__":
    unittest.main()
