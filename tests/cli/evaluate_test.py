"""`asterism evaluate`: what it says of texts, pictures and vectors, what it writes, and what it refuses."""

from __future__ import annotations

import json
import math
import random
import struct
import unittest
from pathlib import Path
from typing import Any

from support import EXAMPLES, ROOT, CliTest, write_npy


def ranks(values: list[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda i: values[i])
    out = [0.0] * len(values)
    for begin in range(len(order)):
        equal = [i for i in order if values[i] == values[order[begin]]]
        out[order[begin]] = sum(order.index(i) for i in equal) / len(equal) + 1
    return out


def spearman(a: list[float], b: list[float]) -> float:
    x, y = ranks(a), ranks(b)
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    product = sum((p - mean_x) * (q - mean_y) for p, q in zip(x, y, strict=True))
    return product / math.sqrt(sum((p - mean_x) ** 2 for p in x) * sum((q - mean_y) ** 2 for q in y))


TOPICS = {
    "sport": ["football match", "goal keeper", "tennis racket", "running shoes", "team scored", "league season"],
    "food": ["fresh bread", "tomato soup", "apple cake", "roast chicken", "green salad", "cheese pizza"],
    "music": ["violin concert", "piano sonata", "rock guitar", "jazz trumpet", "opera singer", "drum rhythm"],
}


class Evaluate(CliTest):
    def setUp(self) -> None:
        super().setUp()
        rows = ["text,topic"]
        for topic, texts in TOPICS.items():
            rows += [f"{text} {word},{topic}" for text in texts for word in ("today", "again", "yesterday")]
        self.write("topics.csv", "\n".join([*rows, "no topic at all,"]) + "\n")
        self.options = ["--replicates", "100"]

    def report(self, *arguments: str) -> dict[str, Any]:
        stdout, _ = self.ok("evaluate", *arguments, *self.options, "--json")
        found: dict[str, Any] = json.loads(stdout)
        return found

    def value(self, task: dict[str, Any], system: str, measure: str) -> float:
        systems = {entry["name"]: entry for entry in task["systems"]}
        found: float = systems[system]["measures"][measure]["value"]
        return found

    def test_all_that_labelled_texts_allow_beside_baselines(self) -> None:
        report = self.report("topics.csv", "--labels", "topic", "-k", "5")
        tasks = {task["task"]: task for task in report["tasks"]}
        self.assertEqual(set(tasks), {"probe", "knn", "clustering", "neighbors"})
        for name in ("probe", "knn"):
            systems = [entry["name"] for entry in tasks[name]["systems"]]
            self.assertEqual(systems, ["builtin", "tfidf", "random"] if len(systems) == 3 else systems)
            self.assertGreater(self.value(tasks[name], "builtin", "accuracy"), 0.8)
            self.assertLess(self.value(tasks[name], "random", "accuracy"), 0.8)
        self.assertEqual(tasks["clustering"]["row_count"], 54)
        self.assertTrue(any("1 row without a label" in note for note in tasks["clustering"]["notes"]))
        builtin = tasks["probe"]["systems"][0]["measures"]["accuracy"]
        self.assertLessEqual(builtin["low"], builtin["value"])
        self.assertLessEqual(builtin["value"], builtin["high"])

    def test_the_same_bytes_twice_and_at_any_thread_count(self) -> None:
        first = self.report("knn", "topics.csv", "--labels", "topic", "--threads", "1")
        second = self.report("knn", "topics.csv", "--labels", "topic", "--threads", "3")
        self.assertEqual(first, second)

    def test_two_models_are_compared_in_one_sentence(self) -> None:
        for name, options in (("a", []), ("b", ["--dim", "2"])):
            self.ok(
                "evaluate", "knn", "topics.csv", "--labels", "topic", *options, *self.options, "--out", f"{name}.json"
            )
        stdout, _ = self.ok("evaluate", "compare", "a.json", "b.json")
        self.assertIn("accuracy", stdout.splitlines()[0])
        self.assertRegex(stdout, r"p [=<] ")
        same, _ = self.ok("evaluate", "compare", "a.json", "a.json")
        self.assertIn("are equal", same)
        stdout, _ = self.ok("evaluate", "compare", "a.json", "b.json", "--json")
        found = json.loads(stdout)[0]
        self.assertAlmostEqual(found["difference"], found["value_a"] - found["value_b"])

    def test_models_of_one_report_are_compared(self) -> None:
        stdout, _ = self.ok(
            *("evaluate", "knn", "topics.csv", "--labels", "topic", "--against", "builtin", *self.options),
        )
        self.assertIn("knn: builtin and builtin are equal", stdout)

    def test_a_page_holds_everything_itself(self) -> None:
        self.ok("evaluate", "topics.csv", "--labels", "topic", "-k", "5", *self.options, "--report", "report.html")
        page = (self.folder / "report.html").read_text(encoding="utf-8")
        self.assertIn("<svg", page)
        self.assertIn("prefers-color-scheme:dark", page)
        self.assertNotIn("<script", page)
        self.assertNotIn("http:", page)
        self.assertIn("learnt rows: ", page)

    def test_pairs_give_the_rank_correlation_of_the_cosines(self) -> None:
        texts = [text for group in TOPICS.values() for text in group]
        chance = random.Random(3)
        lines = [f"{chance.choice(texts)},{chance.choice(texts)},{round(chance.random() * 5, 1)}" for _ in range(20)]
        self.write("pairs.csv", "\n".join(lines) + "\n")
        self.ok("evaluate", "pairs", "pairs.csv", *self.options, "--out", "pairs.json")
        task = json.loads((self.folder / "pairs.json").read_text())["tasks"][0]
        expected = spearman(task["systems"][0]["columns"]["score"], task["columns"]["gold"])
        self.assertAlmostEqual(self.value(task, "builtin", "spearman"), expected, delta=1e-9)
        first = lines[0].split(",")
        stdout, _ = self.ok("similarity", first[0], first[1])
        self.assertAlmostEqual(task["systems"][0]["columns"]["score"][0], float(stdout), delta=6e-5)

    def test_retrieval_in_both_forms_of_judgements(self) -> None:
        texts = [text for group in TOPICS.values() for text in group]
        self.write(
            "corpus.jsonl",
            "".join(json.dumps({"_id": f"d{i}", "title": t, "text": "now"}) + "\n" for i, t in enumerate(texts)),
        )
        self.write("queries.jsonl", "".join(json.dumps({"_id": f"q{i}", "text": texts[i]}) + "\n" for i in range(6)))
        beir = (
            "query-id\tcorpus-id\tscore\n" + "".join(f"q{i}\td{i}\t1\n" for i in range(5)) + "q0\tgone\t0\nq99\td1\t1\n"
        )
        self.write("qrels.tsv", beir)
        files = ["--corpus", "corpus.jsonl", "--queries", "queries.jsonl", "--qrels"]
        report = self.report("retrieval", *files, "qrels.tsv", "-k", "3")["tasks"][0]
        self.assertEqual(report["row_count"], 5)
        self.assertGreater(self.value(report, "builtin", "ndcg@3"), 0.9)
        notes = " ".join(report["notes"])
        self.assertIn("1 queries without a judgement", notes)
        self.assertIn("1 judged queries are not asked", notes)
        self.assertIn("1 judged documents are not in the corpus", notes)
        self.write("qrels.txt", "".join(f"q{i} 0 d{i} 1\n" for i in range(5)))
        trec = self.report("retrieval", *files, "qrels.txt", "-k", "3")["tasks"][0]
        self.assertEqual(self.value(trec, "builtin", "ndcg@3"), self.value(report, "builtin", "ndcg@3"))

    def test_a_run_of_another_system_is_scored(self) -> None:
        self.write("qrels.txt", "q 0 a 1\nq 0 b 0\n")
        self.write("run.trec", "q Q0 b 1 0.9 tag\nq Q0 a 2 0.8 tag\n")
        task = self.report("retrieval", "--run", "run.trec", "--qrels", "qrels.txt")["tasks"][0]
        self.assertAlmostEqual(self.value(task, "run.trec", "ndcg@10"), 1 / math.log2(3))
        self.assertAlmostEqual(self.value(task, "run.trec", "mrr@10"), 0.5)

    def test_neighbors_of_two_spaces(self) -> None:
        chance = random.Random(1)
        rows = [[chance.gauss(0, 1) for _ in range(6)] for _ in range(60)]
        write_npy(self.folder / "a.npy", rows)
        write_npy(self.folder / "b.npy", [[2 * x for x in row] for row in rows])
        task = self.report("neighbors", "a.npy", "b.npy", "-k", "5")["tasks"][0]
        self.assertEqual(self.value(task, "b.npy", "overlap"), 1.0)
        self.assertEqual(self.value(task, "b.npy", "trustworthiness"), 1.0)
        self.assertLess(self.value(task, "random", "overlap"), 0.3)
        write_npy(self.folder / "few.npy", rows[:59])
        self.fails("mismatch", "evaluate", "neighbors", "a.npy", "few.npy", says=["60 and 59", "ids in neither"])
        self.fails("invalid_argument", "evaluate", "neighbors", "a.npy", "b.npy", "-k", "30", says=["found 30"])

    def test_neighbors_of_rows_with_ids_in_any_order(self) -> None:
        chance = random.Random(1)
        rows = {f"r{i}": [chance.gauss(0, 1) for _ in range(6)] for i in range(60)}
        self.write_vectors("a.jsonl", rows)
        shuffled = list(rows)
        chance.shuffle(shuffled)
        others = {name: [3 * x for x in rows[name]] for name in shuffled if name != "r7"}
        self.write_vectors("b.jsonl", {**others, "only here": [0.0] * 6}, key="vector")
        task = self.report("neighbors", "a.jsonl", "b.jsonl", "-k", "5")["tasks"][0]
        self.assertEqual(self.value(task, "b.jsonl", "overlap"), 1.0)
        self.assertEqual(task["row_count"], 59)
        self.assertTrue(any("2 rows are in one of the two only" in note for note in task["notes"]), task["notes"])
        # Without ids on one side the order counts, which is said, and both must be as many.
        write_npy(self.folder / "map.npy", [row[:2] for row in rows.values()])
        task = self.report("neighbors", "a.jsonl", "map.npy", "-k", "5")["tasks"][0]
        self.assertTrue(any("paired by their order" in note for note in task["notes"]), task["notes"])
        write_npy(self.folder / "few.npy", [row[:2] for row in list(rows.values())[:9]])
        self.fails("mismatch", "evaluate", "neighbors", "a.jsonl", "few.npy", says=["60 and 9", "no ids in few.npy"])
        self.write_vectors("other.jsonl", {f"s{i}": row for i, row in enumerate(rows.values())})
        self.fails("mismatch", "evaluate", "neighbors", "a.jsonl", "other.jsonl", says=["'r0'", "'s0'"])
        line = json.dumps({"id": "r1", "embedding": rows["r1"]})
        self.write("twice.jsonl", f"{line}\n{line}\n")
        self.fails("invalid_argument", "evaluate", "neighbors", "a.jsonl", "twice.jsonl", says=["'r1' twice"])

    def write_vectors(self, name: str, rows: dict[str, list[float]], key: str = "embedding") -> None:
        self.write(name, "".join(json.dumps({"id": i, key: row}) + "\n" for i, row in rows.items()))

    def test_a_jsonl_of_vectors_is_read_as_vectors(self) -> None:
        chance = random.Random(2)
        lines = [
            {"text": f"row {i}", "kind": "ab"[i % 2], "embedding": [i % 2 + chance.gauss(0, 0.1), 1.0, chance.random()]}
            for i in range(40)
        ]
        self.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        task = self.report("knn", "rows.jsonl", "--labels", "kind", "-k", "3")["tasks"][0]
        self.assertEqual(task["systems"][0]["name"], "rows.jsonl")
        self.assertEqual(self.value(task, "rows.jsonl", "accuracy"), 1.0)
        # A model that is named embeds the texts beside them.
        task = self.report("knn", "rows.jsonl", "--labels", "kind", "-k", "3", "-m", "builtin")["tasks"][0]
        self.assertEqual(task["systems"][0]["name"], "builtin")

    def test_pictures_beside_their_pixels(self) -> None:
        source = Path(EXAMPLES) / "digits"
        for file in sorted(source.glob("*.png")):
            folder = self.folder / "pictures" / file.stem.split("-")[0]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file.name).write_bytes(file.read_bytes())
        task = self.report("knn", "pictures", "--labels", "folder", "-k", "1", "--test-share", "0.5")["tasks"][0]
        self.assertEqual(task["systems"][1]["name"], "pixels")
        self.assertEqual(task["row_count"], 10)

    def test_labels_of_vectors_are_the_lines_of_a_file(self) -> None:
        write_npy(self.folder / "v.npy", [[float(i % 2), 1.0 + 0.01 * i] for i in range(40)])
        self.write("labels.txt", "".join(f"{'even' if i % 2 == 0 else 'odd'}\n" for i in range(39)) + "\n")
        report = self.report("probe", "v.npy", "--labels-file", "labels.txt")
        task = report["tasks"][0]
        self.assertEqual(self.value(task, "v.npy", "accuracy"), 1.0)
        self.assertIn("8 rows by chance (seed 0) are asked, 31 are learnt from", task["notes"])

    def test_zero_shot_by_the_names_of_the_classes(self) -> None:
        task = self.report("zero-shot", "topics.csv", "--labels", "topic", "--template", "all about {}")["tasks"][0]
        self.assertGreater(self.value(task, "builtin", "accuracy"), 0.5)

    def test_zero_shot_of_pictures_by_a_model_of_texts_and_pictures(self) -> None:
        # Its weights are random: what is said of a picture is the nearest of the classes, whatever that is.
        clip = str(ROOT / "tests" / "golden" / "dual_models" / "clip")
        files = sorted((Path(EXAMPLES) / "digits").glob("*.png"))[:6]
        for i, file in enumerate(files):
            folder = self.folder / "pictures" / ("red" if i % 2 else "blue")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file.name).write_bytes(file.read_bytes())
        task = self.report(
            *("zero-shot", "pictures", "--labels", "folder", "-m", clip, "--template", "a photo of a {}"),
        )["tasks"][0]
        self.assertEqual(task["settings"]["template"], "a photo of a {}")
        self.assertEqual(task["row_count"], 6)
        texts = [f"a photo of a {name}" for name in ("blue", "red")]
        right = 0
        for i, file in enumerate(files):
            scores = [float(self.ok("similarity", str(file), text, "-m", clip)[0]) for text in texts]
            right += (scores[1] > scores[0]) == (i % 2 == 1)
        self.assertAlmostEqual(self.value(task, clip, "accuracy"), right / 6, delta=1e-9)
        self.fails(
            *("unsupported", "evaluate", "zero-shot", "pictures", "--labels", "folder", "-m", "builtin-image"),
            says=["takes images alone"],
        )

    def test_analogies_by_section(self) -> None:
        words = {"king": "2 1 0", "man": "0 1 0", "queen": "2 -1 0", "woman": "0 -1 0", "apple": "0 0 1"}
        self.write("words.txt", "".join(f"{word} {vector}\n" for word, vector in words.items()))
        self.write(
            "questions.txt", ": royal\nman king woman queen\n: other\nman king woman apple\nking man queen nothing\n"
        )
        task = self.report("analogies", "questions.txt", "-m", "words.txt")["tasks"][0]
        self.assertEqual(task["row_count"], 3)
        self.assertEqual(self.value(task, "words.txt", "3cosadd"), 0.5)
        self.assertEqual(self.value(task, "words.txt", "royal"), 1.0)
        self.assertEqual(self.value(task, "words.txt", "other"), 0.0)
        self.assertIn("2 of 3 questions", task["notes"][0])

    def test_a_contact_sheet(self) -> None:
        chance = random.Random(1)
        write_npy(self.folder / "v.npy", [[chance.gauss(0, 1) for _ in range(5)] for _ in range(40)])
        self.write("rows.csv", "text,kind\n" + "".join(f"t{i},<k{i % 3}>\n" for i in range(40)))
        stdout, _ = self.ok(
            *("evaluate", "eye", "v.npy", "--columns-file", "rows.csv", "--color", "kind", "--methods", "pca"),
            *("--report", "sheet.html", "--json"),
        )
        self.assertEqual(json.loads(stdout)["pictures"], 1)
        page = (self.folder / "sheet.html").read_text(encoding="utf-8")
        self.assertEqual(page.count("<circle"), 40)
        self.assertIn("&lt;k0&gt;", page)
        self.assertNotIn("<k0>", page)

    def test_a_contact_sheet_as_one_picture(self) -> None:
        chance = random.Random(1)
        write_npy(self.folder / "v.npy", [[chance.gauss(0, 1) for _ in range(5)] for _ in range(40)])
        self.write("rows.csv", "text,kind,year\n" + "".join(f"t{i},k{i % 3},{1900 + i}\n" for i in range(40)))
        stdout, _ = self.ok(
            *("evaluate", "eye", "v.npy", "--columns-file", "rows.csv", "--color", "kind,year", "--methods", "pca,svd"),
            *("--report", "sheet.html", "--png", "sheet.png", "--json"),
        )
        self.assertEqual(json.loads(stdout)["image"], "sheet.png")
        data = (self.folder / "sheet.png").read_bytes()
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", data[16:24])
        self.assertEqual(width, 20 + 2 * 480)
        self.assertGreater(height, 2 * 460)
        # What the program itself reads of it: plots on white paper.
        self.ok("embed", "sheet.png", "-m", "builtin-image", "-o", "sheet.npy")

    def test_what_cannot_be_evaluated_is_said(self) -> None:
        self.fails("usage", "evaluate", says=["expected an input"])
        self.fails("invalid_argument", "evaluate", "probe", "topics.csv", says=["expected labels"])
        write_npy(self.folder / "few.npy", [[float(i), 1.0] for i in range(10)])
        self.fails("invalid_argument", "evaluate", "few.npy", says=["more than 30 rows", "found 10", "--labels-file"])
        self.fails("usage", "evaluate", "knn", "few.npy", "--labels-file", "topics.csv", says=["expected --labels"])
        for option in ("--out", "--report"):
            self.fails(
                "not_found",
                "evaluate",
                "topics.csv",
                "--labels",
                "topic",
                option,
                "absent/r",
                says=["the folder absent"],
            )
        self.fails("not_found", "evaluate", "knn", "topics.csv", "--labels", "nothing", says=["nothing"])
        self.write("one.csv", "text,topic\na b,x\nc d,x\n")
        self.fails("invalid_argument", "evaluate", "probe", "one.csv", "--labels", "topic", says=["2 classes"])
        self.write("bad.json", "{}")
        self.fails("corrupt", "evaluate", "compare", "bad.json", "bad.json", says=["report"])
        self.write("q.txt", "1 0 a high\n")
        self.fails("corrupt", "evaluate", "retrieval", "--run", "q.txt", "--qrels", "q.txt", says=["line 1"])


if __name__ == "__main__":
    unittest.main()
