"""`asterism tokenize`: ids, tokens and byte offsets, for every kind of input."""

from __future__ import annotations

import json
import time
import unittest

from support import EXIT, CliTest, Golden, read_jsonl


class Tokenize(CliTest):
    def setUp(self) -> None:
        super().setUp()
        self.golden = Golden("old_mean_normalize")
        self.model = ["-m", str(self.golden.folder)]
        self.vocabulary: dict[str, int] = json.loads(
            (self.golden.folder / "tokenizer.json").read_text(encoding="utf-8")
        )["model"]["vocab"]

    def test_ids_tokens_and_offsets_belong_together(self) -> None:
        text = "The river is long, Straße 中 hello"
        stdout, _ = self.ok("tokenize", "-", *self.model, "--json", stdin=text + "\n")
        (row,) = read_jsonl(stdout)
        self.assertEqual(list(row), ["ids", "tokens", "offsets"])
        self.assertEqual(row["tokens"][0], "[CLS]")
        self.assertEqual(row["tokens"][-1], "[SEP]")
        self.assertEqual(row["offsets"][0], [0, 0])
        self.assertEqual([self.vocabulary[t] for t in row["tokens"]], row["ids"])
        raw = text.encode()
        for token, (begin, end) in zip(row["tokens"], row["offsets"], strict=True):
            if token.isascii() and not token.startswith(("[", "##")):
                self.assertEqual(raw[begin:end].decode().lower(), token)
        self.assertEqual(raw[slice(*row["offsets"][row["tokens"].index("hello")])], b"hello")

    def test_counts_are_the_original_librarys(self) -> None:
        stdout, _ = self.ok("tokenize", "-", "--format", "jsonl", *self.model, "--json", stdin=self.golden.jsonl())
        rows = read_jsonl(stdout)
        self.assertEqual([len(row["ids"]) for row in rows], self.golden.runs["plain"]["token_count_given"])
        self.assertEqual([row["id"] for row in rows], [f"t{i}" for i in range(12)])

    def test_options(self) -> None:
        stdout, _ = self.ok("tokenize", "-", *self.model, "--json", "--no-special-tokens", stdin="hello\n")
        self.assertEqual(read_jsonl(stdout)[0]["tokens"], ["hello"])
        stdout, _ = self.ok("tokenize", "-", *self.model, "--json", "--max-length", "4", stdin="the river is long\n")
        row = read_jsonl(stdout)[0]
        self.assertEqual(row["tokens"], ["[CLS]", "the", "river", "[SEP]"])
        self.assertEqual(row["token_count_given"], 6)

    def test_files_and_columns(self) -> None:
        self.write("in.csv", "n,body\n1,hello\n2,the river\n")
        self.write("in.jsonl", '{"body": "hello"}\n{"body": "the river"}\n')
        self.write("in.txt", "hello\nthe river\n")
        from_csv, _ = self.ok("tokenize", "in.csv", "--column", "body", *self.model, "--json")
        from_jsonl, _ = self.ok("tokenize", "in.jsonl", "--column", "body", *self.model, "--json")
        from_lines, _ = self.ok("tokenize", "in.txt", *self.model, "--json")
        self.assertEqual(from_csv, from_lines)
        self.assertEqual(from_jsonl, from_lines)

    def test_for_people(self) -> None:
        stdout, _ = self.ok("tokenize", "-", *self.model, stdin="the river\n\n")
        self.assertEqual(stdout, "-:1  4 tokens  [CLS] the river [SEP]\n-:2  2 tokens  [CLS] [SEP]\n")

    def test_a_failed_row_is_an_error_object_in_its_place_and_the_job_goes_on(self) -> None:
        done = self.run_program(
            "tokenize", "-", "--format", "jsonl", *self.model, "--json", stdin='{"text":"hello"}\n{\n{"text":"hello"}\n'
        )
        self.assertEqual(done.returncode, EXIT["partial"])
        first, second, third = read_jsonl(done.stdout.decode())
        self.assertEqual(first, third)
        self.assertEqual((second["line"], second["source"], second["error"]["code"]), (2, "-", "corrupt"))

    def test_lower_casing_asked_for_by_the_folder_is_applied(self) -> None:
        cased = Golden("do_lower_case")
        text = "THE WEATHER in The North"
        stdout, _ = self.ok("tokenize", "-", "-m", str(cased.folder), "--json", stdin=text + "\n" + text.lower() + "\n")
        upper, lower = read_jsonl(stdout)
        self.assertEqual(upper["ids"], lower["ids"])

    def test_the_built_in_model_is_the_default_and_starts_at_once(self) -> None:
        times: list[float] = []
        while not times or (min(times) >= 2.0 and len(times) < 8):  # a machine that stalls does not do so every time
            begin = time.monotonic()
            stdout, _ = self.ok("tokenize", "-", "--json", stdin="hello world\n")
            times.append(time.monotonic() - begin)
        self.assertLess(min(times), 2.0)
        row = read_jsonl(stdout)[0]
        self.assertEqual(len(row["ids"]), len(row["offsets"]))
        self.assertIn([0, 5], row["offsets"])

    def test_needs_no_weights(self) -> None:
        model = self.copy_model("old_mean_normalize")
        (model / "model.safetensors").unlink()
        stdout, _ = self.ok("tokenize", "-", "-m", model, "--json", stdin="hello\n")
        self.assertEqual(read_jsonl(stdout)[0]["tokens"], ["[CLS]", "hello", "[SEP]"])


if __name__ == "__main__":
    unittest.main()
