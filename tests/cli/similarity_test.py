"""`asterism similarity`: two texts, several, and one text against the rows of a file."""

from __future__ import annotations

import json
import unittest

from support import EXIT, CliTest, Golden, cosine, read_jsonl


class Similarity(CliTest):
    def setUp(self) -> None:
        super().setUp()
        self.golden = Golden("old_mean_normalize")
        self.model = ["-m", str(self.golden.folder), "--precision", "f32"]

    def expected(self, i: int, j: int) -> float:
        return cosine(self.golden.vectors["plain"][i], self.golden.vectors["plain"][j])

    def test_two_texts_give_the_cosine_of_the_original_vectors(self) -> None:
        stdout, stderr = self.ok("similarity", self.golden.texts[1], self.golden.texts[2], *self.model)
        self.assertAlmostEqual(float(stdout), self.expected(1, 2), delta=6e-5)
        self.assertEqual(stderr, "")
        stdout, _ = self.ok("similarity", self.golden.texts[1], self.golden.texts[2], *self.model, "--json")
        result = json.loads(stdout)
        self.assertAlmostEqual(result["score"], self.expected(1, 2), delta=1e-5)
        self.assertEqual(result["items"], [self.golden.texts[1], self.golden.texts[2]])

    def test_a_text_is_as_alike_itself_as_can_be(self) -> None:
        stdout, _ = self.ok("similarity", "a cat sat", "a cat sat")
        self.assertEqual(stdout, "1.0000\n")

    def test_more_texts_give_a_symmetric_table(self) -> None:
        texts = [self.golden.texts[i] for i in (1, 2, 5, 6)]
        stdout, _ = self.ok("similarity", *texts, *self.model, "--json")
        scores = json.loads(stdout)["scores"]
        for i, a in enumerate((1, 2, 5, 6)):
            for j, b in enumerate((1, 2, 5, 6)):
                self.assertAlmostEqual(scores[i][j], self.expected(a, b), delta=1e-5)
                self.assertEqual(scores[i][j], scores[j][i])
        stdout, _ = self.ok("similarity", *texts, *self.model)
        lines = stdout.splitlines()
        self.assertEqual(len(lines), 5)
        self.assertEqual(lines[2].split()[1:5], [f"{x:.4f}" for x in scores[1]])

    def test_a_file_gives_its_nearest_rows_best_first(self) -> None:
        self.write("in.jsonl", self.golden.jsonl())
        query = 3
        stdout, _ = self.ok(
            "similarity", self.golden.texts[query], "--in", "in.jsonl", "--top", "4", *self.model, "--json"
        )
        result = json.loads(stdout)
        order = sorted(range(12), key=lambda i: -self.expected(query, i))
        self.assertEqual(result["rows"], 12)
        self.assertEqual([hit["id"] for hit in result["nearest"]], [f"t{i}" for i in order[:4]])
        self.assertEqual([hit["line"] for hit in result["nearest"]], [i + 1 for i in order[:4]])
        for hit, i in zip(result["nearest"], order, strict=False):
            self.assertAlmostEqual(hit["score"], self.expected(query, i), delta=1e-5)
        self.assertAlmostEqual(result["nearest"][0]["score"], 1.0, delta=1e-5)

    def test_a_file_as_a_table_for_people(self) -> None:
        self.write("in.csv", "id,body\na,bread and music\nb,the river is long\n")
        stdout, _ = self.ok(
            "similarity", "the river is long", "--in", "in.csv", "--column", "body", "--top", "1", *self.model
        )
        heading, row = stdout.splitlines()
        self.assertEqual(heading.split(), ["score", "row", "text"])
        self.assertEqual(row.split(maxsplit=3), ["1.0000", "in.csv:3", "(b)", "the river is long"])

    def test_rows_from_stdin_and_rows_that_fail(self) -> None:
        done = self.run_program(
            "similarity", "hello", "--in", "-", "--format", "jsonl", *self.model, "--json",
            stdin='{"text": "hello"}\n{}\n{"text": "stone"}\n',
        )  # fmt: skip
        self.assertEqual(done.returncode, EXIT["partial"])
        result = read_jsonl(done.stdout.decode())[0]
        self.assertEqual((result["rows"], result["failed"], len(result["nearest"])), (3, 1, 2))

    def test_more_rows_than_one_window_keep_their_order_among_equals(self) -> None:
        self.write("in.txt", "hello\n" * 5000)
        stdout, _ = self.ok("similarity", "hello", "--in", "in.txt", "--top", "3", "--json")
        self.assertEqual([hit["line"] for hit in json.loads(stdout)["nearest"]], [1, 2, 3])

    def test_texts_that_start_with_a_dash_go_after_two_dashes(self) -> None:
        stdout, _ = self.ok("similarity", "--", "-x or -y", "-x or -y")
        self.assertEqual(stdout, "1.0000\n")
        self.fails("usage", "similarity", "-x or -y", "b", says=["goes after --"])

    def test_truncated_texts_are_named(self) -> None:
        _, stderr = self.ok("similarity", "hello", "river " * 30, *self.model, "--max-length", "8")
        self.assertIn("text 2: cut from 32 to 8 tokens", stderr)

    def test_wrong_numbers_of_texts(self) -> None:
        self.fails("usage", "similarity", "one", says=["--in FILE"])
        self.fails("usage", "similarity", "--in", "x.txt", says=["--each N"])
        self.fails("usage", "similarity", says=["found none"])
        self.fails("not_found", "similarity", "one", "--in", "nowhere.txt", says=["nowhere.txt"])


if __name__ == "__main__":
    unittest.main()
