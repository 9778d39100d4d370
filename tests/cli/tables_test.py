"""asterism train and embed on tables: what is learnt, what is fused, and what tables lack."""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

from support import EXAMPLES, EXIT, PATIENCE_S, PROGRAM, ROOT, CliTest, environment, read_npy

RECIPES = ROOT / "recipes"
PLANTS = EXAMPLES / "plants.csv"
HAS_TORCH = any((Path(PROGRAM).parents[1] / "lib").rglob("libasterism_torch.so"))


class Tables(CliTest):
    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *arguments], cwd=self.folder, env=environment(self.home), capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def done(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        found = self.call(*arguments)
        self.assertEqual(found.returncode, 0, found.stderr)
        return found

    def vectors(self, table: Path | str, model: str, *extra: str) -> list[list[float]]:
        self.done("embed", str(table), "-m", model, "-o", "out.npy", *extra)
        return read_npy(self.folder / "out.npy")

    def table(self, name: str, rows: list[dict[str, str]]) -> Path:
        path = self.folder / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    def plants(self) -> list[dict[str, str]]:
        with PLANTS.open(encoding="utf-8") as file:
            return list(csv.DictReader(file))


@unittest.skipUnless(HAS_TORCH, "built without libtorch")
class TabularAutoencoder(Tables):
    learnt: Path
    run_json: dict[str, Any]

    def train(self, *extra: str, run: str = "other") -> subprocess.CompletedProcess[str]:
        recipe = str(RECIPES / "tabular-autoencoder.toml")
        return self.call("train", recipe, "-o", run, "--set", "training.threads=1", *extra)

    def setUp(self) -> None:
        super().setUp()
        (self.folder / "run").symlink_to(self.learnt)

    @classmethod
    def setUpClass(cls) -> None:
        """One run for all tests that only use it."""
        home = Path(tempfile.mkdtemp(prefix="asterism-tables-"))
        cls.addClassCleanup(shutil.rmtree, home, ignore_errors=True)
        cls.learnt = home / "learnt"
        done = subprocess.run(
            [PROGRAM, "train", str(RECIPES / "tabular-autoencoder.toml"), "-o", str(cls.learnt), "--json"],
            env=environment(home), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.run_json = json.loads(done.stdout)

    def test_learns_to_write_cells_again(self) -> None:
        with (self.folder / "run" / "metrics.csv").open() as file:
            losses = [float(row["validation_loss"]) for row in csv.DictReader(file) if row["validation_loss"]]
        # A guess by means and frequencies costs 1.
        self.assertGreater(losses[0], 1.0)
        self.assertLess(losses[-1], 0.6)
        result = self.run_json["result"]
        self.assertGreater(result["trained"]["neighbour_accuracy"], 0.6)
        self.assertIn("probe_accuracy", result["raw"])
        self.assertNotIn("class_accuracy", result["trained"])
        report = (self.folder / "run" / "report.html").read_text(encoding="utf-8")
        for text in ("raw columns", "reconstruction", "leaf_length_cm", "Nearest neighbours of rows"):
            self.assertIn(text, report)

    def test_same_rows_same_vectors_from_every_format_and_unseen_values_are_alike(self) -> None:
        rows = self.plants()[:5]
        table = self.table("some.csv", rows)
        wanted = self.vectors(table, "run")
        lines = "".join(json.dumps({k: v or None for k, v in row.items()}) + "\n" for row in rows)
        (self.folder / "some.jsonl").write_text(lines)
        self.assertEqual(self.vectors("some.jsonl", "run"), wanted)
        self.assertEqual(self.vectors(PLANTS, "run")[:5], wanted)
        for row, colour in zip(rows, ["mauve", "teal", "mauve", "teal", "mauve"], strict=True):
            row.update(rows[0] | {"colour": colour})
        unseen = self.vectors(self.table("unseen.csv", rows), "run")
        self.assertEqual(len({tuple(v) for v in unseen}), 1)
        self.assertTrue(all(math.isfinite(x) for x in unseen[0]))
        self.assertNotEqual(unseen[0], wanted[0])

    def test_rows_that_do_not_fit_fail_alone(self) -> None:
        rows = self.plants()[:3]
        rows[1]["height_cm"] = "tall"
        table = self.table("mixed.csv", rows)
        with table.open("a") as file:
            file.write("1,2\n")
        found = self.call("embed", str(table), "-m", "run", "-o", "out.npy")
        self.assertEqual(found.returncode, EXIT["partial"], found.stderr)
        self.assertIn("column 'height_cm': expected a number, found 'tall'", found.stderr)
        vectors = read_npy(self.folder / "out.npy")
        self.assertEqual([math.isnan(v[0]) for v in vectors], [False, True, False, True])

    def test_missing_columns_and_other_inputs_are_named(self) -> None:
        rows = [{("color" if k == "colour" else k): v for k, v in row.items()} for row in self.plants()[:2]]
        found = self.call("embed", str(self.table("other.csv", rows)), "-m", "run", "-o", "out.npy")
        self.assertEqual(found.returncode, EXIT["not_found"])
        self.assertIn('expected the column "colour"', found.stderr)
        self.assertIn('did you mean "color"?', found.stderr)
        found = self.call("embed", str(EXAMPLES / "images"), "-m", "run", "-o", "out.npy")
        self.assertNotEqual(found.returncode, 0)
        self.assertIn("expected rows of a table, found images", found.stderr)
        (self.folder / "lines.txt").write_text("a\n")
        found = self.call("embed", "lines.txt", "-m", "run", "-o", "out.npy")
        self.assertIn("expected a table (.csv, .tsv, .jsonl)", found.stderr)

    def test_models_commands_know_the_folder(self) -> None:
        shown = json.loads(self.done("models", "show", "run", "--json").stdout)
        self.assertTrue(shown["takes_records"])
        self.assertEqual(shown["columns"][0], "height_cm")
        self.assertIn("rows of a table", self.done("models", "show", "run").stdout)
        layers = self.done("models", "layers", "run").stdout
        self.assertIn("reconstruction.numeric", layers)
        out = self.vectors(PLANTS, "run", "--layer", "reconstruction.numeric")
        self.assertEqual(len(out[0]), 4)  # three numbers, and whether the price is missing

    def test_resumes_and_shards(self) -> None:
        self.assertEqual(self.train("--set", "training.epochs=4", run="whole").returncode, 0)
        again = self.train("--set", "training.epochs=4", run="whole")
        self.assertIn("finished run", again.stderr)
        self.done("embed", str(PLANTS), "-m", "run", "-o", "big.npy", "--shard-rows", "100")
        self.done("embed", str(PLANTS), "-m", "run", "-o", "big.npy", "--shard-rows", "100")
        self.assertEqual(len(read_npy(self.folder / "big-00002.npy")), 40)

    def test_what_a_recipe_gets_wrong(self) -> None:
        for change, wanted in {
            'data.numeric_columns=["hight_cm"]': 'did you mean "height_cm"?',
            'data.numeric_columns=["name"]': "none of 240 rows can be used",
            "data.rows_max=1": "expected at least two rows to learn from",
            "data.rare_count_min=0": "data.rare_count_min",
            'model.architecture="resnet"': 'trains the architecture "tabular"',
            'model.categories="hashed"': '"categories"',
            "model.code_sise=3": "code_size",
            "objective.swap_share=2": "swap_share",
            'data.label_column="colour"': "label_column 'colour' is among the columns",
        }.items():
            found = self.train("--set", change, run="wrong")
            self.assertNotEqual(found.returncode, 0, change)
            self.assertIn(wanted, found.stderr, change)

    def test_a_size_that_is_none_is_named_with_its_line(self) -> None:
        lines = (RECIPES / "tabular-autoencoder.toml").read_text(encoding="utf-8").splitlines()
        place = lines.index("code_size = 16")
        lines[place] = 'code_size = "x"'
        (self.folder / "wrong.toml").write_text("\n".join(lines).replace("../examples", str(ROOT / "examples")))
        found = self.call("train", "wrong.toml", "-o", "wrong")
        self.assertIn(f'wrong.toml:{place + 1}: [model]: "code_size"', found.stderr)

    def test_constant_columns_are_left_out_with_a_warning(self) -> None:
        rows = [row | {"light": "sun"} for row in self.plants()]
        rows[3]["height_cm"] = "very tall"
        table = self.table("constant.csv", rows)
        found = self.train("--input", str(table), "--set", "training.epochs=1", "--json", run="constant")
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertIn("column 'light' has one value", found.stderr)
        self.assertEqual(json.loads(found.stdout)["data"]["skipped"], 1)
        for row in rows:
            del row["light"]
        self.assertEqual(len(self.vectors(self.table("less.csv", rows[:2]), "constant")), 2)

    def test_one_kind_of_columns_is_enough(self) -> None:
        for change in ("data.numeric_columns=[]", "data.categorical_columns=[]"):
            with self.subTest(change):
                found = self.train("--set", change, "--set", "training.epochs=2", "--again", run="one")
                self.assertEqual(found.returncode, 0, found.stderr)
                self.assertEqual(len(self.vectors(PLANTS, "one")), 240)


class Fusion(Tables):
    def fuse(self, *extra: str, run: str = "fused") -> subprocess.CompletedProcess[str]:
        return self.call("train", str(RECIPES / "fusion.toml"), "-o", run, *extra)

    @staticmethod
    def mean_square_distance(vectors: list[list[float]]) -> float:
        count = len(vectors)
        sums = [sum(column) for column in zip(*vectors, strict=True)]
        squares = sum(x * x for row in vectors for x in row)
        return 2.0 * (squares / count - sum((s / count) ** 2 for s in sums))

    def test_parts_weigh_what_they_are_told(self) -> None:
        """Of all rows as they are learnt from, so that the figure is that of the fit."""
        everything = ["--set", "data.test_share=0", "--set", "data.validation_share=0"]
        done = self.fuse("--json", *everything)
        self.assertEqual(done.returncode, 0, done.stderr)
        vectors = self.vectors(PLANTS, "fused")
        text_dim = len(vectors[0]) - 4 - sum(self.one_hot_sizes())
        self.assertGreater(text_dim, 50)
        self.assertAlmostEqual(self.mean_square_distance([v[:text_dim] for v in vectors]), 1.0, places=3)
        self.assertAlmostEqual(self.mean_square_distance([v[text_dim:] for v in vectors]), 1.0, places=3)
        self.assertEqual(self.fuse("--set", "objective.columns_weight=4", *everything, run="heavy").returncode, 0)
        heavy = self.vectors(PLANTS, "heavy")
        self.assertAlmostEqual(self.mean_square_distance([v[text_dim:] for v in heavy]), 4.0, places=2)

    def one_hot_sizes(self) -> list[int]:
        config = json.loads((self.folder / "fused" / "config.json").read_text())
        return [len(column["values"]) + 1 for column in config["columns"]["categorical"]]

    def test_figures_of_each_part_stand_beside_each_other(self) -> None:
        done = self.fuse("--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)["result"]
        for way in ("fused", "content", "columns", "concatenated"):
            self.assertGreater(result[way]["neighbour_accuracy"], 0.5, way)
            self.assertIn("probe_accuracy", result[way])
        report = (self.folder / "fused" / "report.html").read_text(encoding="utf-8")
        self.assertIn("both, not scaled", report)
        self.assertIn("neighbour accuracy", self.fuse(run="again").stderr)

    def test_pictures_beside_columns_and_a_learnt_model_of_the_columns(self) -> None:
        if not HAS_TORCH:
            self.skipTest("built without libtorch")
        self.done("train", str(RECIPES / "autoencoder-dense.toml"), "-o", "pictures", "--set", "training.epochs=1")
        self.done("train", str(RECIPES / "tabular-autoencoder.toml"), "-o", "columns", "--set", "training.epochs=1")
        pictures = sorted((EXAMPLES / "images").rglob("*.*"))
        rows = [row | {"photo": str(path.relative_to(EXAMPLES))} for row, path in zip(self.plants(), pictures)]  # noqa: B905
        rows[7]["photo"] = "images/none.png"
        (self.folder / "photos").symlink_to(EXAMPLES)
        table = self.table("shop.csv", rows)
        settings = [
            "--input", str(table), "--set", 'data.image_column="photo"', "--set", 'data.image_folder="photos"',
            "--set", 'data.text_column=""', "--set", 'objective.encoder="pictures"',
        ]  # fmt: skip
        done = self.fuse(*settings, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["data"]["skipped"], 1)
        found = self.call("embed", str(table), "-m", "fused", "-o", "out.npy")
        self.assertEqual(found.returncode, EXIT["partial"], found.stderr)
        vectors = read_npy(self.folder / "out.npy")
        self.assertEqual([i for i, v in enumerate(vectors) if math.isnan(v[0])], [7])
        # The recipe's own encoder, "builtin", is the one for pictures here.
        self.assertEqual(self.fuse(*settings[:-2], run="built_in").returncode, 0)
        config = json.loads((self.folder / "built_in" / "config.json").read_text(encoding="utf-8"))
        self.assertEqual(config["encoder"], "builtin-image")
        no_columns = ["--set", "data.numeric_columns=[]", "--set", "data.categorical_columns=[]"]
        done = self.fuse(*settings, *no_columns, "--set", 'objective.columns_model="columns"', run="both")
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.folder / "columns").rename(self.folder / "moved")
        found = self.call("embed", str(table), "-m", "both", "-o", "both.npy")
        self.assertEqual(found.returncode, EXIT["partial"], found.stderr)
        self.assertEqual(len(read_npy(self.folder / "both.npy")[0]), 64 + 16)

    def test_models_commands_know_the_folder(self) -> None:
        self.assertEqual(self.fuse().returncode, 0)
        shown = json.loads(self.done("models", "show", "fused", "--json").stdout)
        self.assertEqual(shown["columns"][-1], "note")
        found = self.call("models", "layers", "fused")
        self.assertIn("found a fusion", found.stderr)
        found = self.call("embed", str(PLANTS), "-m", "fused", "--dim", "4", "-o", "out.npy")
        self.assertEqual(found.returncode, EXIT["unsupported"], found.stderr)

    def test_what_a_recipe_gets_wrong(self) -> None:
        same = self.table("same.csv", [row | {"note": "the same"} for row in self.plants()])
        for changes, wanted in {
            ('objective.encoder=""',): '"encoder": expected a model',
            ('data.text_column=""',): "expected a text_column or an image_column in [data], found neither",
            ('data.image_column="note"',): "found both",
            ('objective.encoder="no-such-model"',): "no-such-model",
            ('data.image_column="note"', 'data.text_column=""'): "none of 240 rows can be used",
            ("objective.encoder_weight=0",): "encoder_weight",
            ('model.architecture="tabular"',): "expected no keys in [model]",
            ('objective.columns_model="run"',): "expected no numeric_columns",
            (f'data.inputs=["{same}"]',): "the vectors of column 'note' are the same",
        }.items():
            found = self.fuse(*[part for change in changes for part in ("--set", change)], run="wrong")
            self.assertNotEqual(found.returncode, 0, changes)
            self.assertIn(wanted, found.stderr, changes)


if __name__ == "__main__":
    unittest.main()
