"""`asterism serve` with transformers: tokens, prompts, models of texts and pictures, several models in memory."""

from __future__ import annotations

import base64
import json
import unittest
from typing import Any

from serve_support import PICTURE, ServeTest
from support import ROOT, CliTest

GOLDEN = ROOT / "tests" / "golden"
TEXT_MODEL = str(GOLDEN / "sentence_transformers" / "old_mean_normalize")
PROMPT_MODEL = str(GOLDEN / "sentence_transformers" / "prompt_excluded")
CLIP = str(GOLDEN / "dual_models" / "clip")
TEXTS = ["hello", "the river is long", "an old man with bread"]


class ModelTest(ServeTest):
    def ok_post(self, path: str, value: Any, **headers: str) -> Any:
        status, answer = self.post(path, value, **headers)
        self.assertEqual(status, 200, answer)
        return answer

    def assert_near(self, ours: list[float], theirs: list[float], tolerance: float = 1e-5) -> None:
        self.assertEqual(len(ours), len(theirs))
        for a, b in zip(ours, theirs, strict=True):
            self.assertAlmostEqual(a, b, delta=tolerance)

    def embed_with_cli(self, texts: list[str], *options: str) -> list[list[float]]:
        self.write("t.txt", "".join(text + "\n" for text in texts))
        out = self.ok("embed", "t.txt", "-o", "-", "--output-format", "jsonl", "--precision", "f32", *options)[0]
        rows = [json.loads(line) for line in out.splitlines()]
        return [next(value for value in row.values() if isinstance(value, list)) for row in rows]


class Tokens(ModelTest):
    options = ("-m", TEXT_MODEL, "--precision", "f32")

    def test_ids_of_tokenize_give_the_vector_of_the_text(self) -> None:
        pieces = self.ok_post("/tokenize", {"inputs": TEXTS})
        ids = [[piece["id"] for piece in text] for text in pieces]
        whole = self.ok_post("/embed", {"inputs": TEXTS})
        for ours, theirs in zip(self.ok_post("/embed", {"inputs": ids}), whole, strict=True):
            self.assert_near(ours, theirs)
        self.assert_near(self.ok_post("/embed", {"inputs": ids[0]})[0], whole[0])
        answer = self.ok_post("/v1/embeddings", {"input": ids, "model": "any"})
        self.assertEqual(answer["usage"]["prompt_tokens"], sum(len(text) for text in ids))
        for row, theirs in zip(answer["data"], whole, strict=True):
            self.assert_near(row["embedding"], theirs)
        for ours, theirs in zip(whole, self.embed_with_cli(TEXTS, "-m", TEXT_MODEL), strict=True):
            self.assert_near(ours, theirs)

    def test_pieces_say_where_they_stand(self) -> None:
        text = "Rain 😀 and the river"
        pieces = self.ok_post("/tokenize", {"inputs": text})[0]
        self.assertEqual((pieces[0]["special"], pieces[0]["start"], pieces[0]["stop"]), (True, None, None))
        for piece in pieces[1:-1]:
            self.assertEqual(piece["text"], text[piece["start"] : piece["stop"]])
        bare = self.ok_post("/tokenize", {"inputs": text, "add_special_tokens": False})[0]
        self.assertEqual([piece["id"] for piece in bare], [piece["id"] for piece in pieces[1:-1]])
        ids = [piece["id"] for piece in pieces]
        self.assertEqual(self.ok_post("/decode", {"ids": ids}), self.ok_post("/decode", {"ids": [ids[1:-1]]}))
        self.assertIn("[CLS]", self.ok_post("/decode", {"ids": ids, "skip_special_tokens": False})[0])

    def test_tokens_have_vectors_whose_mean_is_the_text_s(self) -> None:
        whole = self.ok_post("/embed", {"inputs": TEXTS, "normalize": False})
        for vectors, theirs in zip(self.ok_post("/embed_all", {"inputs": TEXTS}), whole, strict=True):
            mean = [sum(column) / len(vectors) for column in zip(*vectors, strict=True)]
            self.assert_near(mean, theirs)

    def test_an_array_of_tokens_needs_texts_of_one_length(self) -> None:
        body = json.dumps({"inputs": TEXTS})
        for accept in ("application/x-npy", "application/octet-stream"):
            status, _, answer = self.ask("POST", "/embed_all", body, accept=accept)
            self.assertEqual(status, 406, answer)
            self.assertIn("application/vnd.apache.arrow.stream", json.loads(answer)["error"])
        one = json.dumps({"inputs": [TEXTS[1], TEXTS[1]]})
        told = self.ok_post("/embed_all", {"inputs": [TEXTS[1]]})[0]
        shape = (2, len(told), len(told[0]))
        status, headers, answer = self.ask("POST", "/embed_all", one, accept="application/octet-stream")
        self.assertEqual((status, headers["x-shape"]), (200, "{},{},{}".format(*shape)))
        self.assertEqual(len(answer), 4 * shape[0] * shape[1] * shape[2])
        status, _, npy = self.ask("POST", "/embed_all", one, accept="application/x-npy")
        self.assertEqual(status, 200)
        self.assertIn("'shape': ({}, {}, {})".format(*shape).encode(), npy[:128])
        self.assertTrue(npy.endswith(answer))

    def test_long_texts_are_cut_where_one_asks_or_refused(self) -> None:
        words = ["river", "night", "stone", "garden"] * 200
        text, reverse = " ".join(words), " ".join(reversed(words))
        right = self.ok_post("/embed", {"inputs": [text]})[0]
        left = self.ok_post("/embed", {"inputs": [text], "truncation_direction": "Left"})[0]
        self.assertNotEqual(right, left)
        status, answer = self.post("/embed", {"inputs": [text], "truncate": False})
        self.assertEqual((status, answer["error_type"]), (422, "Validation"))
        self.assertRegex(answer["error"], r"must have less than \d+ tokens. Given: \d{3}")
        self.assertEqual(self.post("/v2/embed", {"texts": [text], "truncate": "NONE"})[0], 400)
        cohere = self.ok_post("/v2/embed", {"texts": [text, reverse], "truncate": "START"})
        self.assertEqual(len(cohere["embeddings"]["float"]), 2)
        ids = [piece["id"] for piece in self.ok_post("/tokenize", {"inputs": text})[0]]
        self.assertGreater(len(ids), 500)
        self.assertEqual(self.post("/embed", {"inputs": ids})[0], 422)

    def test_much_text_is_tokenised_beside_the_connections(self) -> None:
        texts = [f"{i} " + "the river and the night " * 8 for i in range(300)]
        status, headers, body = self.ask("POST", "/embed", json.dumps({"inputs": texts}))
        self.assertEqual(status, 200)
        self.assertEqual(len(json.loads(body)), 300)
        self.assertGreater(int(headers["x-compute-tokens"]), 300 * 20)
        self.assertEqual(self.ask("POST", "/tokenize", json.dumps({"inputs": texts}))[0], 200)


class Prompts(ModelTest):
    options = ("-m", PROMPT_MODEL, "--precision", "f32")

    def test_prompts_that_pooling_leaves_out_are_as_the_original_has_them(self) -> None:
        plain = self.ok_post("/embed", {"inputs": TEXTS, "normalize": False})
        expected = self.embed_with_cli(TEXTS, "-m", PROMPT_MODEL, "--no-normalize", "--prompt", "query")
        asked = self.ok_post("/embed", {"inputs": TEXTS, "normalize": False, "prompt_name": "query"})
        for ours, theirs, without in zip(asked, expected, plain, strict=True):
            self.assert_near(ours, theirs)
            self.assertNotEqual(ours, without)
        cohere = self.ok_post("/v2/embed", {"texts": TEXTS, "input_type": "search_query"})["embeddings"]["float"]
        document = self.ok_post("/v2/embed", {"texts": TEXTS, "input_type": "search_document"})["embeddings"]["float"]
        self.assertNotEqual(cohere, document)
        pieces = self.ok_post("/tokenize", {"inputs": "hello", "prompt_name": "query"})[0]
        self.assertGreater(len(pieces), len(self.ok_post("/tokenize", {"inputs": "hello"})[0]))


class Both(ModelTest):
    options = ("-m", TEXT_MODEL, "-m", CLIP, "--precision", "f32")

    def uri(self) -> str:
        return "data:image/jpeg;base64," + base64.b64encode(PICTURE.read_bytes()).decode()

    def test_pictures_are_parts_of_a_request(self) -> None:
        parts: list[Any] = [
            {"type": "text", "text": "a river"},
            {"type": "image_url", "image_url": {"url": self.uri()}},
            {"image": self.uri()},
            "a night",
        ]
        answer = self.ok_post("/v1/embeddings", {"input": parts})
        self.assertEqual(answer["model"], CLIP)
        rows = [row["embedding"] for row in answer["data"]]
        self.assertEqual(rows[1], rows[2])
        picture = json.loads(self.ask("POST", "/embed_image", PICTURE.read_bytes(), content_type="image/jpeg")[2])[0]
        self.assert_near(rows[1], picture)
        texts = self.ok_post("/embed", {"inputs": ["a river", "a night"], "model": CLIP})
        self.assert_near(rows[0], texts[0])
        self.assert_near(rows[3], texts[1])
        message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": self.uri()}}]}
        self.assert_near(self.ok_post("/v1/embeddings", {"messages": [message]})["data"][0]["embedding"], picture)
        message["content"] = [parts[0], parts[1]]
        status, refused = self.post("/v1/embeddings", {"messages": [message]})
        self.assertEqual((status, "one part" in refused["error"]["message"]), (400, True))
        self.assertEqual(self.post("/v1/embeddings", {"input": [{"audio": "x"}]})[0], 400)
        cohere = self.ok_post("/v2/embed", {"images": [self.uri()], "input_type": "image"})
        self.assert_near(cohere["embeddings"]["float"][0], picture)

    def test_tokens_of_clip_are_as_wide_as_its_last_layer(self) -> None:
        texts = ["a red coat", "a", "tax law and so on"]
        rows = self.ok_post("/embed_all", {"inputs": texts, "model": CLIP})
        for text, vectors in zip(texts, rows, strict=True):
            alone = self.ok_post("/embed_all", {"inputs": [text], "model": CLIP})[0]
            self.assertEqual({len(vector) for vector in vectors}, {32})
            for ours, theirs in zip(vectors, alone, strict=True):
                self.assert_near(ours, theirs)

    def test_classes_are_the_softmax_of_clip(self) -> None:
        labels = ["a cat", "a river", "a shoe"]
        body = {"images": [self.uri()], "labels": labels, "template": "a photo of {}"}
        status, headers, answer = self.ask("POST", "/classify", json.dumps(body))
        self.assertEqual((status, headers["x-score"]), (200, "softmax"))
        classes = json.loads(answer)[0]
        self.assertAlmostEqual(sum(entry["score"] for entry in classes), 1.0, places=6)
        self.assertEqual(sorted(entry["label"] for entry in classes), sorted(labels))
        self.assertEqual([c["score"] for c in classes], sorted((c["score"] for c in classes), reverse=True))
        best = self.ok_post("/classify", {**body, "top_k": 1})[0]
        self.assertEqual(best, classes[:1])
        several = self.ok_post("/classify", {**body, "template": ["a photo of {}", "a drawing of {}"]})[0]
        self.assertNotEqual(several, classes)
        wrongs: list[dict[str, Any]] = [
            {"labels": []},
            {"template": "no gap"},
            {"top_k": -1},
            {"labels": [3]},
            {"images": ["!!"]},
        ]
        for wrong in wrongs:
            self.assertIn(self.post("/classify", {**body, **wrong})[0], (400, 422), wrong)

    def test_a_model_that_is_not_there_costs_only_its_requests(self) -> None:
        self.assertEqual(self.post("/embed", {"inputs": "a", "model": "nowhere"})[0], 404)
        self.assertEqual(self.post("/embed", {"inputs": "a"})[0], 200)


class Formats(ModelTest):
    options = ("-m", TEXT_MODEL)

    def test_cohere_types_are_of_the_same_values(self) -> None:
        types = ["float", "base64", "ubinary", "binary"]
        found = self.ok_post("/v2/embed", {"texts": TEXTS, "embedding_types": types})["embeddings"]
        for row, unsigned, signed in zip(found["float"], found["ubinary"], found["binary"], strict=True):
            bits = "".join("1" if value > 0 else "0" for value in row)
            expected = [int(bits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(bits), 8)]
            self.assertEqual(unsigned, expected)
            self.assertEqual(signed, [value - 128 for value in expected])
        self.assertEqual(self.post("/v2/embed", {"texts": TEXTS, "embedding_types": ["int4"]})[0], 400)
        self.assertEqual(self.post("/v2/embed", {"texts": TEXTS, "images": ["QQ=="]})[0], 400)

    def test_arrow_stream_has_the_values_of_the_answer(self) -> None:
        body = json.dumps({"inputs": TEXTS})
        raw = self.ask("POST", "/embed", body, accept="application/octet-stream")[2]
        status, headers, stream = self.ask("POST", "/embed", body, accept="application/vnd.apache.arrow.stream")
        self.assertEqual((status, headers["content-type"]), (200, "application/vnd.apache.arrow.stream"))
        self.assertTrue(stream.startswith(b"\xff\xff\xff\xff"))
        self.assertTrue(stream.endswith(b"\xff\xff\xff\xff\0\0\0\0"))
        self.assertIn(raw, stream)


class ModelsOfCollections(ModelTest):
    """A collection that lay there names a model that the server was not started with."""

    def setUp(self) -> None:
        CliTest.setUp(self)
        self.write("t.txt", "".join(text + "\n" for text in TEXTS))
        self.ok("add", "collections/notes", "t.txt", "-m", TEXT_MODEL)
        self.start()
        self.addCleanup(self.end)

    def arguments(self) -> tuple[str, ...]:
        store = str(self.folder / "collections")
        return ("-m", PROMPT_MODEL, "-m", "builtin", "--precision", "f32", "--memory-mb", "1", "--collections", store)

    def models(self) -> list[tuple[str, str, str]]:
        models = json.loads(self.ask("GET", "/info")[2])["models"]
        return [(model["name"], model["of"], model["state"]) for model in models]

    def test_it_is_listed_but_no_client_may_name_it(self) -> None:
        self.assertEqual([model[1] for model in self.models()], ["server", "server"])
        hits = self.ok_post("/v1/collections/notes/search", {"text": TEXTS[1], "k": 1})["hits"]
        self.assertEqual(hits[0]["content"], TEXTS[1])
        self.assertEqual(self.models()[2], (TEXT_MODEL.rsplit("/", 1)[1], "collections", "loaded"))
        health = json.loads(self.ask("GET", "/health")[2])
        self.assertEqual((health["status"], sum(health["models"].values())), ("ok", 3))
        self.assertNotIn(str(GOLDEN), json.dumps(health))
        status, answer = self.post("/embed", {"inputs": "a", "model": TEXT_MODEL})
        self.assertEqual(status, 404, answer)
        listed = json.loads(self.ask("GET", "/v1/models")[2])["data"]
        self.assertEqual([model["id"] for model in listed], [PROMPT_MODEL, "builtin"])
        self.assertIn('asterism_models{state="loaded"}', self.ask("GET", "/metrics")[2].decode())


if __name__ == "__main__":
    unittest.main()
