"""`asterism analogy`: sums over words, texts, items and vectors, and how many analogies a model has right."""

from __future__ import annotations

import gzip
import json
import struct
import unittest
from typing import Any

from support import EXIT, CliTest

# a - b is c - d along one axis each: royalty, sex, and a word of its own.
WORDS = {
    "king": (1.0, 1.0, 0.1),
    "queen": (1.0, -1.0, 0.1),
    "man": (0.0, 1.0, 0.2),
    "woman": (0.0, -1.0, 0.2),
    "prince": (0.8, 1.0, -1.5),
    "princess": (0.8, -1.0, -1.5),
    "apple": (-1.0, 0.0, 1.0),
    "pear": (-0.9, 0.1, 1.0),
}


class Analogy(CliTest):
    def setUp(self) -> None:
        super().setUp()
        lines = [f"{word} {' '.join(map(str, vector))}\n" for word, vector in WORDS.items()]
        self.write("words.txt", "".join(lines))
        self.write("words.vec", f"{len(WORDS)} 3\n" + "".join(lines))

    def answers(self, *arguments: str) -> list[dict[str, Any]]:
        stdout, _ = self.ok("analogy", *arguments, "--json")
        results: list[dict[str, Any]] = json.loads(stdout)["results"]
        return results

    def test_a_king_less_a_man_and_a_woman_is_a_queen(self) -> None:
        for method in ("3cosadd", "3cosmul", "pair-direction"):
            for model in ("words.txt", "words.vec"):
                found = self.answers("king - man + woman", "-m", model, "--method", method, "-k", "3")
                self.assertEqual(found[0]["name"], "queen", method)
                self.assertEqual(len(found), 3)
                self.assertNotIn("king", [hit["name"] for hit in found])
                self.assertGreaterEqual(found[0]["score"], found[1]["score"])
        stdout, stderr = self.ok("analogy", "king - man + woman", "-m", "words.txt", "-k", "1")
        self.assertEqual(stdout.splitlines()[0].split(), ["score", "word"])
        self.assertEqual(stdout.splitlines()[1].split()[1], "queen")
        self.assertEqual(stderr, "")

    def test_binary_files_are_the_same_model(self) -> None:
        binary = f"{len(WORDS)} 3\n".encode()
        for word, vector in WORDS.items():
            binary += word.encode() + b" " + struct.pack("<3f", *vector) + b"\n"
        self.write("words.bin", binary)
        arguments = ("0.5*king - woman", "-k", "8")
        self.assertEqual(self.answers(*arguments, "-m", "words.bin"), self.answers(*arguments, "-m", "words.txt"))

    def test_packed_files_are_the_same_model(self) -> None:
        arguments = ("0.5*king - woman", "-k", "8")
        expected = self.answers(*arguments, "-m", "words.txt")
        text = (self.folder / "words.txt").read_bytes()
        binary = f"{len(WORDS)} 3\n".encode()
        for word, vector in WORDS.items():
            binary += word.encode() + b" " + struct.pack("<3f", *vector)
        middle = text.index(b"\n") + 1
        for name, data in (
            ("words.txt.gz", gzip.compress(text)),
            ("words.vec.gz", gzip.compress((self.folder / "words.vec").read_bytes())),
            ("words.bin.gz", gzip.compress(binary)),
            ("parts.txt.gz", gzip.compress(text[:middle]) + gzip.compress(text[middle:])),
        ):
            self.write(name, data)
            self.assertEqual(self.answers(*arguments, "-m", name), expected, name)
        self.write("cut.txt.gz", gzip.compress(text)[:-9])
        self.fails("corrupt", "embed", "words.txt", "-m", "cut.txt.gz", says=["cut.txt.gz", "cut short"])
        damaged = bytearray(gzip.compress(text))
        damaged[-7] ^= 0xFF  # of the checksum
        self.write("damaged.txt.gz", bytes(damaged))
        self.fails("corrupt", "embed", "words.txt", "-m", "damaged.txt.gz", says=["damage"])

    def test_own_words_may_be_kept_and_the_vocabulary_cut(self) -> None:
        kept = self.answers("King", "-m", "words.txt", "--keep-inputs", "-k", "1")
        self.assertEqual((kept[0]["name"], kept[0]["row"]), ("king", 0))
        self.assertAlmostEqual(kept[0]["score"], 1.0, places=6)
        cut = self.answers("king - man + woman", "-m", "words.txt", "--words", "4")
        self.assertEqual([hit["name"] for hit in cut], ["queen"])

    def test_rows_of_a_file_are_candidates_for_any_model(self) -> None:
        self.write("rows.txt", "the queen\nan apple\nKing - man\nnothing known\n")
        found = self.answers('"king - man" + woman', "-m", "words.txt", "--in", "rows.txt")
        self.assertEqual(found[0]["name"], "the queen")
        self.assertNotIn("King - man", [hit["name"] for hit in found], "the expression's own text is no answer")
        found = self.answers("cat - dog + puppy", "--in", "rows.txt", "-k", "2")
        self.assertEqual(len(found), 2)

    def test_items_of_a_collection_are_terms_and_candidates(self) -> None:
        self.write("texts.jsonl", "".join(json.dumps({"id": f"i-{w}", "text": w}) + "\n" for w in WORDS))
        self.ok("add", "shop", "texts.jsonl", "-m", "words.txt", "--id", "id")
        found = self.answers("#i-king - man + #i-woman", "--in", "shop")
        self.assertEqual((found[0]["id"], found[0]["name"]), ("i-queen", "queen"))
        self.assertFalse({"i-king", "i-woman", "i-man"} & {hit["id"] for hit in found})
        error = self.fails("not_found", "analogy", "#none + king", "--in", "shop")
        self.assertIn("'#none': expected the id of one of 8 items", error)

    def test_vectors_of_a_file_are_candidates(self) -> None:
        self.write("rows.txt", "\n".join(WORDS) + "\n")
        self.ok("embed", "rows.txt", "-m", "words.txt", "-o", "rows.npy")
        found = self.answers("king - man + woman", "-m", "words.txt", "--in", "rows.npy", "--texts", "rows.txt")
        self.assertEqual(found[0]["name"], "queen")
        error = self.fails("mismatch", "analogy", "king - man + woman", "--in", "rows.npy")
        self.assertIn("expected vectors of length 3, as the candidates have, found 256", error)

    def test_faults_say_what_was_expected(self) -> None:
        for expression, said in (
            ("king queen", "column 6: expected + or - before another term, found 'queen'"),
            ("king -", "column 7: expected a word"),
            ("", "expected one of an expression, --questions or --pairs, found none"),
        ):
            error = self.fails("usage", "analogy", expression, "-m", "words.txt")
            self.assertIn(said, error)
        error = self.fails("not_found", "analogy", "kinh - man + woman", "-m", "words.txt")
        self.assertIn("'kinh': expected words that model 'words.txt' knows", error)
        self.assertIn("near it: king", error)
        error = self.fails("not_found", "analogy", "king-man+woman", "-m", "words.txt")
        self.assertIn("signs between terms have a space in front", error)
        error = self.fails("invalid_argument", "analogy", "king - man", "-m", "words.txt", "--method", "pair-direction")
        self.assertIn('expected the form "king - man + woman"', error)
        error = self.fails("invalid_argument", "analogy", "king - man + woman")
        self.assertIn("give candidates (--in FILE or COLLECTION)", error)
        error = self.fails("invalid_argument", "analogy", "#a - king", "-m", "words.txt")
        self.assertIn("'#a': expected a collection whose item it is", error)

    def test_questions_are_counted_by_section(self) -> None:
        self.write(
            "questions.txt",
            ": royalty\nMan King Woman Queen\nman prince woman princess\nman king woman apple\n"
            ": fruit\nking queen apple kiwi\nking queen\n",
        )
        result = self.run_program(
            "analogy", "--questions", "questions.txt", "-m", "words.txt", "--method", "all", "--json"
        )
        self.assertEqual(result.returncode, EXIT["partial"])
        self.assertIn("line 7: expected four words, found 2", result.stderr.decode())
        report = json.loads(result.stdout)
        royalty, fruit = report["sections"]
        self.assertEqual((royalty["questions"], royalty["asked"]), (3, 3))
        self.assertEqual(royalty["methods"]["3cosadd"]["right"], 2)
        self.assertAlmostEqual(royalty["methods"]["3cosadd"]["accuracy"], 2 / 3)
        self.assertEqual((fruit["questions"], fruit["asked"]), (1, 0))
        self.assertIsNone(fruit["methods"]["3cosmul"]["accuracy"])
        self.assertEqual(report["total"]["asked"], 3)

    def test_case_may_matter(self) -> None:
        self.write("questions.txt", "Man King Woman Queen\n")
        stdout, _ = self.ok("analogy", "--questions", "questions.txt", "-m", "words.txt", "--match-case", "--json")
        self.assertEqual(json.loads(stdout)["total"]["asked"], 0)

    def test_pairs_are_correlated_with_people_s_scores(self) -> None:
        self.write("pairs.tsv", "apple\tpear\t9.5\nking\tman\t5\nking\twoman\t1\nking\tkiwi\t3\n")
        stdout, _ = self.ok("analogy", "--pairs", "pairs.tsv", "-m", "words.txt", "--json")
        (report,) = json.loads(stdout)["files"]
        self.assertEqual((report["pairs"], report["known"]), (4, 3))
        self.assertAlmostEqual(report["spearman"], 1.0)

    def test_damaged_models_are_named_by_line(self) -> None:
        self.write("broken.txt", "a 1 2\nb 1\n")
        error = self.fails("corrupt", "embed", "words.txt", "-m", "broken.txt")
        self.assertIn("broken.txt: line 2: expected a word and 2 numbers, found 'b' and 1", error)

    def test_rows_without_known_words_are_warned_of(self) -> None:
        self.write("rows.txt", "a king\nnobody here\nqueen\n")
        _, stderr = self.ok("embed", "rows.txt", "-m", "words.txt", "-o", "rows.npy")
        self.assertIn("rows.txt:2: no word of it is known to the model: its vector is zero", stderr)
        self.assertNotIn("rows.txt:1", stderr)
        _, stderr = self.ok("embed", "rows.txt", "-m", "words.txt", "-o", "again.npy", "-v")
        self.assertIn("rows.txt:1: 1 of 2 words are unknown to the model", stderr)

    def test_models_show_says_how_texts_are_looked_up(self) -> None:
        stdout, _ = self.ok("models", "show", "words.txt")
        self.assertIn("word_vectors", stdout)
        self.assertIn("all in lower case, as texts are then looked up", stdout)


if __name__ == "__main__":
    unittest.main()
