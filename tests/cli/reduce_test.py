"""Reductions as a user has them: of files and collections, saved, applied, kept, started again where they were."""

from __future__ import annotations

import csv
import json
import math
import random
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path
from typing import Any

from support import (
    PATIENCE_S,
    PROGRAM,
    CliTest,
    Vector,
    catches,
    environment,
    read_jsonl,
    read_npy,
    read_tensors,
    write_npy,
)

ROWS = 60
DIM = 8


def example_rows(count: int = ROWS, seed: int = 1) -> list[Vector]:
    """Three groups of rows, some way from each other."""
    drawn = random.Random(seed)
    return [[drawn.gauss(0, 1) + (8.0 if d == row % 3 else 0.0) for d in range(DIM)] for row in range(count)]


class ReduceTest(CliTest):
    """Vectors in a file."""

    def setUp(self) -> None:
        super().setUp()
        write_npy(self.folder / "v.npy", example_rows())

    def reduce(self, *arguments: str) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.ok("reduce", *arguments, "--json")[0])
        return result

    def bytes_of(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()


class Files(ReduceTest):
    def test_places_of_every_row_by_every_ending(self) -> None:
        report = self.reduce("v.npy", "-o", "map.npy", "--method", "pca")
        self.assertEqual((report["rows"], report["input_dim"], report["dim"]), (ROWS, DIM, 2))
        self.assertGreater(report["explained_variance"], 0.8)
        places = read_npy(self.folder / "map.npy")
        self.assertEqual([len(place) for place in places], [2] * ROWS)
        for name in ("map.csv", "map.jsonl", "map.safetensors"):
            self.reduce("v.npy", "-o", name, "--method", "pca")
        self.assertEqual(read_tensors(self.folder / "map.safetensors")["embeddings"][1], [v for p in places for v in p])
        lines = read_jsonl((self.folder / "map.jsonl").read_text(encoding="utf-8"))
        for line, place in zip(lines, places, strict=True):
            self.assertAlmostEqual(line["embedding"][0], place[0], places=5)
            self.assertAlmostEqual(line["embedding"][1], place[1], places=5)
        with (self.folder / "map.csv").open(newline="", encoding="utf-8") as file:
            table = list(csv.DictReader(file))
        self.assertEqual(list(table[0]), ["row", "id", "x", "y"])
        for row, place in zip(table, places, strict=True):
            self.assertAlmostEqual(float(row["x"]), place[0], places=5)
            self.assertAlmostEqual(float(row["y"]), place[1], places=5)

    def test_groups_stand_apart(self) -> None:
        self.reduce("v.npy", "-o", "map.npy", "--method", "umap", "--set", "neighbors=10")
        places = read_npy(self.folder / "map.npy")
        near = sum(
            min(
                (other for other in range(ROWS) if other != row),
                key=lambda other: math.dist(places[row], places[other]),
            )
            % 3
            == row % 3
            for row in range(ROWS)
        )
        self.assertGreaterEqual(near, ROWS - 2)

    def test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads(self) -> None:
        for method in ("umap", "pca", "random-projection"):
            written = set()
            for threads in ("1", "2", "3"):
                self.reduce(
                    "v.npy", "-o", "map.npy", "--method", method, "--dim", "2", "--seed", "7", "--threads", threads
                )
                written.add(self.bytes_of("map.npy"))
            self.assertEqual(len(written), 1, method)

    def test_what_was_saved_places_rows_alike(self) -> None:
        self.reduce("v.npy", "-o", "map.npy", "--method", "pca", "--dim", "3", "--save", "pca.safetensors")
        report = self.reduce("v.npy", "-o", "again.npy", "--apply", "pca.safetensors")
        self.assertEqual((report["method"], report["dim"]), ("pca", 3))
        self.assertEqual(self.bytes_of("map.npy"), self.bytes_of("again.npy"))
        self.fails("invalid_argument", "reduce", "v.npy", "-o", "x.npy", "--apply", "pca.safetensors", "--dim", "2")
        self.fails(
            "invalid_argument", "reduce", "v.npy", "-o", "x.npy", "--apply", "pca.safetensors", "--method", "svd"
        )
        write_npy(self.folder / "narrow.npy", [[1.0, 2.0], [3.0, 4.0]])
        self.fails(
            "invalid_argument",
            *("reduce", "narrow.npy", "-o", "x.npy", "--apply", "pca.safetensors"),
            says=["expected rows of 8 values, as it was fitted on, found 2"],
        )
        self.write("broken.safetensors", self.bytes_of("pca.safetensors")[:-5])
        self.fails("corrupt", "reduce", "v.npy", "-o", "x.npy", "--apply", "broken.safetensors")
        self.assertFalse((self.folder / "x.npy").exists())

    def test_rows_without_a_vector_keep_their_place_in_the_output(self) -> None:
        rows = example_rows()
        rows[4] = [math.nan] * DIM
        write_npy(self.folder / "gap.npy", rows)
        report = self.reduce("gap.npy", "-o", "map.npy", "--method", "pca")
        self.assertEqual((report["rows"], report["left_out"]), (ROWS - 1, 1))
        places = read_npy(self.folder / "map.npy")
        self.assertEqual(len(places), ROWS)
        self.assertTrue(all(math.isnan(value) for value in places[4]))
        self.assertFalse(any(math.isnan(value) for value in places[5]))
        self.reduce("gap.npy", "-o", "map.jsonl", "--method", "pca")
        lines = read_jsonl((self.folder / "map.jsonl").read_text(encoding="utf-8"))
        self.assertIsNone(lines[4]["embedding"])

    def test_labels_of_files_and_columns(self) -> None:
        rows = example_rows()
        self.write(
            "v.jsonl",
            "".join(
                json.dumps({"embedding": row, "kind": "abc"[i % 3] if i > 5 else None}) + "\n"
                for i, row in enumerate(rows)
            ),
        )
        self.write("labels.txt", "".join(f"{'abc'[i % 3] if i > 5 else ''}\n" for i in range(ROWS)))
        by_column = self.reduce("v.jsonl", "-o", "column.npy", "--method", "lda", "--labels", "kind")
        by_lines = self.reduce("v.npy", "-o", "lines.npy", "--method", "lda", "--labels", "labels.txt")
        self.assertEqual((by_column["labelled"], by_lines["labelled"]), (ROWS - 6, ROWS - 6))
        self.assertEqual(by_column["dim"], 2)
        self.assertEqual(self.bytes_of("column.npy"), self.bytes_of("lines.npy"))
        self.write("short.txt", "a\nb\n")
        self.fails(
            "mismatch",
            *("reduce", "v.npy", "-o", "x.npy", "--method", "lda", "--labels", "short.txt"),
            says=["expected a label for each of 60 rows, found 2"],
        )
        self.fails("not_found", "reduce", "v.jsonl", "-o", "x.npy", "--method", "lda", "--labels", "colour")
        self.fails("invalid_argument", "reduce", "v.npy", "-o", "x.npy", "--method", "lda", says=["--labels"])
        self.fails("invalid_argument", "reduce", "v.npy", "-o", "x.npy", "--method", "pca", "--labels", "labels.txt")

    def test_numbers_are_learnt_from(self) -> None:
        drawn = random.Random(4)
        targets = [drawn.random() for _ in range(ROWS)]
        write_npy(self.folder / "noise.npy", [[drawn.gauss(0, 1) for _ in range(DIM)] for _ in range(ROWS)])
        self.write("targets.txt", "".join(f"{t if i > 3 else ''}\n" for i, t in enumerate(targets)))
        self.write(
            "noise.jsonl",
            "".join(
                json.dumps({"embedding": row, "price": t if i > 3 else None}) + "\n"
                for i, (row, t) in enumerate(zip(read_npy(self.folder / "noise.npy"), targets, strict=True))
            ),
        )
        options = ("--set", "target_weight=0.9", "--set", "neighbors=8")
        report = self.reduce("noise.npy", "-o", "map.npy", "--targets", "targets.txt", *options)
        self.assertEqual(report["labelled"], ROWS - 4)
        self.reduce("noise.jsonl", "-o", "column.npy", "--targets", "price", *options)
        self.assertEqual(self.bytes_of("map.npy"), self.bytes_of("column.npy"))
        self.reduce("noise.npy", "-o", "plain.npy", "--set", "neighbors=8")

        def step(name: str) -> float:
            """How much the number changes from a row to the nearest on the map."""
            places = read_npy(self.folder / name)[4:]
            total = 0.0
            for i, place in enumerate(places):
                _, nearest = min((math.dist(place, other), j) for j, other in enumerate(places) if j != i)
                total += abs(targets[4 + i] - targets[4 + nearest])
            return total / len(places)

        self.assertLess(step("map.npy"), 0.4 * step("plain.npy"))
        fails = ("reduce", "noise.npy", "-o", "x.npy")
        self.fails("invalid_argument", *fails, "--method", "pca", "--targets", "targets.txt", says=["umap"])
        self.write("words.txt", "a\n" * ROWS)
        self.fails("invalid_argument", *fails, "--targets", "words.txt", says=["row 0: expected a number", "'a'"])
        self.fails("invalid_argument", *fails, "--targets", "targets.txt", "--labels", "words.txt", says=["found both"])

    def test_density_is_an_option_of_umap(self) -> None:
        self.reduce("v.npy", "-o", "plain.npy", "--set", "neighbors=8")
        report = self.reduce("v.npy", "-o", "dense.npy", "--set", "neighbors=8", "--set", "density=2")
        self.assertEqual(report["options"]["density"], 2)
        self.assertNotEqual(self.bytes_of("plain.npy"), self.bytes_of("dense.npy"))
        self.fails("invalid_argument", "reduce", "v.npy", "-o", "x.npy", "--set", "density=-1", says=["density"])

    def test_every_start(self) -> None:
        for start in ("spectral", "pca", "random"):
            self.reduce("v.npy", "-o", f"{start}.npy", "--set", f"start={start}")
        self.reduce("v.npy", "-o", "pca-map.npy", "--method", "pca", "--dim", "3", "--save", "pca.safetensors")
        self.reduce("v.npy", "-o", "umap.npy", "--save", "umap.safetensors")
        for method in ("umap", "tsne", "pacmap"):
            # The array of a reduction and the reduction itself say the same of where rows start.
            report = self.reduce("v.npy", "-o", "by-model.npy", "--method", method, "--start", "pca.safetensors")
            self.assertEqual(report["warm_started"], ROWS)
            self.reduce("v.npy", "-o", "by-array.npy", "--method", method, "--start", "pca-map.npy")
            self.assertEqual(self.bytes_of("by-model.npy"), self.bytes_of("by-array.npy"))
        fails = ("reduce", "v.npy", "-o", "x.npy")
        self.fails("mismatch", *fails, "--dim", "4", "--start", "pca.safetensors", says=["4 values or more"])
        write_npy(self.folder / "few.npy", read_npy(self.folder / "umap.npy")[:9])
        self.fails("mismatch", *fails, "--start", "few.npy", says=["each of 60 rows, found 9"])
        self.fails("invalid_argument", *fails, "--method", "pca", "--start", "umap.npy", says=["start from places"])
        (self.folder / "model").mkdir()
        self.fails("invalid_argument", *fails, "--start", "model", says=["asterism embed"])

    def test_a_map_of_other_rows_lies_as_the_one_that_was_saved(self) -> None:
        write_npy(self.folder / "first.npy", example_rows(300))
        write_npy(self.folder / "other.npy", example_rows(330, seed=9))
        self.reduce("first.npy", "-o", "first-map.npy", "--save", "umap.safetensors")
        for name, options in (("on.npy", ["--warm-start"]), ("shape.npy", [])):
            self.reduce("other.npy", "-o", name, "--start", "umap.safetensors", *options)
        centres = {}
        for name in ("first-map.npy", "on.npy", "shape.npy"):
            places = read_npy(self.folder / name)
            groups = [places[g::3] for g in range(3)]
            centres[name] = [[sum(p[c] for p in group) / len(group) for c in range(2)] for group in groups]
        width = max(math.dist(a, b) for a in centres["first-map.npy"] for b in centres["first-map.npy"])
        for group in range(3):
            self.assertLess(math.dist(centres["on.npy"][group], centres["first-map.npy"][group]), 0.15 * width)

        def turn(name: str) -> float:
            """Which way round the three groups lie."""
            a, b, c = centres[name]
            return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

        self.assertGreater(turn("shape.npy") * turn("first-map.npy"), 0.0)

    def test_errors_name_what_was_expected_and_found(self) -> None:
        self.fails("invalid_argument", "reduce", "v.npy", "-o", "x.npy", "--method", "pac", says=["did you mean 'pca'"])
        self.fails("invalid_argument", "reduce", "v.npy", "-o", "x.npy", "--set", "neighbours=4", says=["'neighbors'"])
        self.fails("invalid_argument", "reduce", "v.npy", "-o", "x.npy", "--set", "neighbors=many", says=["'many'"])
        self.fails("usage", "reduce", "v.npy", "-o", "x.npy", "--set", "neighbors", says=["NAME=VALUE"])
        self.fails(
            "invalid_argument", "reduce", "v.npy", "-o", "x.parquet", says=[".npy, .safetensors, .jsonl or .csv"]
        )
        self.fails("invalid_argument", "reduce", "v.npy", says=["-o OUT.npy"])
        self.fails("invalid_argument", "reduce", "v.npy", "-o", "x.npy", "--warm-start")
        self.fails(
            "invalid_argument", "reduce", "v.npy", "-o", "x.npy", "--method", "pca", "--dim", "9", says=["1 to 8"]
        )
        self.fails("not_found", "reduce", "absent.npy", "-o", "x.npy")
        # Said before anything is computed: no progress stands before the error.
        text = self.fails("not_found", "reduce", "v.npy", "-o", "absent/x.npy", says=["the folder absent"])
        self.assertNotIn("layout", text)
        self.fails("not_found", "reduce", "v.npy", "-o", "x.npy", "--save", "absent/s.safetensors", says=["absent"])
        self.fails("usage", "reduce", says=["INPUT is missing"])
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith("x.")], [])

    def test_what_few_rows_cannot_have_is_lowered_and_said(self) -> None:
        notes = self.reduce("v.npy", "-o", "a.npy", "--method", "tsne", "--set", "perplexity=100")["notes"]
        self.assertEqual(notes, ["tsne: perplexity 100 is more than 60 rows allow: 19.67 was taken"])
        notes = self.reduce("v.npy", "-o", "a.npy", "--set", "neighbors=500")["notes"]
        self.assertEqual(notes, ["umap: neighbors 500 is more than 60 rows allow: 60 was taken"])
        self.assertEqual(self.reduce("v.npy", "-o", "a.npy", "--set", "neighbors=5")["notes"], [])

    def test_methods_are_listed_with_their_options(self) -> None:
        methods = {line["method"]: line for line in read_jsonl(self.ok("reduce", "--methods", "--json")[0])}
        self.assertLessEqual({"umap", "pca", "svd", "lda", "random-projection"}, set(methods))
        self.assertEqual(methods["lda"]["labels"], "required")
        self.assertIn("whiten", [option["name"] for option in methods["pca"]["options"]])
        self.assertIn("principal components", self.ok("reduce", "--methods")[0])

    def test_ctrl_c_leaves_nothing(self) -> None:
        write_npy(self.folder / "many.npy", example_rows(4000))
        running = subprocess.Popen(
            [PROGRAM, "reduce", "many.npy", "-o", "map.npy", "--save", "m.safetensors", "--set", "epochs=100000"],
            cwd=self.folder,
            env=environment(self.home),
            stderr=subprocess.PIPE,
        )
        self.wait_until(lambda: catches(running, signal.SIGINT), running)
        time.sleep(1.0)  # into the rows, the graph or the epochs, as it comes
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=PATIENCE_S)
        self.assertEqual(running.returncode, 130, stderr.decode())
        self.assertEqual(sorted(p.name for p in self.folder.iterdir() if p.is_file()), ["many.npy", "v.npy"])


class Collections(ReduceTest):
    """Items with given vectors."""

    def setUp(self) -> None:
        super().setUp()
        self.add(range(ROWS))

    def add(self, numbers: range) -> None:
        write_npy(self.folder / "items.npy", example_rows(numbers.stop)[numbers.start :])
        self.write(
            "items.jsonl",
            "".join(json.dumps({"id": f"i{n}", "text": f"text {n}", "kind": "abc"[n % 3]}) + "\n" for n in numbers),
        )
        self.ok("add", "c", "items.jsonl", "--vectors", "items.npy")

    def projection(self, name: str) -> tuple[list[str], list[Vector]]:
        tensors = read_tensors(self.folder / "c" / "projections" / f"{name}.safetensors")
        (rows, dim), points = tensors["points"]
        text = bytes(int(b) for b in tensors["ids"][1])
        offsets = [int(o) for o in tensors["id_offsets"][1]]
        ids = [text[offsets[i] : offsets[i + 1]].decode() for i in range(rows)]
        return ids, [points[i * dim : (i + 1) * dim] for i in range(rows)]

    def test_a_map_is_kept_beside_the_collection(self) -> None:
        report = self.reduce("c", "--set", "neighbors=8")
        self.assertEqual((report["method"], report["projection"], report["output"]), ("umap", "umap", None))
        ids, points = self.projection("umap")
        self.assertEqual(sorted(ids), sorted(f"i{n}" for n in range(ROWS)))
        self.assertTrue(all(math.isfinite(value) for point in points for value in point))
        self.reduce("c", "--method", "pca", "--dim", "3", "--name", "flat-3", "-o", "map.csv")
        self.assertEqual({len(point) for point in self.projection("flat-3")[1]}, {3})
        self.assertTrue((self.folder / "map.csv").read_text(encoding="utf-8").startswith("row,id,x,y,z\n0,i"))
        self.reduce("c", "--method", "svd", "--no-keep", "-o", "svd.npy")
        kept = sorted(path.name for path in (self.folder / "c" / "projections").iterdir())
        self.assertEqual(kept, ["flat-3.safetensors", "umap.safetensors"])
        self.fails("invalid_argument", "reduce", "c", "--name", "../up", "--method", "pca")
        self.ok("collection", "verify", "c")
        self.ok("collection", "drop", "c", "--yes")
        self.assertFalse((self.folder / "c").exists())

    def test_labels_and_filters_read_the_metadata(self) -> None:
        self.assertEqual(self.reduce("c", "--method", "lda", "--labels", "kind")["labelled"], ROWS)
        report = self.reduce("c", "--method", "pca", "--name", "some", "--filter", "kind = 'a'")
        self.assertEqual(report["rows"], ROWS // 3)

    def test_former_places_are_where_a_warm_start_starts(self) -> None:
        self.reduce("c", "--set", "neighbors=8", "--seed", "3")
        before = dict(zip(*self.projection("umap"), strict=True))
        self.add(range(ROWS, ROWS + 12))
        # One pass that hardly moves: what is compared is the start.
        still = ("--set", "epochs=1", "--set", "learning_rate=1e-6")
        report = self.reduce("c", "--set", "neighbors=8", *still, "--warm-start")
        self.assertEqual((report["rows"], report["warm_started"]), (ROWS + 12, ROWS))
        after = dict(zip(*self.projection("umap"), strict=True))
        self.assertEqual(len(after), ROWS + 12)
        for each, place in before.items():
            self.assertLess(math.dist(place, after[each]), 1e-3, each)
        self.fails("mismatch", "reduce", "c", "--dim", "3", "--warm-start", says=["expected former places of 3 values"])
        self.fails("invalid_argument", "reduce", "c", "--method", "pca", "--warm-start")
        self.fails("not_found", "reduce", "c", "--warm-start", "--name", "absent", says=["umap"])


class GrownMaps(CliTest):
    """Texts with the built-in model: bench/maps/grown.py says what holds."""

    def test_rows_that_were_there_stay_and_the_map_is_as_good_as_a_fresh_one(self) -> None:
        root = Path(__file__).resolve().parents[2]
        texts = root / "examples" / "atlas" / "products_and_sports.jsonl"
        ran = subprocess.run(
            [sys.executable, str(root / "bench" / "maps" / "grown.py"), PROGRAM, str(texts), "--check"],
            env=environment(self.folder),
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn("250 rows, 50 of them new", ran.stdout)


if __name__ == "__main__":
    unittest.main()
