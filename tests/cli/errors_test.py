"""Bad input: each gets one clear error that names the thing, what was expected and found, and its exit code."""

from __future__ import annotations

import json
import struct
import unittest
from pathlib import Path
from typing import Any

from support import EXIT, ROOT, CliTest, Golden


def rewrite_header(path: Path, change: dict[str, Any] | bytes, whole: bool = False) -> None:
    """Replaces the JSON header of a safetensors file; the tensors' bytes stay where they were."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    if isinstance(change, dict) and not whole:
        for name, values in change.items():
            header[name].update(values)
        text = json.dumps(header).encode()
    else:
        text = change if isinstance(change, bytes) else json.dumps(change).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])


class Inputs(CliTest):
    def test_a_file_that_is_not_there(self) -> None:
        self.fails("not_found", "embed", "nowhere.txt", "-o", "o.npy", says=["nowhere.txt"])
        self.fails("not_found", "tokenize", "nowhere.txt", says=["nowhere.txt"])

    def test_a_missing_input_is_found_before_the_model_is_looked_for(self) -> None:
        text = self.fails("not_found", "embed", "nowhere.txt", "-m", "no-such-model")
        self.assertNotIn("no-such-model", text)

    def test_a_folder_as_input(self) -> None:
        (self.folder / "texts").mkdir()
        self.fails("invalid_argument", "tokenize", "texts", says=["texts"])
        # A folder is one of images, which a text model does not take.
        static = ROOT / "tests" / "golden" / "static" / "f32"
        self.fails("unsupported", "embed", "texts", "-m", static, says=["image"])

    def test_inputs_of_both_kinds(self) -> None:
        self.write("a.txt", "a\n")
        self.write("b.jpg", "")
        self.fails("invalid_argument", "embed", "a.txt", "b.jpg", says=["a.txt (text)", "b.jpg (images)", "--kind"])

    def test_options_of_images_for_texts(self) -> None:
        self.write("a.txt", "a\n")
        self.write("a.npy", "")
        self.fails("invalid_argument", "embed", "a.txt", "--image-size", "32", says=["--image-size", "texts"])
        self.fails("usage", "embed", "a.txt", "--image-size", "32x", says=["--image-size", "32x"])
        self.fails("usage", "embed", "a.txt", "--list", "a.txt", says=["--list", "both"])
        self.fails("invalid_argument", "embed", "a.npy", says=["a.npy", "--preprocessed"])
        self.fails("invalid_argument", "embed", "a.txt", "--layer", "a", "--layer", "b", says=["no layers"])

    def test_a_column_that_is_not_there_names_those_that_are(self) -> None:
        self.write("in.csv", "title,body\na,b\n")
        self.fails("not_found", "embed", "in.csv", "--column", "text", says=["in.csv", "text", "title", "body"])

    def test_every_row_without_the_key(self) -> None:
        self.write("in.jsonl", '{"title": "a"}\n')
        done = self.run_program("embed", "in.jsonl", "--column", "body", "-o", "o.npy")
        self.assertEqual(done.returncode, EXIT["partial"])
        self.assertIn("body", done.stderr.decode())

    def test_an_output_of_unknown_kind(self) -> None:
        self.write("in.txt", "a\n")
        self.fails("invalid_argument", "embed", "in.txt", "-o", "o.parquet", says=["o.parquet", ".npy"])

    def test_an_output_that_is_a_folder_or_the_input(self) -> None:
        self.write("in.jsonl", '{"text": "a"}\n')
        (self.folder / "out").mkdir()
        self.fails("invalid_argument", "embed", "in.jsonl", "-o", "out", says=["out"])
        self.fails("invalid_argument", "embed", "in.jsonl", "-o", "in.jsonl", says=["in.jsonl"])

    def test_binary_files_are_no_rows_of_text(self) -> None:
        known = {
            "a Parquet file": b"PAR1\x15\x04\x15\x00",
            "a PDF document": b"%PDF-1.7\n1 0 obj\n",
            "a zip archive": b"PK\x03\x04\x14\x00\x06\x00",
            "a NumPy array": b"\x93NUMPY\x01\x00",
            "a safetensors file": struct.pack("<Q", 40) + b'{"a":',
            "an SQLite database": b"SQLite format 3\x00",
            "PNG image": b"\x89PNG\r\n\x1a\n\x00\x00",
        }
        for number, (name, content) in enumerate(known.items()):
            self.write(f"in{number}.txt", content + b"\nmore\n")
            self.fails("unsupported", "embed", f"in{number}.txt", "-o", "o.npy", says=[f"in{number}.txt", name])
        # A mark alone proves nothing.
        self.write("in.txt", "BMW builds cars\nMZ is short for Mainz\n")
        self.ok("embed", "in.txt", "-o", "o.npy")

    def test_a_value_that_is_no_number(self) -> None:
        self.fails(
            "usage", "search", "c", "x", "--min-score", "high", says=["--min-score: expected a number, found 'high'"]
        )
        self.fails(
            "usage",
            "collection",
            "tune",
            "c",
            "--recall",
            "2",
            says=["--recall: expected a number from 0 to 1, found '2'"],
        )

    def test_bytes_that_are_not_text_still_have_vectors(self) -> None:
        self.write("in.txt", b"\xc3\x00\xff\xfe\n\xf0\x9f\n")
        _, stderr = self.ok("embed", "in.txt", "-o", "o.npy")
        self.assertIn("2 rows, 0 failed", stderr)

    def test_texts_of_another_encoding_are_told_of(self) -> None:
        self.write("a.txt", "plain\nh\u00f4tel\n".encode())
        self.write("b.csv", "text\ncoffee\ncaf\u00e9 au lait\nna\u00efve\n".encode("latin-1"))
        _, stderr = self.ok("embed", "a.txt", "b.csv", "-o", "o.npy")
        self.assertIn("warning: 2 texts are not UTF-8 (the first: b.csv:3)", stderr)
        self.assertIn("iconv -f LATIN1 -t UTF-8", stderr)
        stdout, stderr = self.ok("add", "notes", "b.csv", "--json")
        self.assertEqual(json.loads(stdout)["ill_formed_texts"], 2)
        _, stderr = self.ok("embed", "a.txt", "-o", "p.npy")
        self.assertNotIn("UTF-8", stderr)

    def test_an_option_before_its_command_is_told_where_it_goes(self) -> None:
        self.fails("usage", "--quiet", "add", "notes", says=["expected behind the command", "asterism add ... --quiet"])

    def test_utf_16_is_named_with_the_way_out(self) -> None:
        self.write("in.txt", "hello\n".encode("utf-16"))
        self.fails("unsupported", "embed", "in.txt", says=["UTF-16", "iconv"])


class Models(CliTest):
    """A working checkpoint, damaged in one way at a time."""

    def setUp(self) -> None:
        super().setUp()
        self.model = self.copy_model("old_mean_normalize")
        self.weights = self.model / "model.safetensors"
        self.tokenizer = self.model / "tokenizer.json"

    def damaged(self, *codes: str, says: list[str]) -> str:
        done = self.run_program("embed", "-", "-m", "./model", "-o", "o.npy", stdin="hello\n")
        stderr = done.stderr.decode()
        self.assertIn(done.returncode, [EXIT[c] for c in codes], stderr)
        self.assertEqual(len([line for line in stderr.splitlines() if line.startswith("asterism: error: ")]), 1, stderr)
        for part in says:
            self.assertIn(part, stderr)
        self.assertEqual([p.name for p in self.folder.glob("o.*")], [])
        return stderr

    def edit(self, path: Path, **values: Any) -> None:
        content = json.loads(path.read_text(encoding="utf-8"))
        content.update(values)
        path.write_text(json.dumps(content), encoding="utf-8")

    def test_the_copy_works(self) -> None:
        self.ok("embed", "-", "-m", "./model", stdin="hello\n")

    def test_names_that_cannot_be(self) -> None:
        self.write("in.txt", "a\n")
        self.fails("invalid_argument", "embed", "in.txt", "-m", "org/../../etc", says=["org/../../etc"])
        self.fails("invalid_argument", "models", "pull", "a/b/c", says=["a/b/c"])
        self.fails("not_found", "embed", "in.txt", "-m", "./nowhere", says=["./nowhere"])
        self.fails(
            "not_found", "embed", "in.txt", "-m", "all-MiniLM-L6-v3", says=["all-MiniLM-L6-v3", "all-MiniLM-L6-v2"]
        )

    def test_no_network(self) -> None:
        self.write("in.txt", "a\n")
        self.fails("network", "embed", "in.txt", "-m", "org/model", says=["org/model"])
        # Not offline by choice: nobody answers on this port of this machine.
        endpoint = {
            "HF_HUB_OFFLINE": "0",
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "ASTERISM_PYPI_INDEX": "http://127.0.0.1:9/simple",
        }
        done = self.run_program("embed", "in.txt", "-m", "org/model", env=endpoint)
        self.assertEqual(done.returncode, EXIT["network"], done.stderr.decode())
        self.assertIn("127.0.0.1:9", done.stderr.decode())

    def test_a_folder_that_is_no_model(self) -> None:
        (self.folder / "empty").mkdir()
        self.fails("not_found", "embed", "-", "-m", "./empty", stdin="a\n", says=["empty", "config.json"])

    def test_each_file_missing(self) -> None:
        for path in (self.weights, self.tokenizer, self.model / "config.json"):
            with self.subTest(path.name):
                content = path.read_bytes()
                path.unlink()
                self.damaged("not_found", says=[path.name])
                path.write_bytes(content)

    def test_each_file_empty(self) -> None:
        for path in (self.weights, self.tokenizer, self.model / "config.json", self.model / "modules.json"):
            with self.subTest(path.name):
                content = path.read_bytes()
                path.write_bytes(b"")
                self.damaged("corrupt", says=[path.name])
                path.write_bytes(content)

    def test_each_file_cut_in_half(self) -> None:
        for path in (self.weights, self.tokenizer, self.model / "config.json"):
            with self.subTest(path.name):
                content = path.read_bytes()
                path.write_bytes(content[: len(content) // 2])
                self.damaged("corrupt", says=[path.name])
                path.write_bytes(content)

    def test_weights_of_another_type(self) -> None:
        self.weights.write_bytes(b"PK\x03\x04" + b"\0" * 4096)
        self.damaged("corrupt", "limit_exceeded", says=["model.safetensors"])

    def test_a_header_that_lies(self) -> None:
        content = self.weights.read_bytes()
        (size,) = struct.unpack("<Q", content[:8])
        name = next(n for n in json.loads(content[8 : 8 + size]) if n.endswith("word_embeddings.weight"))
        lies: dict[str, Any] = {
            "past the end": {name: {"data_offsets": [0, 1 << 40]}},
            "overlap": {name: {"data_offsets": [4, 8]}},
            "shape": {name: {"shape": [1 << 62, 4]}},
            "dtype": {name: {"dtype": "F31"}},
            "negative": {name: {"shape": [-1, 32]}},
        }
        for what, lie in lies.items():
            with self.subTest(what):
                rewrite_header(self.weights, lie)
                self.damaged("corrupt", "unsupported", says=["model.safetensors", name])
                self.weights.write_bytes(content)
        with self.subTest("length 2^63"):
            self.weights.write_bytes(struct.pack("<Q", 1 << 63) + content[8:])
            self.damaged("corrupt", "limit_exceeded", says=["model.safetensors"])

    def test_a_tensor_missing_one_too_many_and_one_misshaped(self) -> None:
        content = self.weights.read_bytes()
        (size,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + size])
        name = next(n for n in header if n.endswith("layer.1.output.dense.weight"))
        renamed = {("encoder.layer.1.output.dense.other" if k == name else k): v for k, v in header.items()}
        rewrite_header(self.weights, renamed, whole=True)
        self.damaged("mismatch", "corrupt", "unsupported", says=["output.dense"])
        self.weights.write_bytes(content)
        rewrite_header(self.weights, {name: {"shape": list(reversed(header[name]["shape"]))}})
        self.damaged("mismatch", says=["output.dense.weight"])

    def test_config_and_weights_that_disagree(self) -> None:
        self.edit(self.model / "config.json", num_hidden_layers=3)
        self.damaged("mismatch", "not_found", says=["layer.2"])
        self.edit(self.model / "config.json", num_hidden_layers=2, hidden_size=64)
        self.damaged("mismatch", "corrupt", says=["64"])

    def test_configurations_that_would_change_the_numbers(self) -> None:
        content = (self.model / "config.json").read_text(encoding="utf-8")
        for key, value in {
            "model_type": "t5",
            "hidden_act": "swish2",
            "position_embedding_type": "relative_key",
        }.items():
            with self.subTest(key):
                self.edit(self.model / "config.json", **{key: value})
                self.damaged("unsupported", says=["config.json", value])
                (self.model / "config.json").write_text(content, encoding="utf-8")

    def test_nan_weights(self) -> None:
        data = bytearray(self.weights.read_bytes())
        data[-4:] = struct.pack("<f", float("nan"))
        self.weights.write_bytes(bytes(data))
        self.damaged("corrupt", says=["NaN"])

    def test_a_tokenizer_of_another_kind_and_unknown_parts(self) -> None:
        whole = json.loads(self.tokenizer.read_text(encoding="utf-8"))
        for what, content in {
            "BogusPiece": {**whole, "model": {**whole["model"], "type": "BogusPiece"}},
            "Sparkle": {**whole, "normalizer": {"type": "Sparkle"}},
        }.items():
            with self.subTest(what):
                self.tokenizer.write_text(json.dumps(content), encoding="utf-8")
                self.damaged("unsupported", "corrupt", says=["tokenizer.json", what])
        self.tokenizer.write_text("[1, 2, 3]", encoding="utf-8")
        self.damaged("corrupt", says=["tokenizer.json"])
        self.tokenizer.write_text("[" * 100_000, encoding="utf-8")
        self.damaged("corrupt", "limit_exceeded", says=["tokenizer.json"])

    def test_pooling_modules_and_keys_that_are_unknown(self) -> None:
        self.edit(self.model / "1_Pooling" / "config.json", pooling_mode_magic=True)
        self.damaged("unsupported", says=["1_Pooling/config.json", "pooling_mode_magic"])
        modules = json.loads((self.model / "modules.json").read_text(encoding="utf-8"))
        modules[1]["type"] = "sentence_transformers.models.WordWeights"
        (self.model / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
        self.damaged("unsupported", says=["modules.json", "WordWeights"])

    def test_a_module_path_that_leaves_the_folder(self) -> None:
        modules = json.loads((self.model / "modules.json").read_text(encoding="utf-8"))
        modules[1]["path"] = "../../1_Pooling"
        (self.model / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
        self.damaged("invalid_argument", "corrupt", "unsupported", says=["modules.json", "../../1_Pooling"])

    def test_dim_and_length_past_what_the_model_has(self) -> None:
        self.fails("invalid_argument", "embed", "-", "-m", "./model", "--dim", "33", stdin="a\n", says=["33", "32"])
        self.fails(
            "invalid_argument", "embed", "-", "-m", "./model", "--max-length", "65", stdin="a\n", says=["65", "64"]
        )


class Limits(CliTest):
    def test_a_row_past_the_longest_is_that_rows_error(self) -> None:
        limit = 16 << 20
        self.write("in.txt", b"hello\n" + b"a" * (limit + 1) + b"\nhello\n")
        done = self.run_program("tokenize", "in.txt", "-m", str(Golden("old_mean_normalize").folder), "--json")
        self.assertEqual(done.returncode, EXIT["partial"])
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([("error" in row) for row in rows], [False, True, False])
        self.assertEqual(rows[1]["error"]["code"], "limit_exceeded")


if __name__ == "__main__":
    unittest.main()
