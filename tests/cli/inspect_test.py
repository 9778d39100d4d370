"""`asterism inspect`: what vectors are like, in figures and sentences."""

from __future__ import annotations

import json
import random
import unittest

from support import CliTest


class Inspect(CliTest):
    def rows(self, name: str, rows: list[list[float]]) -> None:
        lines = [{"id": f"r{i}", "embedding": row} for i, row in enumerate(rows)]
        self.write(name, "".join(json.dumps(line) + "\n" for line in lines))

    def test_finds_what_was_hidden(self) -> None:
        chance = random.Random(1)
        rows = [[chance.gauss(0, 1) for _ in range(3)] + [0.0] for _ in range(200)]
        rows[50] = rows[10]
        rows[60] = [value + 1e-4 for value in rows[20][:3]] + [0.0]
        rows[70] = [90.0, 90.0, 90.0, 0.0]
        self.rows("in.jsonl", rows)
        stdout, _ = self.ok("inspect", "in.jsonl", "--metric", "euclidean", "--near", "0.001", "--json")
        found = json.loads(stdout)
        self.assertEqual((found["rows"], found["dim"], found["left_out"]), (200, 4, 0))
        self.assertEqual((found["equal_rows"], found["constant_columns"], found["zero_rows"]), (1, 1, 0))
        self.assertEqual(found["near_rows"], 4)
        pairs = [(pair["id"], pair["duplicate"]) for pair in found["near_pairs"]]
        self.assertEqual(pairs, [("r10", "r50"), ("r20", "r60")])
        self.assertEqual(found["outliers"][0]["id"], "r70")
        self.assertAlmostEqual(found["likelihood_dimension"], 3.0, delta=0.6)
        self.assertEqual(len(found["anisotropy"]["variance_shares"]), 4)
        self.assertTrue(all(finding["meaning"] for finding in found["findings"]))

    def test_the_report_is_for_people(self) -> None:
        self.write("texts.txt", "".join(f"text number {i}\n" for i in range(40)) + "text number 7\n")
        self.ok("embed", "texts.txt", "-o", "v.npy")
        stdout, _ = self.ok("inspect", "v.npy", "--texts", "texts.txt")
        for expected in ("rows", "41 x ", "equal rows", "intrinsic dimension", "hubness", "mean cosine"):
            self.assertIn(expected, stdout)
        self.assertIn("texts.txt:8", stdout)
        self.assertIn("text number 7", stdout)

    def test_of_a_collection_items_of_equal_content_are_counted(self) -> None:
        self.write("texts.txt", "red\ngreen\nblue\nred\n")
        self.ok("add", "c", "texts.txt")
        stdout, _ = self.ok("inspect", "c", "--json")
        found = json.loads(stdout)
        self.assertEqual((found["rows"], found["equal_items"], found["equal_rows"]), (4, 1, 1))

    def test_few_rows_and_equal_rows_are_no_error(self) -> None:
        for count in (1, 2, 3, 30):
            self.rows(f"{count}.jsonl", [[1.0, 2.0]] * count)
            stdout, _ = self.ok("inspect", f"{count}.jsonl", "--json")
            found = json.loads(stdout)
            self.assertEqual(found["equal_rows"], count - 1)
            self.assertIsNone(found["two_neighbor_dimension"])

    def test_says_what_is_wrong(self) -> None:
        self.rows("in.jsonl", [[1.0, 2.0]] * 5)
        self.fails("invalid_argument", "inspect", "in.jsonl", "--near", "1.5", says=["a cosine of 0 to 1"])
        self.fails("usage", "inspect", "in.jsonl", "--neighbors", "2", says=["--neighbors"])
        self.fails("usage", "inspect", "in.jsonl", "--metric", "dot", says=["--metric"])
        self.write("empty.jsonl", '{"embedding": null}\n')
        self.fails("invalid_argument", "inspect", "empty.jsonl", says=["found none among 1 rows"])


if __name__ == "__main__":
    unittest.main()
