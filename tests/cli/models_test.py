"""`asterism models`, `doctor` and `distill`."""

from __future__ import annotations

import hashlib
import json
import math
import unittest
from pathlib import Path

from support import EXIT, CliTest, Golden, length, read_npy, read_safetensors


class Models(CliTest):
    def test_list_has_the_built_in_model_and_one_to_fetch(self) -> None:
        stdout, _ = self.ok("models", "list", "--json")
        models = {m["id"]: m for m in json.loads(stdout)}
        self.assertTrue(models["builtin"]["here"])
        minilm = models["all-MiniLM-L6-v2"]
        self.assertEqual((minilm["dim"], minilm["here"], minilm["family"]), (384, False, "bert"))
        self.assertTrue(minilm["sources"])
        self.assertTrue(minilm["licence"])
        stdout, _ = self.ok("models", "list")
        heading, *rows = stdout.splitlines()
        self.assertEqual(heading.split()[:4], ["model", "here", "dim", "tokens"])
        self.assertEqual(len(rows), len(models))
        self.assertEqual(len({row.index(m) for m, row in zip(models, rows, strict=True)}), 1)

    def test_show_says_what_will_run(self) -> None:
        golden = Golden("prompt_default")
        stdout, _ = self.ok("models", "show", golden.folder, "--json")
        info = json.loads(stdout)
        self.assertEqual((info["family"], info["dim"], info["pooling"]), ("bert", 32, "mean"))
        self.assertIn("query", info["prompts"])
        self.assertGreater(info["ops"], 10)
        self.assertIn("model.safetensors", [f["name"] for f in info["files"]])
        stdout, _ = self.ok("models", "show", golden.folder)
        self.assertIn("dimensions", stdout)
        self.assertIn("query: ", stdout)
        stdout, _ = self.ok("models", "show", golden.folder, "--layer", "encoder.layer.0", "--dim", "5", "--json")
        cut = json.loads(stdout)
        self.assertLess(cut["ops"], cut["ops_whole"])
        self.assertEqual(cut["dim"], 5)

    def test_show_of_the_built_in_model(self) -> None:
        stdout, _ = self.ok("models", "show", "builtin", "--json")
        info = json.loads(stdout)
        self.assertEqual((info["family"], info["folder"]), ("static", ""))
        self.assertGreater(info["dim"], 0)

    def test_layers_lists_names_that_embed_accepts(self) -> None:
        folder = Golden("old_pooling_mode_mean_tokens").folder
        stdout, _ = self.ok("models", "layers", folder, "--json")
        layers = json.loads(stdout)
        names = [layer["name"] for layer in layers]
        every = names + [alias for layer in layers for alias in layer["aliases"]]
        self.assertEqual(len(every), len(set(every)))
        self.assertIn("encoder.layer.1", every)
        self.assertGreater(len({layer["shape"] for layer in layers}), 1)
        for name in names:
            with self.subTest(name):
                done = self.run_program(
                    "embed", "-", "-m", folder, "--layer", name, "--pooling", "mean", stdin="hello\n"
                )
                self.assertEqual(done.returncode, 0, done.stderr.decode())
        stdout, _ = self.ok("models", "layers", folder)
        self.assertRegex(stdout, r"encoder\.layer\.0\S* +\w+ +\[tokens, \d+\]")

    def test_layers_of_a_static_model(self) -> None:
        self.fails("unsupported", "models", "layers", "builtin", says=["static"])

    def test_verify_of_the_built_in_model_compares_it_with_the_original_library(self) -> None:
        stdout, _ = self.ok("models", "verify", "builtin", "--json")
        check = json.loads(stdout)
        self.assertEqual((check["references"], check["references_failed"]), (3, 0), check)

    def test_pull_and_verify_of_what_is_not_here(self) -> None:
        self.fails("not_found", "models", "verify", "all-MiniLM-L6-v2", says=["asterism models pull all-MiniLM-L6-v2"])
        self.fails("network", "models", "pull", "all-MiniLM-L6-v2", says=["HF_HUB_OFFLINE"])
        stdout, stderr = self.ok("models", "pull", "builtin")
        self.assertEqual(stdout, "")
        self.assertIn("built in", stderr)

    def test_pull_of_a_folder_prints_it(self) -> None:
        folder = Golden("old_mean_normalize").folder
        stdout, stderr = self.ok("models", "pull", folder)
        self.assertEqual(stdout.strip(), str(folder))
        self.assertRegex(stderr, r"\d+ files, ")


class Verify(CliTest):
    """A catalogue of our own, through ASTERISM_CATALOG, with a folder as its source."""

    def setUp(self) -> None:
        super().setUp()
        self.golden = Golden("old_mean_normalize")
        self.model = self.copy_model("old_mean_normalize")
        self.values = self.golden.vectors["plain"][2]

        self.env = {"ASTERISM_CATALOG": str(self.folder / "catalogue.toml")}

    def catalogue(self, values: list[float]) -> str:
        weights = self.golden.folder / "model.safetensors"
        return f"""
[[model]]
id = "tiny"
family = "bert"
description = "for a test"
licence = "CC0-1.0"
dimension = 32
token_count_max = 64
pooling = "mean"
[[model.source]]
type = "folder"
folder = "{self.model}"
[[model.source.file]]
path = "model.safetensors"
sha256 = "{hashlib.sha256(weights.read_bytes()).hexdigest()}"
size_bytes = {weights.stat().st_size}
[model.verify]
recorded_with = "the golden"
[[model.verify.case]]
text = {json.dumps(self.golden.texts[2])}
noise = {self.golden.runs["plain"]["noise"]:.9f}
values = {values}
"""

    def verify(self, values: list[float]) -> tuple[int, dict[str, object], str]:
        self.write("catalogue.toml", self.catalogue(values))
        done = self.run_program("models", "verify", "tiny", "--json", env=self.env)
        text = self.run_program("models", "verify", "tiny", env=self.env)
        self.assertEqual(done.returncode, text.returncode)
        return done.returncode, json.loads(done.stdout), text.stdout.decode()

    def test_a_sound_model_is_ok(self) -> None:
        code, check, text = self.verify(self.values)
        self.assertEqual((code, check["ok"], check["references"]), (0, True, 1), check)
        self.assertLess(float(str(check["difference_max"])), 1e-5)
        self.assertRegex(text, r"(?m)^OK +model\.safetensors$")
        self.assertRegex(
            text,
            r"(?m)^OK +1 reference text against the original library in f32: largest difference \S+ \(allowed \S+\), cosine",
        )
        self.assertTrue(text.endswith("tiny: OK\n"))

    def test_other_numbers_fail(self) -> None:
        code, check, text = self.verify([-x for x in self.values])
        self.assertEqual((code, check["ok"], check["references_failed"]), (EXIT["mismatch"], False, 1))
        self.assertAlmostEqual(float(str(check["cosine_min"])), -1.0, places=4)
        self.assertTrue(text.endswith("tiny: FAILED\n"))

    def test_a_flipped_bit_fails_and_names_the_file(self) -> None:
        data = bytearray((self.model / "model.safetensors").read_bytes())
        data[-100] ^= 1
        (self.model / "model.safetensors").write_bytes(bytes(data))
        code, check, text = self.verify(self.values)
        self.assertEqual((code, check["ok"], check["references"]), (EXIT["mismatch"], False, 0))
        self.assertRegex(text, r"FAILED +model\.safetensors: expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}")

    def test_a_missing_file_fails(self) -> None:
        (self.model / "model.safetensors").unlink()
        self.write("catalogue.toml", self.catalogue(self.values))
        self.fails("not_found", "models", "verify", "tiny", env=self.env, says=["tiny", "asterism models pull tiny"])


class Doctor(CliTest):
    def test_reports_what_is_here(self) -> None:
        stdout, _ = self.ok("doctor", "--json", env={"HF_TOKEN": "hf_secret"})
        report = json.loads(stdout)
        self.assertEqual(report["version"], self.ok("--version")[0].split()[1])
        self.assertRegex(report["openvino"]["version"], r"^20\d\d\.")
        self.assertRegex(report["torch"]["version"], r"^(\d+\.\d+.*)?$")
        # Not the kernels that OpenBLAS takes for processors that it does not know.
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
        slow = {"OpenBLAS for Prescott", "OpenBLAS for Generic"} if {"avx2", "fma"} <= set(flags) else set()
        self.assertFalse(slow & set(report["torch"]["capabilities"]), report["torch"])
        self.assertIn(report["precision_auto"], ("bf16", "f32"))
        self.assertGreaterEqual(report["threads"], 1)
        self.assertTrue(report["offline"])
        self.assertEqual(report["problems"], [])
        self.assertEqual(report["variables"]["HF_TOKEN"], "(set)")
        self.assertNotIn("hf_secret", stdout)
        self.assertTrue(report["folders"][0]["path"].startswith(str(self.home)))

    def test_for_people(self) -> None:
        stdout, stderr = self.ok("doctor")
        self.assertEqual(stderr, "")
        for part in ("OpenVINO", "libtorch", "precision auto", "threads", "offline", "HF_HOME", "Nothing is wrong."):
            self.assertIn(part, stdout)

    def test_a_cache_that_cannot_be_written_is_a_problem(self) -> None:
        self.write("file", "")
        done = self.run_program("doctor", env={"HF_HOME": str(self.folder / "file" / "cache")})
        self.assertEqual(done.returncode, EXIT["io"])
        stdout = done.stdout.decode()
        self.assertIn("1 problem:", stdout)
        self.assertRegex(stdout, r"file/cache/hub: not writable.*HF_HOME")


class Distill(CliTest):
    def test_a_distilled_model_is_a_model(self) -> None:
        teacher = Golden("old_mean_normalize").folder
        stdout, _ = self.ok("distill", teacher, "-o", "static", "--dim", "8", "--quantize", "f32", "--json")
        result = json.loads(stdout)
        self.assertEqual((result["folder"], result["dim"]), ("static", 8))
        self.assertTrue(0.0 < result["explained_variance"] <= 1.0)
        table = read_safetensors(self.folder / "static" / "model.safetensors")["embeddings"]
        self.assertEqual((len(table), len(table[0])), (result["tokens"], 8))
        self.ok("embed", "-", "-m", "static", "-o", "o.npy", stdin="the river is long\nhello\n")
        vectors = read_npy(self.folder / "o.npy")
        self.assertEqual([len(v) for v in vectors], [8, 8])
        self.assertTrue(all(math.isclose(length(v), 1.0, abs_tol=1e-5) for v in vectors))
        info = json.loads(self.ok("models", "show", "static", "--json")[0])
        self.assertEqual(info["family"], "static")

    def test_int8_is_the_default_and_smaller(self) -> None:
        teacher = Golden("old_mean_normalize").folder
        _, stderr = self.ok("distill", teacher, "-o", "small", "--dim", "8")
        self.assertRegex(stderr, r"tokens, 8 dimensions, [\d.]+% of the variance kept")
        self.assertIn("-m small", stderr)
        self.ok("distill", teacher, "-o", "large", "--dim", "8", "--quantize", "f32", "--keep-unreachable")
        small, large = ((self.folder / name / "model.safetensors").stat().st_size for name in ("small", "large"))
        self.assertLess(small, large)
        self.ok("distill", teacher, "-o", "plain", "--dim", "8", "--sif", "0", "--threads", "1")
        self.assertNotEqual(
            (self.folder / "small" / "model.safetensors").read_bytes(),
            (self.folder / "plain" / "model.safetensors").read_bytes(),
        )

    def test_refusals(self) -> None:
        teacher = Golden("old_mean_normalize").folder
        self.fails("invalid_argument", "distill", teacher, "-o", "x", "--dim", "4096", says=["4096"])
        self.fails("unsupported", "distill", "builtin", "-o", "x", says=["built-in"])
        self.fails("usage", "distill", teacher, "-o", "x", "--quantize", "int4", says=["int8, f16 or f32", "int4"])
        self.fails("usage", "distill", teacher, says=["--output"])


if __name__ == "__main__":
    unittest.main()
