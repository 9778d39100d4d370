"""`asterism serve` as its clients see it: the routes of three dialects, limits, keys, bad requests, the end."""

from __future__ import annotations

import base64
import gzip
import json
import signal
import socket
import struct
import subprocess
import threading
import unittest
from typing import Any

from serve_support import PICTURE, ServeTest
from support import PATIENCE_S, PROGRAM, CliTest, environment


class Routes(ServeTest):
    def test_vectors_are_those_of_embed(self) -> None:
        self.write("t.txt", "a red coat\n")
        expected = json.loads(self.ok("embed", "t.txt", "-m", "builtin", "-o", "-", "--output-format", "jsonl")[0])
        vector = next(value for value in expected.values() if isinstance(value, list))
        status, answer = self.post("/embed", {"inputs": "a red coat"})
        self.assertEqual(status, 200)
        self.assertEqual(len(answer[0]), len(vector))
        for ours, theirs in zip(answer[0], vector, strict=True):
            self.assertAlmostEqual(ours, theirs, places=6)

    def test_three_dialects_give_the_same_vector(self) -> None:
        _, tei = self.post("/embed", {"inputs": ["a", "b c"]})
        status, answer = self.post("/v1/embeddings", {"input": ["a", "b c"], "model": "builtin"})
        self.assertEqual(status, 200)
        self.assertEqual([row["embedding"] for row in answer["data"]], tei)
        self.assertEqual([row["index"] for row in answer["data"]], [0, 1])
        self.assertGreaterEqual(answer["usage"]["prompt_tokens"], 3)
        _, packed = self.post("/v1/embeddings", {"input": "a", "model": "builtin", "encoding_format": "base64"})
        data = base64.b64decode(packed["data"][0]["embedding"])
        self.assertEqual([struct.unpack("<f", struct.pack("<f", x))[0] for x in tei[0]],
                         list(struct.unpack(f"<{len(data) // 4}f", data)))  # fmt: skip
        _, cohere = self.post("/v2/embed", {"texts": ["a", "b c"], "model": "builtin"})
        self.assertEqual(cohere["embeddings"]["float"], tei)
        self.assertEqual(cohere["texts"], ["a", "b c"])

    def test_cohere_s_bytes_are_scaled_by_the_dim_alone(self) -> None:
        types = ["float", "int8", "uint8"]
        _, answer = self.post("/v2/embed", {"texts": ["a red coat"], "embedding_types": types})
        found = answer["embeddings"]
        scale = 127 * len(found["float"][0]) ** 0.5 / 8
        for real, signed, unsigned in zip(found["float"][0], found["int8"][0], found["uint8"][0], strict=True):
            self.assertLessEqual(abs(max(-127.0, min(127.0, real * scale)) - signed), 0.51)
            self.assertEqual(unsigned, signed + 128)

    def test_dimensions_are_cut_before_the_length_is_made_one(self) -> None:
        _, whole = self.post("/embed", {"inputs": "a red coat", "normalize": False})
        _, cut = self.post("/embed", {"inputs": "a red coat", "dimensions": 16})
        length = sum(x * x for x in whole[0][:16]) ** 0.5
        for ours, raw in zip(cut[0], whole[0][:16], strict=True):
            self.assertAlmostEqual(ours, raw / length, places=6)
        _, same = self.post("/v2/embed", {"texts": "a red coat", "output_dimension": 16.0})
        self.assertEqual(same["embeddings"]["float"], cut)

    def test_pictures_by_bytes_form_and_data_uri(self) -> None:
        data = PICTURE.read_bytes()
        answers = [self.ask("POST", "/embed_image", data, content_type="image/jpeg")]
        form = b'--X\r\nContent-Disposition: form-data; name="f"; filename="p.jpg"\r\n\r\n' + data + b"\r\n--X--\r\n"
        answers.append(self.ask("POST", "/embed_image", form, content_type="multipart/form-data; boundary=X"))
        uri = "data:image/jpeg;base64," + base64.b64encode(data).decode()
        answers.append(self.ask("POST", "/embed_image", json.dumps({"inputs": [uri]}), content_type="application/json"))
        self.assertEqual([answer[0] for answer in answers], [200, 200, 200])
        self.assertEqual(len({answer[2] for answer in answers}), 1)

    def test_binary_answers(self) -> None:
        body = json.dumps({"inputs": ["a", "b"]})
        _, rows = self.post("/embed", {"inputs": ["a", "b"]})
        status, headers, data = self.ask("POST", "/embed", body, accept="application/octet-stream")
        self.assertEqual((status, headers["x-shape"]), (200, f"2,{len(rows[0])}"))
        for ours, theirs in zip(struct.unpack(f"<{len(data) // 4}f", data), rows[0] + rows[1], strict=True):
            self.assertAlmostEqual(ours, theirs, places=7)
        self.assertTrue(self.ask("POST", "/embed", body, accept="application/x-npy")[2].startswith(b"\x93NUMPY"))

    def test_similarity_info_models_and_metrics(self) -> None:
        inputs = {"source_sentence": "a cat", "sentences": ["a cat", "tax law"]}
        status, scores = self.post("/similarity", {"inputs": inputs})
        self.assertEqual(status, 200)
        self.assertAlmostEqual(scores[0], 1.0, places=5)
        self.assertLess(scores[1], 0.9)
        info = json.loads(self.ask("GET", "/info")[2])
        self.assertEqual((info["model_id"], info["max_client_batch_size"]), ("builtin", 2048))
        names = [model["id"] for model in json.loads(self.ask("GET", "/v1/models")[2])["data"]]
        self.assertEqual(names, ["builtin", "builtin-image"])
        text = self.ask("GET", "/metrics")[2].decode()
        self.assertIn('asterism_http_requests_total{route="/similarity",status="200"} 1', text)
        self.assertRegex(text, r"te_embed_success 1\n")
        status, headers, body = self.ask("HEAD", "/health")
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["content-length"]), 0)

    def test_compressed_bodies(self) -> None:
        body = gzip.compress(json.dumps({"inputs": "a"}).encode())
        self.assertEqual(self.ask("POST", "/embed", body, content_encoding="gzip")[0], 200)
        self.assertEqual(self.ask("POST", "/embed", body[:-5], content_encoding="gzip")[0], 400)
        self.assertEqual(self.ask("POST", "/embed", body, content_encoding="br")[0], 415)


class BadRequests(ServeTest):
    options = ("-m", "builtin", "-m", "builtin-image", "--body-mb", "1", "--client-rows", "8")

    def test_each_wrong_field_is_a_4xx_that_says_which(self) -> None:
        cases: list[tuple[str, Any, int, str]] = [
            ("/embed", {}, 422, "inputs"),
            ("/embed", {"inputs": []}, 400, "empty"),
            ("/embed", {"inputs": 3}, 422, "number"),
            ("/embed", {"inputs": ["a", None]}, 422, "entry 1"),
            ("/embed", {"inputs": "a", "normalize": "yes"}, 422, "normalize"),
            ("/embed", {"inputs": "a", "dimensions": 0}, 422, "dimensions"),
            ("/embed", {"inputs": "a", "dimensions": -5}, 422, "dimensions"),
            ("/embed", {"inputs": "a", "dimensions": 10**6}, 422, "dimensions"),
            ("/embed", {"inputs": "a", "dimensions": 1e400}, 400, "request body"),
            ("/embed", {"inputs": "a", "prompt_name": "none"}, 422, "prompt"),
            ("/embed", {"inputs": ["a"] * 9}, 422, "batch size 9 > maximum allowed batch size 8"),
            ("/embed", [1], 400, "object"),
            ("/v1/embeddings", {"input": "a", "model": "other"}, 404, "other"),
            ("/v1/embeddings", {"input": "a", "encoding_format": "hex"}, 400, "hex"),
            ("/v2/embed", {"texts": "a", "output_dimension": "x"}, 400, "output_dimension"),
            ("/v2/embed", {"texts": "a", "output_dimension": 0}, 400, "output_dimension"),
            ("/v2/embed", {"texts": ["a"], "truncate": "MIDDLE"}, 400, "MIDDLE"),
            ("/v2/embed", {"texts": "a", "embedding_types": ["int4"]}, 400, "int4"),
            ("/embed", {"inputs": "a", "dimensions": 1.5}, 422, "1.5"),
            ("/similarity", {"inputs": "a"}, 422, "`inputs`"),
            ("/similarity", {"inputs": {"sentences": ["a"]}}, 422, "source_sentence"),
            ("/similarity", {"inputs": {"source_sentence": ["a", "b"], "sentences": ["c"]}}, 422, "source_sentence"),
            ("/similarity", {"inputs": {"source_sentence": "a", "sentences": []}}, 400, "empty"),
            ("/embed_image?normalize=maybe", {"inputs": ["QQ=="]}, 422, "maybe"),
            ("/embed_image", {"inputs": ["http://127.0.0.1/x.png"]}, 422, "fetches no addresses"),
            ("/embed_image", {"inputs": ["!!"]}, 422, "base64"),
        ]
        for path, value, expected, word in cases:
            status, headers, body = self.ask("POST", path, json.dumps(value), content_type="application/json")
            self.assertEqual((status, word in body.decode()), (expected, True), (path, value, body))
            self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(self.ask("GET", "/health")[0], 200)

    def test_headers_that_cannot_be(self) -> None:
        body = json.dumps({"inputs": "a"})
        self.assertEqual(self.ask("POST", "/embed", body, x_timeout_ms="60000", x_priority="bulk")[0], 200)
        for headers in (
            {"x_timeout_ms": "0"},
            {"x_timeout_ms": "-1"},
            {"x_timeout_ms": "soon"},
            {"x_priority": "first"},
        ):
            status, _, answer = self.ask("POST", "/embed", body, **headers)
            self.assertEqual(status, 422)
            self.assertIn(next(iter(headers)).replace("_", "-"), json.loads(answer)["error"])

    def test_what_is_no_json_text_or_picture(self) -> None:
        deep = b'{"inputs":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
        for body in (b"", b"{", b'{"inputs":"\xff"}', deep, b'{"inputs":NaN}', b"\x00" * 100):
            status, _, answer = self.ask("POST", "/embed", body)
            self.assertIn(status, (400, 422), body[:40])
            self.assertIn("error", json.loads(answer))
        for picture in (b"", b"text", PICTURE.read_bytes()[:500]):
            self.assertIn(self.ask("POST", "/embed_image", picture, content_type="image/jpeg")[0], (400, 422))

    def test_limits_and_broken_http(self) -> None:
        self.assertEqual(self.ask("POST", "/embed", b"x" * (1 << 20) + b"x")[0], 413)
        bomb = gzip.compress(b" " * (8 << 20))
        self.assertEqual(self.ask("POST", "/embed", bomb, content_encoding="gzip")[0], 413)
        self.assertEqual(self.ask("GET", "/nowhere")[0], 404)
        status, headers, _ = self.ask("DELETE", "/")
        self.assertEqual((status, headers["allow"]), (405, "GET, HEAD, POST"))
        self.assertIn(b" 400 ", self.raw(b"NONSENSE\r\n\r\n"))
        self.assertIn(b" 431 ", self.raw(b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"))
        head = b"POST /embed HTTP/1.1\r\nhost: x\r\n"
        self.assertIn(b" 400 ", self.raw(head + b"content-length: -3\r\n\r\n"))
        self.assertIn(b" 400 ", self.raw(head + b"transfer-encoding: chunked\r\n\r\nzz\r\n"))
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(head + b"content-length: 1000\r\n\r\nabc")
        self.assertEqual(self.ask("GET", "/health")[0], 200)


class Keys(ServeTest):
    def setUp(self) -> None:
        CliTest.setUp(self)
        keys = self.write("keys.txt", "reader read reader-key-1\nslow read slow-key-12 1\n")
        self.options = ("--api-key-file", str(keys))
        super().setUp()

    def test_keys(self) -> None:
        body = json.dumps({"inputs": "a"})
        status, _, answer = self.ask("POST", "/embed", body)
        self.assertEqual((status, json.loads(answer)["error_type"]), (401, "Unauthorized"))
        self.assertEqual(self.ask("POST", "/embed", body, authorization="Bearer wrong-key-99")[0], 401)
        self.assertEqual(self.ask("POST", "/embed", body, authorization="Bearer reader-key-1")[0], 200)
        self.assertEqual(self.ask("GET", "/health")[0], 200)
        self.assertEqual(self.ask("GET", "/info")[0], 401)
        # One a second and two at once: the third is refused, or a later one where the machine takes seconds for each.
        statuses = (self.ask("POST", "/embed", body, authorization="Bearer slow-key-12")[0] for _ in range(100))
        self.assertIn(429, statuses)


class LifeAndDeath(ServeTest):
    options = ("-m", "builtin-image")

    def test_sigterm_finishes_what_is_in_flight_and_ends_with_zero(self) -> None:
        data = PICTURE.read_bytes()
        uri = "data:image/jpeg;base64," + base64.b64encode(data).decode()
        body = json.dumps({"inputs": [uri] * 64}).encode()
        idle = socket.create_connection(("127.0.0.1", self.port))
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            head = f"POST /embed_image HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
            connection.sendall(f"{head}content-type: application/json\r\nexpect: 100-continue\r\n\r\n".encode())
            # From here on the server has the request.
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 100 "))
            connection.sendall(body)
            self.process.send_signal(signal.SIGTERM)
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(self.process.wait(timeout=PATIENCE_S), 0)
        idle.close()

    def test_many_clients_at_once(self) -> None:
        data = PICTURE.read_bytes()
        statuses: list[int] = []

        def client() -> None:
            statuses.extend(self.ask("POST", "/embed_image", data, content_type="image/jpeg")[0] for _ in range(20))

        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(statuses), {200})
        self.assertEqual(len(statuses), 320)


class LocalSocket(ServeTest):
    def test_answers_there_and_leaves_no_file(self) -> None:
        path = self.folder / "s.sock"
        with subprocess.Popen(
            [PROGRAM, "serve", "--no-tcp", "--unix-socket", str(path)],
            stderr=subprocess.PIPE, text=True, env=environment(self.folder),
        ) as server:  # fmt: skip
            assert server.stderr
            self.assertIn("unix:", server.stderr.readline())
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(path))
                connection.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                self.assertIn(b"200 OK", connection.recv(4096))
            server.send_signal(signal.SIGINT)
            self.assertEqual(server.wait(timeout=PATIENCE_S), 0)
        self.assertFalse(path.exists())

    def test_an_address_in_use_is_named(self) -> None:
        self.fails("io", "serve", "--port", str(self.port))


if __name__ == "__main__":
    unittest.main()
