"""`asterism cluster`: groups of vectors, their words, files of what belongs where, and names kept in a collection."""

from __future__ import annotations

import csv
import json
import unittest

from support import CliTest

FOOD = ["boil the rice", "fry the rice with egg", "boil the egg", "rice and egg soup", "cook the soup with rice"]
BALL = [
    "kick the ball into the goal",
    "the goal was a header",
    "the keeper lost the ball",
    "a late goal won it",
    "pass the ball",
]


def vectors() -> list[list[float]]:
    """Two directions, each with a little of a third."""
    return [[1.0, 0.0, 0.01 * i] for i in range(5)] + [[0.0, 1.0, 0.01 * i] for i in range(5)]


class Cluster(CliTest):
    def setUp(self) -> None:
        super().setUp()
        texts = FOOD + BALL
        lines = [
            {"id": f"r{i}", "text": text, "embedding": vector}
            for i, (text, vector) in enumerate(zip(texts, vectors(), strict=True))
        ]
        self.write("in.jsonl", "".join(json.dumps(line) + "\n" for line in lines))

    def test_k_means_groups_rows_and_names_the_groups_by_their_words(self) -> None:
        stdout, _ = self.ok("cluster", "in.jsonl", "-k", "2", "--json", "-o", "out.jsonl")
        found = json.loads(stdout)
        self.assertEqual((found["method"], found["metric"], found["rows"]), ("kmeans", "cosine", 10))
        self.assertEqual([cluster["rows"] for cluster in found["clusters"]], [5, 5])
        words = [{word["word"] for word in cluster["words"]} for cluster in found["clusters"]]
        self.assertIn("rice", words[0])
        self.assertIn("goal", words[1])
        self.assertNotIn("the", words[0] | words[1])
        rows = [json.loads(line) for line in (self.folder / "out.jsonl").read_text().splitlines()]
        self.assertEqual([row["id"] for row in rows], [f"r{i}" for i in range(10)])
        self.assertEqual([row["cluster"] for row in rows], [0] * 5 + [1] * 5)
        self.assertEqual(rows[0]["name"], found["clusters"][0]["name"])
        # The middle one of five in a row is nearest to their mean.
        self.assertEqual(found["clusters"][0]["typical"][0]["id"], "r2")

    def test_the_table_is_for_people(self) -> None:
        stdout, stderr = self.ok("cluster", "in.jsonl", "-k", "2")
        self.assertEqual(len(stdout.splitlines()), 3)
        self.assertIn("rice", stdout.splitlines()[1])
        self.assertIn("10 of 10 rows in 2 clusters", stderr)

    def test_hdbscan_leaves_out_what_lies_apart(self) -> None:
        rows = [[10.0 + 0.01 * (i % 7), 0.01 * (i % 5)] for i in range(30)]
        rows += [[-10.0 + 0.01 * (i % 7), 0.01 * (i % 5)] for i in range(30)] + [[0.0, 500.0]]
        self.write("far.jsonl", "".join(json.dumps({"embedding": row}) + "\n" for row in rows))
        arguments = ("cluster", "far.jsonl", "--method", "hdbscan", "--metric", "euclidean", "--min-size", "10")
        stdout, _ = self.ok(*arguments, "--json", "-o", "out.csv")
        found = json.loads(stdout)
        self.assertEqual((len(found["clusters"]), found["unclustered"], found["exact"]), (2, 1, True))
        near = json.loads(self.ok(*arguments, "--tree", "graph", "--json")[0])
        self.assertEqual((len(near["clusters"]), near["unclustered"], near["exact"]), (2, 1, False))
        with (self.folder / "out.csv").open(newline="") as file:
            table = list(csv.DictReader(file))
        self.assertEqual([row["cluster"] for row in table], ["0"] * 30 + ["1"] * 30 + [""])
        self.assertGreater(float(table[60]["outlier_score"]), 0.9)
        self.assertEqual(table[0]["name"], "cluster 0")

    def test_the_names_are_kept_in_a_collection(self) -> None:
        self.write("texts.txt", "".join(text + "\n" for text in FOOD + BALL))
        self.ok("add", "c", "texts.txt")
        _, stderr = self.ok("cluster", "c", "-k", "2", "--keep", "topic")
        self.assertIn("10 items changed", stderr)
        stdout, _ = self.ok("get", "c", "texts.txt:1", "--json")
        item = json.loads(stdout)
        self.assertTrue(item["metadata"]["topic"])
        self.assertEqual(item["content"], FOOD[0])
        # It is still found by its vector.
        stdout, _ = self.ok("search", "c", FOOD[0], "--json")
        self.assertEqual(json.loads(stdout)["hits"][0]["id"], "texts.txt:1")
        _, stderr = self.ok("cluster", "c", "-k", "2", "--keep", "topic")
        self.assertNotIn("changed", stderr)

    def test_the_same_seed_gives_the_same_file_at_any_number_of_threads(self) -> None:
        for threads in ("1", "2", "3"):
            self.ok("cluster", "in.jsonl", "-k", "3", "--seed", "7", "--threads", threads, "-o", f"{threads}.jsonl")
        files = {(self.folder / f"{threads}.jsonl").read_bytes() for threads in "123"}
        self.assertEqual(len(files), 1)

    def test_says_what_is_wrong(self) -> None:
        self.fails(
            "invalid_argument",
            "cluster",
            "in.jsonl",
            "-k",
            "11",
            says=["expected 1 to 10 clusters of 10 rows, found 11"],
        )
        self.fails(
            "invalid_argument", "cluster", "in.jsonl", "--method", "kmeans", says=["expected a number of clusters"]
        )
        self.fails("invalid_argument", "cluster", "in.jsonl", "-k", "2", "--min-size", "3", says=["one given"])
        self.fails("usage", "cluster", "in.jsonl", "--method", "ward", says=["--method"])
        self.fails("not_found", "cluster", "none.npy", "-k", "2", says=["none.npy"])
        self.fails("invalid_argument", "cluster", "in.jsonl", "-k", "2", "-o", "out.xls", says=["ends in .jsonl"])
        text = self.fails(
            "not_found", "cluster", "in.jsonl", "-k", "2", "-o", "absent/o.csv", says=["the folder absent"]
        )
        self.assertNotIn("k-means", text)
        self.fails(
            "invalid_argument", "cluster", "in.jsonl", "-k", "2", "--keep", "topic", says=["expected a collection"]
        )
        self.write("short.txt", "one\n")
        self.fails("mismatch", "cluster", "in.jsonl", "-k", "2", "--texts", "short.txt", says=["expected 10 rows"])


if __name__ == "__main__":
    unittest.main()
