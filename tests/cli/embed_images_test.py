"""`asterism embed` on images: where they come from, what comes out, rows that fail, jobs that are stopped."""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import subprocess
import tarfile
import unittest
from pathlib import Path
from typing import Literal

from support import (
    EXAMPLES,
    EXIT,
    PROGRAM,
    ROOT,
    CliTest,
    Vector,
    environment,
    hold,
    read_array,
    read_jsonl,
    read_npy,
    read_rows,
    read_tensors,
)

LENET = ROOT / "examples" / "models" / "lenet5"
DIGITS = sorted((EXAMPLES / "digits").iterdir())
CAR = EXAMPLES / "images" / "car" / "000.jpg"
# float32 sums in another order (batches), of values of at most 1.
ROUNDING = 1e-5


class ImagesTest(CliTest):
    """Runs LeNet-5 of the examples on its digits."""

    def embed(self, *arguments: str | Path, stdin: bytes = b"") -> list[Vector]:
        self.ok("embed", *arguments, "-m", LENET, "--precision", "f32", "-o", "out.npy", stdin=stdin)
        return read_npy(self.folder / "out.npy")

    def partly(self, *arguments: str | Path) -> str:
        """Runs; expects that some rows failed; returns stderr."""
        done = self.run_program("embed", *arguments, "-m", LENET, "--precision", "f32", "-o", "out.npy")
        self.assertEqual(done.returncode, EXIT["partial"], done.stderr.decode())
        return done.stderr.decode()

    def digits(self, folder: str, count: int = len(DIGITS)) -> Path:
        path = self.folder / folder
        path.mkdir(parents=True)
        for digit in DIGITS[:count]:
            shutil.copy(digit, path)
        return path


class Inputs(ImagesTest):
    def setUp(self) -> None:
        super().setUp()
        self.expected = self.embed(*DIGITS)
        self.assertEqual(len(self.expected), len(DIGITS))

    def same(self, found: list[Vector]) -> None:
        self.assert_vectors_near(found, self.expected, ROUNDING)

    def test_a_folder_a_pattern_and_a_list_name_the_same_rows(self) -> None:
        folder = self.digits("digits")
        (folder / "notes.txt").write_text("no image")
        self.same(self.embed("digits"))
        self.same(self.embed("digits/*.png"))
        self.same(self.embed("**/[0-9]-?.png"))
        names = [f"digits/{d.name}" for d in DIGITS]
        self.write("list.txt", "\n".join(names) + "\n")
        self.same(self.embed("--list", "list.txt"))
        self.same(self.embed("--list", "-", stdin="\n".join(names).encode()))

    def test_a_tar_and_its_compressed_forms(self) -> None:
        forms: list[tuple[str, Literal["w", "w:gz"]]] = [("d.tar", "w"), ("d.tar.gz", "w:gz")]
        for name, mode in forms:
            with self.subTest(name):
                with tarfile.open(self.folder / name, mode) as archive:
                    for digit in DIGITS:
                        archive.add(digit, digit.name)
                        label = json.dumps({"label": digit.name[0]}).encode()
                        entry = tarfile.TarInfo(digit.stem + ".json")
                        entry.size = len(label)
                        archive.addfile(entry, io.BytesIO(label))
                self.same(self.embed(name))

    def test_a_tar_packed_otherwise_says_how_to_unpack_it(self) -> None:
        forms: list[tuple[str, Literal["w:xz", "w:bz2"], str]] = [
            ("d.tar.xz", "w:xz", "xz -d"),
            ("d.tar.bz2", "w:bz2", "bzip2 -d"),
        ]
        for name, mode, tool in forms:
            with tarfile.open(self.folder / name, mode) as archive:
                archive.add(DIGITS[0], "0.png")
            self.fails("unsupported", "embed", name, "-m", LENET, says=[name, tool])

    def test_a_column_of_paths_beside_the_table(self) -> None:
        self.digits("table/digits")
        rows = [f"digits/{d.name}" for d in DIGITS]
        self.write("table/t.csv", "key,file\n" + "".join(f"k{i},{r}\n" for i, r in enumerate(rows)))
        self.same(self.embed("table/t.csv", "--kind", "image", "--column", "file", "--id-column", "key"))
        found, _ = read_rows(self.folder / "out.npy.rows.jsonl")
        self.assertEqual([r["id"] for r in found], [f"k{i}" for i in range(len(rows))])
        self.write("table/t.jsonl", "".join(json.dumps({"path": r}) + "\n" for r in rows))
        self.same(self.embed("table/t.jsonl", "--kind", "image"))

    def test_one_image_on_standard_input(self) -> None:
        found = self.embed("-", "--kind", "image", stdin=DIGITS[5].read_bytes())
        self.assert_vectors_near(found, self.expected[5:6], ROUNDING)

    def test_the_name_says_nothing_about_the_content(self) -> None:
        shutil.copy(DIGITS[7], self.folder / "seven.jpg")
        shutil.copy(DIGITS[7], self.folder / "seven")
        found = self.embed("seven.jpg", "seven", "--kind", "image")
        self.assert_vectors_near(found, [self.expected[7]] * 2, ROUNDING)

    def test_preprocessed_arrays_are_what_the_input_layer_gives(self) -> None:
        folder = self.digits("digits")
        for name in ("pixels.npy", "pixels.safetensors"):
            self.ok("embed", folder, "-m", LENET, "--layer", "input", "-o", name)
            self.same(self.embed(name, "--preprocessed"))
        shape, _ = read_array(self.folder / "pixels.npy")
        self.assertEqual(shape, (len(DIGITS), 1, 28, 28))

    def test_an_array_of_another_shape_is_refused(self) -> None:
        self.ok("embed", *DIGITS[:2], "-m", LENET, "--layer", "forward_features", "-o", "maps.npy")
        self.fails(
            "mismatch", "embed", "maps.npy", "--preprocessed", "-m", LENET, "-o", "o.npy",
            says=["[1, 28, 28]", "[16, 5, 5]"],
        )  # fmt: skip

    def test_a_folder_that_links_back_to_itself_is_walked_once(self) -> None:
        folder = self.digits("digits")
        (folder / "zz").symlink_to("..")
        self.partly("digits")
        rows, summary = read_rows(self.folder / "out.npy.rows.jsonl")
        self.assertEqual(summary["failed"], sum("error" in r for r in rows))
        good = [v for v, r in zip(read_npy(self.folder / "out.npy"), rows, strict=True) if "error" not in r]
        self.assert_vectors_near(good[: len(DIGITS)], self.expected, ROUNDING)
        self.assertIn("link", next(r["error"]["message"] for r in rows if "error" in r))

    def test_an_empty_folder_has_no_rows(self) -> None:
        (self.folder / "empty").mkdir()
        _, stderr = self.ok("embed", "empty", "-m", LENET, "-o", "o.npy")
        self.assertIn("0 rows", stderr)


class Outputs(ImagesTest):
    def test_a_vector_in_every_format(self) -> None:
        from_npy = self.embed(*DIGITS[:3])
        self.ok("embed", *DIGITS[:3], "-m", LENET, "--precision", "f32", "-o", "out.safetensors")
        self.ok("embed", *DIGITS[:3], "-m", LENET, "--precision", "f32", "-o", "out.jsonl")
        shape, values = read_tensors(self.folder / "out.safetensors")["embeddings"]
        self.assertEqual(shape, (3, 84))
        self.assertEqual(values, [x for row in from_npy for x in row])
        from_jsonl = [r["embedding"] for r in read_jsonl((self.folder / "out.jsonl").read_text())]
        self.assert_vectors_near(from_jsonl, from_npy, 1e-7)

    def test_a_map_keeps_its_shape_and_is_pooled_when_asked(self) -> None:
        base = ["embed", *DIGITS[:3], "-m", LENET, "--layer", "forward_features", "-o", "out.npy"]
        for pool, shape in (("none", (3, 16, 5, 5)), ("avg", (3, 16)), ("gem", (3, 16)), ("flatten", (3, 400))):
            with self.subTest(pool):
                self.ok(*base, "--pool", pool)
                self.assertEqual(read_array(self.folder / "out.npy")[0], shape)
        self.fails("invalid_argument", *base, "--pool", "cls", says=["tokens", "flatten"])
        self.fails("invalid_argument", *base, "--pool", "median", says=["avg, max, gem", "median"])
        self.fails("invalid_argument", *base, "--normalize", says=["--pool avg"])

    def test_two_layers_are_one_row_or_two_files(self) -> None:
        base = [
            "embed",
            *DIGITS[:3],
            "-m",
            LENET,
            "--precision",
            "f32",
            "--layer",
            "forward_features",
            "--layer",
            "logits",
        ]
        self.ok(*base, "-o", "both.npy")
        self.assertEqual(read_array(self.folder / "both.npy")[0], (3, 410))
        self.ok(*base, "-o", "apart.npy", "--layers-as", "separate")
        maps = read_array(self.folder / "apart.forward_features.npy")
        logits = read_array(self.folder / "apart.logits.npy")
        self.assertEqual((maps[0], logits[0]), ((3, 16, 5, 5), (3, 10)))
        both = read_array(self.folder / "both.npy")[1]
        for row in range(3):
            self.assertEqual(both[row * 410 : row * 410 + 400], maps[1][row * 400 : row * 400 + 400])
            self.assertEqual(both[row * 410 + 400 : row * 410 + 410], logits[1][row * 10 : row * 10 + 10])
        self.ok(*base, "-o", "apart.safetensors", "--layers-as", "separate")
        tensors = read_tensors(self.folder / "apart.safetensors")
        self.assertEqual({k: v[0] for k, v in tensors.items()}, {"forward_features": (3, 16, 5, 5), "logits": (3, 10)})

    def test_logits_are_the_digits(self) -> None:
        self.ok("embed", EXAMPLES / "digits", "-m", LENET, "--layer", "logits", "-o", "out.npy")
        rows = read_npy(self.folder / "out.npy")
        self.assertEqual([r.index(max(r)) for r in rows], [int(d.name[0]) for d in DIGITS])

    def test_the_rows_file_says_which_file_and_which_size(self) -> None:
        self.embed(DIGITS[0], CAR)
        rows, summary = read_rows(self.folder / "out.npy.rows.jsonl")
        self.assertEqual([(r["row"], r["source"]) for r in rows], [(0, str(DIGITS[0])), (1, str(CAR))])
        self.assertEqual((rows[0]["width"], rows[0]["height"]), (112, 112))
        self.assertEqual(summary["rows"], 2)

    def test_image_size_of_a_network_that_takes_any(self) -> None:
        model = ROOT / "tests" / "golden" / "image_models" / "resnet_timm_basic"
        base = ["embed", CAR, "-m", model, "--layer", "layer4", "-o", "out.npy", "--image-size"]
        for size, shape in (("64", (1, 20, 2, 2)), ("96x64", (1, 20, 3, 2))):
            self.ok(*base, size)
            self.assertEqual(read_array(self.folder / "out.npy")[0], shape)
        for size in ("0", "64x", "x", "-3", "1x1x1", "9000"):
            with self.subTest(size):
                done = self.run_program(*base[:-1], f"--image-size={size}")
                self.assertIn(done.returncode, (EXIT["usage"], EXIT["invalid_argument"], EXIT["limit_exceeded"]))
                self.assertIn(size, done.stderr.decode())


class FailedRows(ImagesTest):
    def setUp(self) -> None:
        super().setUp()
        self.mixed = self.digits("mixed", 3)
        (self.mixed / "0-a.png").write_bytes(b"")
        (self.mixed / "0-b.jpg").write_bytes(b"<html><body>404 Not Found</body></html>")
        (self.mixed / "0-c.jpg").write_bytes(CAR.read_bytes()[:1000])
        (self.mixed / "0-d.png").symlink_to("nowhere.png")

    def test_are_nan_and_explained_and_leave_the_others_as_they_are(self) -> None:
        clean = self.embed(*DIGITS[:3])
        stderr = self.partly("mixed")
        self.assertIn("7 rows, 4 failed", stderr)
        rows, summary = read_rows(self.folder / "out.npy.rows.jsonl")
        vectors = read_npy(self.folder / "out.npy")
        failed = ["error" in r for r in rows]
        self.assertEqual(
            [Path(r["source"]).name for r in rows if "error" in r], ["0-a.png", "0-b.jpg", "0-c.jpg", "0-d.png"]
        )
        self.assertEqual([all(math.isnan(x) for x in v) for v in vectors], failed)
        self.assertEqual(summary["failed"], 4)
        good = [v for v, bad in zip(vectors, failed, strict=True) if not bad]
        self.assert_vectors_near(good, clean, ROUNDING)
        for row in rows:
            if "error" in row:
                self.assertTrue(row["error"]["message"], row)

    def test_stop_ends_at_the_first_and_leaves_no_output(self) -> None:
        for kept, code in (("0-b.jpg", "unsupported"), ("0-c.jpg", "corrupt"), ("0-d.png", "not_found")):
            with self.subTest(kept):
                one = self.digits(kept + ".d", 3)
                shutil.copy(self.mixed / kept, one, follow_symlinks=False)
                self.fails(code, "embed", one.name, "-m", LENET, "-o", "o.npy", "--on-error", "stop", says=[kept])
        self.assertEqual([p.name for p in self.folder.glob("o.npy*") if p.suffix != ".lock"], [])

    def test_a_cut_picture_is_taken_when_asked_for(self) -> None:
        self.write("cut.jpg", CAR.read_bytes()[: CAR.stat().st_size * 2 // 3])
        self.partly("cut.jpg")
        vectors = self.embed("cut.jpg", "--allow-truncated")
        self.assertFalse(any(math.isnan(x) for x in vectors[0]))

    @unittest.skipIf(os.geteuid() == 0, "root may read anything")
    def test_a_file_that_may_not_be_read_fails_alone(self) -> None:
        (self.mixed / "0-0.png").chmod(0)
        self.partly("mixed")
        rows, _ = read_rows(self.folder / "out.npy.rows.jsonl")
        self.assertIn("error", rows[0])


class Refused(ImagesTest):
    def test_options_of_texts(self) -> None:
        for option in (["--prompt", "query"], ["--prompt-text", "find:"], ["--max-length", "9"]):
            with self.subTest(option[0]):
                self.fails(
                    "invalid_argument", "embed", DIGITS[0], "-m", LENET, *option, says=[option[0], "found images"]
                )

    def test_texts_and_images_at_once(self) -> None:
        self.write("t.txt", "hello\n")
        self.fails("invalid_argument", "embed", "t.txt", DIGITS[0], "-m", LENET, says=["t.txt", DIGITS[0].name])

    def test_a_model_of_the_other_kind(self) -> None:
        self.write("t.txt", "hello\n")
        self.fails("unsupported", "embed", "t.txt", "-m", LENET, says=["expected images", "-m"])
        static = ROOT / "tests" / "golden" / "static" / "f32"
        self.fails("unsupported", "embed", DIGITS[0], "-m", static, says=["expected texts", "-m"])

    def test_what_is_not_there(self) -> None:
        self.fails("not_found", "embed", "no.png", "-m", LENET, says=["no.png"])
        self.fails("not_found", "embed", "none/*.png", "-m", LENET, says=["none/*.png"])
        self.fails("not_found", "embed", "--list", "no.txt", "-m", LENET, says=["no.txt"])
        self.fails("not_found", "embed", DIGITS[0], "-m", LENET, "--layer", "logit", says=["logits"])


class Stopped(ImagesTest):
    ROWS = 6_000

    def setUp(self) -> None:
        super().setUp()
        names = [str(DIGITS[i * 7 % len(DIGITS)]) for i in range(self.ROWS)]
        self.write("list.txt", "\n".join(names) + "\n")
        self.job = ["embed", "--list", "list.txt", "-m", str(LENET), "--precision", "f32", "--shard-rows", "200"]
        self.job += ["--window-rows", "50", "-o", "out.npy"]

    def shards(self) -> list[Path]:
        return sorted(self.folder.glob("out-*.npy"))

    def test_a_killed_job_goes_on_and_makes_only_what_is_missing(self) -> None:
        for _ in range(20):
            process = subprocess.Popen(
                [PROGRAM, *self.job], cwd=self.folder, env=environment(self.home),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            self.addCleanup(process.kill)
            self.wait_until(lambda: len(self.shards()) >= 3, process)
            stopped_midway = hold(process)
            process.kill()
            process.wait()
            if stopped_midway:
                break
            # The test itself was held up meanwhile.
            for old in self.folder.glob("out*"):
                old.unlink()
        else:
            self.fail("the job ends before it can be stopped")
        manifest = json.loads((self.folder / "out.npy.manifest.json").read_text())
        listed = [file["file"] for shard in manifest["shards"] for file in shard["vectors"]]
        before = {name: (self.folder / name).stat().st_mtime_ns for name in listed}
        stdout, _ = self.ok(*self.job, "--json")
        self.assertEqual(json.loads(stdout)["rows_resumed"], 200 * len(listed))
        self.assertEqual({name: (self.folder / name).stat().st_mtime_ns for name in listed}, before)
        vectors = [v for shard in self.shards() for v in read_npy(shard)]
        self.assertEqual(len(vectors), self.ROWS)
        alone = self.embed(*DIGITS)
        self.assert_vectors_near(vectors, [alone[i * 7 % len(DIGITS)] for i in range(self.ROWS)], ROUNDING)

    def test_other_settings_do_not_add_to_the_shards(self) -> None:
        self.write("list.txt", "\n".join(map(str, DIGITS)))
        self.ok(*self.job)
        for option in (["--layer", "logits"], ["--allow-truncated"], ["--normalize"]):
            with self.subTest(option[0]):
                self.fails("mismatch", *self.job, *option, says=["out.npy.manifest.json"])


class Builtin(CliTest):
    """The model inside the program: no `-m`, no file, no download."""

    PICTURES = sorted((EXAMPLES / "images").glob("*/*.*"))

    def test_pictures_without_a_model_are_embedded_by_the_one_for_pictures(self) -> None:
        stdout, _ = self.ok("embed", EXAMPLES / "images", "--precision", "f32", "-o", "default.npy", "--json")
        self.assertIn("builtin-image", stdout)
        self.ok("embed", EXAMPLES / "images", "--precision", "f32", "-m", "builtin-image", "-o", "named.npy")
        vectors = read_npy(self.folder / "default.npy")
        self.assertEqual(vectors, read_npy(self.folder / "named.npy"))
        self.assertEqual({len(vector) for vector in vectors}, {1280})

    def test_the_nearest_picture_is_of_the_same_kind(self) -> None:
        self.ok("embed", EXAMPLES / "images", "-o", "out.npy")
        unit = []
        for vector in read_npy(self.folder / "out.npy"):
            length = math.sqrt(sum(value * value for value in vector))
            unit.append([value / length for value in vector])
        right = 0
        for i, vector in enumerate(unit):
            others = [j for j in range(len(unit)) if j != i]
            best = max(others, key=lambda j: sum(a * b for a, b in zip(vector, unit[j], strict=True)))
            right += self.PICTURES[best].parent == self.PICTURES[i].parent
        self.assertGreaterEqual(right, 0.9 * len(unit))

    def test_similarity_takes_pictures_without_a_model(self) -> None:
        car, other, sea = (EXAMPLES / "images" / name for name in ("car/000.jpg", "car/001.jpg", "sea/000.jpg"))
        near, far = (json.loads(self.ok("similarity", car, second, "--json")[0]) for second in (other, sea))
        self.assertEqual(near["model"], "builtin-image")
        self.assertGreater(near["score"], far["score"])
        found, _ = self.ok("similarity", car, "--in", EXAMPLES / "images", "--top", "3")
        self.assertEqual(found.count("car"), 3)

    def test_texts_are_not_taken_by_the_model_for_pictures(self) -> None:
        self.write("a.txt", "a\n")
        self.fails("unsupported", "embed", "a.txt", "-m", "builtin-image", says=["builtin-image", "images"])


if __name__ == "__main__":
    unittest.main()
