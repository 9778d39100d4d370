"""`asterism embed`: formats in and out, every option, rows that fail."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unittest

from support import EXIT, CliTest, Golden, cosine, length, read_jsonl, read_npy, read_rows, read_safetensors

TEXTS = ["the river is long", "hello", "bread and music in the garden", "a stone", ""]


class Formats(CliTest):
    def setUp(self) -> None:
        super().setUp()
        self.golden = Golden("old_mean_normalize")
        self.model = str(self.golden.folder)

    def embed(self, *arguments: str, stdin: str = "") -> list[list[float]]:
        self.ok("embed", *arguments, "-m", self.model, "--precision", "f32", "-o", "out.npy", stdin=stdin)
        return read_npy(self.folder / "out.npy")

    def test_vectors_are_the_original_librarys_within_its_own_noise(self) -> None:
        self.write("in.jsonl", self.golden.jsonl())
        self.assert_vectors_near(
            self.embed("in.jsonl"), self.golden.vectors["plain"], self.golden.runs["plain"]["tolerance"]
        )

    def test_npy_jsonl_safetensors_and_stdout_hold_the_same_numbers(self) -> None:
        self.write("in.txt", "\n".join(TEXTS) + "\n")
        base = ["embed", "in.txt", "-m", self.model, "--precision", "f32"]
        stdout, _ = self.ok(*base)
        for name in ("out.npy", "out.jsonl", "out.safetensors"):
            self.ok(*base, "-o", name)
        from_npy = read_npy(self.folder / "out.npy")
        from_jsonl = [row["embedding"] for row in read_jsonl((self.folder / "out.jsonl").read_text())]
        from_stdout = [row["embedding"] for row in read_jsonl(stdout)]
        from_safetensors = read_safetensors(self.folder / "out.safetensors")
        self.assertEqual(list(from_safetensors), ["embeddings"])
        self.assertEqual(from_npy, from_safetensors["embeddings"])
        self.assertEqual(len(from_npy), len(TEXTS))
        self.assert_vectors_near(from_jsonl, from_npy, 1e-7)
        self.assert_vectors_near(from_stdout, from_npy, 1e-7)

    def test_lines_jsonl_csv_tsv_and_stdin_give_the_same_rows(self) -> None:
        texts = TEXTS[:4]
        self.write("in.txt", "\n".join(texts))
        self.write("in.jsonl", "".join(json.dumps({"n": 1, "body": t}) + "\n" for t in texts))
        table = io.StringIO()
        writer = csv.writer(table)
        writer.writerow(["n", "body"])
        writer.writerows([i, t] for i, t in enumerate(texts))
        self.write("in.csv", table.getvalue())
        self.write("in.tsv", "n\tbody\n" + "".join(f"{i}\t{t}\n" for i, t in enumerate(texts)))
        expected = self.embed("in.txt")
        self.assertEqual(len(expected), 4)
        self.assertEqual(self.embed("in.jsonl", "--column", "body"), expected)
        self.assertEqual(self.embed("in.csv", "--column", "body"), expected)
        self.assertEqual(self.embed("in.tsv", "--column", "body"), expected)
        self.assertEqual(self.embed("-", stdin="\n".join(texts)), expected)
        self.assertEqual(
            self.embed("-", "--format", "jsonl", stdin=json.dumps({"text": texts[0]}) + "\n"), expected[:1]
        )
        self.assertEqual(self.embed("-", "--format", "csv", "--column", "body", stdin=table.getvalue()), expected)

    def test_several_files_are_one_stream_in_the_order_given(self) -> None:
        self.write("a.txt", "hello\n")
        self.write("b.txt", "a stone\nthe river is long\n")
        self.assertEqual(self.embed("b.txt", "a.txt"), self.embed("b.txt") + self.embed("a.txt"))
        self.embed("b.txt", "a.txt")
        rows, summary = read_rows(self.folder / "out.npy.rows.jsonl")
        self.assertEqual(
            [(r["row"], r["source"], r["line"]) for r in rows], [(0, "b.txt", 1), (1, "b.txt", 2), (2, "a.txt", 1)]
        )
        self.assertEqual(summary["rows"], 3)

    def test_rows_keep_the_input_order_whatever_their_lengths(self) -> None:
        words = "the river is long and night small hello bread music garden stone".split()
        texts = [" ".join(words[(i * 7 + j) % len(words)] for j in range(1 + (i * 5) % 11)) for i in range(60)]
        self.write("in.txt", "\n".join(texts))
        together = self.embed("in.txt", "--window-rows", "16")
        for i in (0, 17, 42, 59):
            alone = self.embed("-", stdin=texts[i])
            self.assertGreater(cosine(together[i], alone[0]), 0.999999)

    def test_output_format_wins_over_the_extension(self) -> None:
        self.write("in.txt", "hello\n")
        self.ok("embed", "in.txt", "-m", self.model, "-o", "vectors.bin", "--output-format", "npy")
        self.assertEqual(len(read_npy(self.folder / "vectors.bin")), 1)

    def test_a_second_run_writes_the_same_bytes(self) -> None:
        self.write("in.txt", "\n".join(TEXTS))
        self.embed("in.txt")
        first = (self.folder / "out.npy").read_bytes()
        self.embed("in.txt")
        self.assertEqual((self.folder / "out.npy").read_bytes(), first)


class RowsFile(CliTest):
    def setUp(self) -> None:
        super().setUp()
        self.model = str(Golden("old_mean_normalize").folder)

    def test_says_where_each_row_came_from_and_what_became_of_it(self) -> None:
        self.write("in.jsonl", '{"id": "a", "text": "hello"}\n{"id": "b", "text": ' + json.dumps("river " * 40) + "}\n")
        _, stderr = self.ok("embed", "in.jsonl", "-m", self.model, "-o", "out.npy", "--max-length", "10", "-v")
        (first, second), summary = read_rows(self.folder / "out.npy.rows.jsonl")
        self.assertEqual((first["source"], first["line"], first["id"]), ("in.jsonl", 1, "a"))
        self.assertEqual((second["source"], second["line"], second["id"]), ("in.jsonl", 2, "b"))
        self.assertEqual((first["tokens"], first["tokens_used"], first["truncated"]), (3, 3, False))
        # 40 words, [CLS] and [SEP] given; --max-length seen.
        self.assertEqual((second["tokens"], second["tokens_used"], second["truncated"]), (42, 10, True))
        self.assertEqual(summary, {"rows": 2, "failed": 0, "truncated": 1, "tokens": 13})
        self.assertRegex(stderr, r"in\.jsonl:2")  # -v names the truncated row
        self.assertIn("1 truncated", stderr)

    def test_failed_rows_are_nan_counted_and_explained_and_the_job_goes_on(self) -> None:
        self.write("in.jsonl", '{"text": "hello"}\nnot json\n{"other": 1}\n{"text": "a stone"}\n')
        done = self.run_program("embed", "in.jsonl", "-m", self.model, "-o", "out.npy")
        self.assertEqual(done.returncode, EXIT["partial"])
        stderr = done.stderr.decode()
        self.assertIn("4 rows, 2 failed", stderr)
        self.assertIn("out.npy.rows.jsonl", stderr)
        vectors = read_npy(self.folder / "out.npy")
        self.assertEqual([all(math.isnan(x) for x in v) for v in vectors], [False, True, True, False])
        rows, summary = read_rows(self.folder / "out.npy.rows.jsonl")
        self.assertEqual(["error" in row for row in rows], [False, True, True, False])
        self.assertEqual([row["line"] for row in rows], [1, 2, 3, 4])
        self.assertIn("text", rows[2]["error"]["message"])
        self.assertEqual(summary["failed"], 2)

    def test_failed_rows_are_null_in_jsonl(self) -> None:
        done = self.run_program("embed", "-", "--format", "jsonl", "-m", self.model, stdin='{"text": "hello"}\n[]\n')
        self.assertEqual(done.returncode, EXIT["partial"])
        rows = read_jsonl(done.stdout.decode())
        self.assertEqual(len(rows[0]["embedding"]), 32)
        self.assertIsNone(rows[1]["embedding"])

    def test_on_error_stop_ends_at_the_first_bad_row_and_leaves_no_output(self) -> None:
        self.write("in.jsonl", '{"text": "hello"}\nnot json\n')
        text = self.fails(
            "corrupt", "embed", "in.jsonl", "-m", self.model, "-o", "out.npy", "--on-error", "stop", says=["in.jsonl:2"]
        )
        self.assertNotIn("in.jsonl:1:", text)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith("out")], [])


class Options(CliTest):
    def setUp(self) -> None:
        super().setUp()
        self.write("in.jsonl", Golden("old_mean_normalize").jsonl())

    def embed(self, case: str, *arguments: str) -> list[list[float]]:
        self.ok("embed", "in.jsonl", "-m", str(Golden(case).folder), "--precision", "f32", "-o", "out.npy", *arguments)
        return read_npy(self.folder / "out.npy")

    def check(self, case: str, run: str, *arguments: str) -> None:
        golden = Golden(case)
        self.assert_vectors_near(self.embed(case, *arguments), golden.vectors[run], golden.runs[run]["tolerance"])

    def test_pooling(self) -> None:
        for mode, case in {
            "cls": "old_pooling_mode_cls_token",
            "max": "old_pooling_mode_max_tokens",
            "mean_sqrt_len": "old_pooling_mode_mean_sqrt_len_tokens",
            "weightedmean": "old_pooling_mode_weightedmean_tokens",
            "lasttoken": "old_pooling_mode_lasttoken",
        }.items():
            with self.subTest(mode):
                golden = Golden(case)
                found = self.embed("old_pooling_mode_mean_tokens", "--pooling", mode)
                self.assert_vectors_near(found, golden.vectors["plain"], golden.runs["plain"]["tolerance"])
        both = self.embed("old_pooling_mode_mean_tokens", "--pooling", "cls+mean")
        self.assertEqual(len(both[0]), 64)

    def test_prompts_by_name_and_by_text(self) -> None:
        self.check("prompt_default", "plain")
        self.check("prompt_default", "query", "--prompt", "query")
        self.check("prompt_default", "text", "--prompt-text", "we: ")
        self.check("prompt_default", "empty", "--prompt-text", "")

    def test_dim_cuts_then_normalises(self) -> None:
        whole = self.embed("old_mean_normalize", "--no-normalize")
        cut = self.embed("old_mean_normalize", "--dim", "8", "--normalize")
        for a, b in zip(whole, cut, strict=True):
            self.assertEqual(len(b), 8)
            self.assertAlmostEqual(length(b), 1.0, places=5)
            self.assertGreater(cosine(a[:8], b), 0.99999)

    def test_normalize_and_no_normalize(self) -> None:
        self.assertAlmostEqual(length(self.embed("old_pooling_mode_mean_tokens", "--normalize")[1]), 1.0, places=5)
        self.assertGreater(abs(length(self.embed("old_mean_normalize", "--no-normalize")[1]) - 1.0), 0.01)

    def test_bf16_is_close_and_not_equal_precision(self) -> None:
        exact = self.embed("old_mean_normalize")
        self.ok(
            "embed", "in.jsonl", "-m", str(Golden("old_mean_normalize").folder), "--precision", "bf16", "-o", "b.npy"
        )
        for a, b in zip(exact, read_npy(self.folder / "b.npy"), strict=True):
            self.assertGreater(cosine(a, b), 0.99)

    def test_max_length_cuts_and_counts(self) -> None:
        _, stderr = self.ok(
            "embed", "in.jsonl", "-m", str(Golden("old_mean_normalize").folder), "-o", "o.npy", "--max-length", "5"
        )
        counts = [c for c in Golden("old_mean_normalize").runs["plain"]["token_count_given"] if c > 5]
        self.assertIn(f"{len(counts)} truncated", stderr)

    def test_batch_invariant_rows_are_bit_equal_to_rows_alone(self) -> None:
        together = self.embed("old_mean_normalize", "--batch-invariant")
        texts = Golden("old_mean_normalize").texts
        for i in (1, 3, 6):
            self.write("in.jsonl", json.dumps({"text": texts[i]}) + "\n")
            self.assertEqual(self.embed("old_mean_normalize", "--batch-invariant")[0], together[i])

    def test_one_thread_gives_the_same_vectors(self) -> None:
        self.assert_vectors_near(
            self.embed("old_mean_normalize", "--threads", "1"), self.embed("old_mean_normalize", "--threads", "2"), 1e-6
        )

    def test_layer_cuts_the_graph_and_says_how_much_is_left(self) -> None:
        model = str(Golden("old_pooling_mode_mean_tokens").folder)
        _, stderr = self.ok(
            "embed", "in.jsonl", "-m", model, "-o", "o.npy", "--layer", "encoder.layer.0", "--pooling", "mean"
        )
        match = re.search(r"(\d+) of (\d+) ops", stderr)
        assert match is not None, stderr
        left, whole = int(match[1]), int(match[2])
        self.assertLess(left, whole)
        self.assertGreater(left, 3)
        middle, last = read_npy(self.folder / "o.npy"), self.embed("old_pooling_mode_mean_tokens")
        self.assertLess(cosine(middle[2], last[2]), 0.9999)
        stdout, _ = self.ok(
            "embed", "in.jsonl", "-m", model, "-o", "o.npy", "--layer", "encoder.layer.0", "--pooling", "mean", "--json"
        )
        result = json.loads(stdout)
        self.assertEqual((result["ops"], result["ops_whole"]), (left, whole))

    def test_unknown_layer_prompt_and_pooling_say_what_there_is(self) -> None:
        model = str(Golden("prompt_default").folder)
        self.fails(
            "not_found", "embed", "in.jsonl", "-m", model, "--layer", "encoder.layer.99", says=["encoder.layer.99"]
        )
        self.fails("not_found", "embed", "in.jsonl", "-m", model, "--prompt", "queri", says=["queri", "query"])
        done = self.run_program("embed", "in.jsonl", "-m", model, "--pooling", "median")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("median", done.stderr.decode())

    def test_id_column(self) -> None:
        self.write("in.csv", "key,text\nk1,hello\nk2,a stone\n")
        self.ok("embed", "in.csv", "--id-column", "key", "-o", "o.npy")
        rows, _ = read_rows(self.folder / "o.npy.rows.jsonl")
        self.assertEqual([row["id"] for row in rows], ["k1", "k2"])


class Reports(CliTest):
    def test_the_built_in_model_is_the_default_and_needs_nothing(self) -> None:
        stdout, stderr = self.ok("embed", "-", stdin="a cat sat on the mat\n")
        row = read_jsonl(stdout)[0]
        self.assertGreater(length(row["embedding"]), 0.0)
        self.assertIn("1 row, 0 failed, 0 truncated", stderr)
        self.assertRegex(stderr, r"texts/s")

    def test_json_summary_is_on_stdout_beside_a_file_and_on_stderr_beside_stdout(self) -> None:
        self.write("in.txt", "a\nb\n")
        stdout, _ = self.ok("embed", "in.txt", "-o", "o.npy", "--json")
        summary = json.loads(stdout)
        self.assertEqual((summary["rows"], summary["failed"], summary["files"]), (2, 0, ["o.npy"]))
        self.assertEqual(summary["rows_files"], ["o.npy.rows.jsonl"])
        self.assertGreater(summary["tokens"], 0)
        stdout, stderr = self.ok("embed", "in.txt", "--json")
        self.assertEqual(len(read_jsonl(stdout)), 2)
        self.assertEqual(json.loads(stderr)["rows"], 2)

    def test_summary_names_the_files_and_quiet_says_nothing(self) -> None:
        self.write("in.txt", "a\nb\n")
        _, stderr = self.ok("embed", "in.txt", "-o", "o.npy")
        self.assertIn("o.npy", stderr)
        self.assertIn("o.npy.rows.jsonl", stderr)
        _, stderr = self.ok("embed", "in.txt", "-o", "o.npy", "-q")
        self.assertEqual(stderr, "")

    def test_an_empty_input_gives_an_empty_output(self) -> None:
        self.write("in.txt", "")
        _, stderr = self.ok("embed", "in.txt", "-o", "o.npy")
        self.assertIn("0 rows", stderr)
        self.assertEqual(read_npy(self.folder / "o.npy"), [])


if __name__ == "__main__":
    unittest.main()
