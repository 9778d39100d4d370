"""Collections and jobs of `asterism serve` as clients see them: words, progress, bad requests, and kills."""

from __future__ import annotations

import base64
import http.client
import json
import re
import shutil
import signal
import struct
import subprocess
import threading
import time
import unittest
from pathlib import Path
from typing import Any

from serve_support import CollectionServeTest
from support import EXAMPLES, PATIENCE_S, ROOT, CliTest

TEXTS = EXAMPLES / "texts.jsonl"
PICTURES = sorted((EXAMPLES / "images").rglob("*.jpg"))
NDJSON = "application/x-ndjson"


class ServedCollections(CollectionServeTest):
    def add_file(self, collection: str, body: bytes, content_type: str = NDJSON, query: str = "") -> list[Any]:
        status, headers, answer = self.ask("POST", f"{collection}/items{query}", body, content_type=content_type)
        self.assertEqual(status, 200, answer)
        self.assertEqual(headers["content-type"], NDJSON)
        self.assertEqual(headers["transfer-encoding"], "chunked")
        return [json.loads(line) for line in answer.splitlines()]


class Words(ServedCollections):
    def test_the_same_answers_as_the_command_line(self) -> None:
        notes = self.create(columns=["category"])
        lines = self.add_file(notes, TEXTS.read_bytes())
        self.assertEqual((lines[0]["done"], lines[0]["size_bytes"]), (400, TEXTS.stat().st_size))
        self.assertEqual(lines[-1]["summary"]["added"], 400)
        self.assertEqual((lines[-1]["errors"], lines[-1]["errors_left_out"]), ([], 0))
        self.ok("add", "own", str(TEXTS), "-m", "builtin")
        for options, request in (
            ((), {}),
            (("--filter", "category = 'astronomy'"), {"filter": "category = 'astronomy'"}),
            (("--hybrid",), {"hybrid": True}),
            (("--group-by", "category"), {"group_by": "category"}),
            (("--diversity", "0.5"), {"diversity": 0.5}),
            (("--min-score", "0.4"), {"score_limit": 0.4}),
            (("--unlike", "a rocket"), {"unlike": ["a rocket"]}),
        ):
            text = "a small bright thing in the sky"
            told = json.loads(self.ok("search", "own", text, "-k", "5", "--json", *options)[0])
            answer = self.post_json(f"{notes}/search", {"text": text, "k": 5, **request})
            self.assertEqual([hit["id"] for hit in answer["hits"]], [hit["id"] for hit in told["hits"]], options)
            for ours, theirs in zip(answer["hits"], told["hits"], strict=True):
                self.assertAlmostEqual(ours["score"], theirs["score"], places=5)
                self.assertEqual((ours["content"], ours["metadata"]), (theirs["content"], theirs["metadata"]))

    def test_items_one_by_one(self) -> None:
        notes = self.create()
        items = [
            {"id": "a/b", "text": "a red coat", "metadata": {"price": 3}},
            {"id": "b", "text": "the moon"},
            {"id": "b", "text": "the sun"},
            {"id": "c", "vector": [1.0, 2.0]},
        ]
        answer = self.post_json(f"{notes}/items", items, 207)
        self.assertEqual((answer["added"], answer["failed"]), (2, 1))
        self.assertIn("256 components", answer["errors"][0]["error"]["message"])
        self.assertEqual(self.post_json(f"{notes}/items", {"items": items[:1]})["unchanged"], 1)
        self.assertEqual(self.get(f"{notes}/items/a%2Fb")["metadata"], {"price": 3})
        self.assertEqual(self.get(f"{notes}/items/b?include=content")["content"], "the sun")
        vector = self.get(f"{notes}/items/b?include=vector")["vector"]
        self.assertEqual(self.post_json(f"{notes}/search", {"vector": vector, "k": 1})["hits"][0]["id"], "b")
        self.assertEqual(self.post_json(f"{notes}/search", {"id": "b", "k": 1})["hits"][0]["id"], "a/b")
        got = self.post_json(f"{notes}/items/get", {"ids": ["b", "none"]})["items"]
        self.assertEqual((got[0]["id"], got[1]), ("b", None))
        self.assertEqual(self.ask("GET", f"{notes}/items/none")[0], 404)
        self.assertEqual(self.ask("DELETE", f"{notes}/items/a%2Fb")[0], 200)
        self.assertEqual(self.ask("DELETE", f"{notes}/items/a%2Fb")[0], 404)
        deleted = self.post_json(f"{notes}/items/delete", {"ids": ["b", "none"], "dry_run": True})
        self.assertEqual(deleted, {"deleted": 0, "matched": 1, "not_found": ["none"]})
        self.assertEqual(self.get(notes)["items"], 1)

    def test_versions(self) -> None:
        notes = self.create()
        self.add_file(notes, TEXTS.read_bytes())
        self.assertEqual(self.post_json(f"{notes}/versions", {"name": "monday"}, 201)["items"], 400)
        self.assertIn("monday", self.post_json(f"{notes}/versions", {"name": "monday"}, 409)["error"]["message"])
        deleted = self.post_json(f"{notes}/items/delete", {"filter": "category = 'banking'"})
        self.assertEqual(deleted["deleted"], 40)
        asked = {"text": "my card was stolen", "k": 1}
        then = self.post_json(f"{notes}/search", {**asked, "version": "monday"})["hits"][0]
        self.assertEqual(then["metadata"]["category"], "banking")
        self.assertNotEqual(self.post_json(f"{notes}/search", asked)["hits"][0]["id"], then["id"])
        self.assertEqual([v["name"] for v in self.get(f"{notes}/versions")["versions"]], ["monday"])
        self.assertEqual(self.ask("POST", f"{notes}/versions/monday/restore")[0], 200)
        self.assertEqual(self.post_json(f"{notes}/search", asked)["hits"][0]["id"], then["id"])
        self.assertEqual(self.ask("DELETE", f"{notes}/versions/monday")[0], 200)
        self.assertEqual(self.ask("DELETE", f"{notes}/versions/monday")[0], 404)

    def test_pictures_by_form_bytes_and_data_uri(self) -> None:
        photos = self.create("photos", model="builtin-image")
        parts = [b'--X\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"p0.jpg": {"seen": true}}\r\n']
        for i, picture in enumerate(PICTURES[:4]):
            head = f'--X\r\nContent-Disposition: form-data; name="f"; filename="p{i}.jpg"\r\n\r\n'.encode()
            parts.append(head + picture.read_bytes() + b"\r\n")
        lines = self.add_file(photos, b"".join(parts) + b"--X--\r\n", "multipart/form-data; boundary=X")
        self.assertEqual(lines[-1]["summary"]["added"], 4)
        one = self.add_file(photos, b"no picture", "image/png", "?id=broken")
        self.assertEqual((one[-1]["summary"]["failed"], one[-1]["errors"][0]["row"]), (1, "broken"))
        data = PICTURES[0].read_bytes()
        status, _, body = self.ask("POST", f"{photos}/search?k=1", data, content_type="image/jpeg")
        self.assertEqual((status, json.loads(body)["hits"][0]["id"]), (200, "p0.jpg"))
        uri = "data:image/jpeg;base64," + base64.b64encode(data).decode()
        self.assertEqual(
            self.post_json(f"{photos}/search", {"image": uri, "k": 1})["hits"][0]["metadata"], {"seen": True}
        )
        kept = self.get(f"{photos}/items/p0.jpg?include=data")["file_base64"]
        self.assertEqual(base64.b64decode(kept), data)
        refused = self.post_json(f"{photos}/search", {"text": "a car"}, 422)
        self.assertIn("takes no texts", refused["error"]["message"])

    def test_metrics_health_of_collections_and_the_end(self) -> None:
        notes = self.create()
        self.add_file(notes, TEXTS.read_bytes())
        self.post_json(f"{notes}/search", {"text": "water"})
        recall = b'asterism_collection_recall{collection="notes"} 1'
        self.wait_until(lambda: recall in self.ask("GET", "/metrics")[2])
        self.assertEqual([c["collection"] for c in self.get("/v1/collections")["collections"]], ["notes"])
        self.assertEqual(self.ask("DELETE", notes)[0], 200)
        self.assertEqual(self.get("/v1/collections")["collections"], [])
        self.assertFalse((self.store / "notes").exists())
        self.assertEqual(self.end(), 0)


class BadRequests(ServedCollections):
    options = ("-m", "builtin", "--body-mb", "1")

    def test_each_wrong_field_is_a_4xx_that_says_which(self) -> None:
        notes = self.create()
        self.post_json(f"{notes}/items", [{"id": "a", "text": "a red coat", "metadata": {"price": 3}}])
        self.create("own", model=None, dim=2)
        cases: list[tuple[str, Any, int, str]] = [
            ("/v1/collections", {"name": "../up", "model": "builtin"}, 422, "name of 1 to 64"),
            ("/v1/collections", {"name": "x", "model": "/etc"}, 404, "builtin"),
            ("/v1/collections", {"name": "notes", "model": "builtin"}, 409, "already"),
            ("/v1/collections", {"name": "x", "model": "builtin", "prompt": "none"}, 422, "prompt"),
            ("/v1/collections", {"name": "x", "model": "builtin", "dim": 10000}, 422, "dim"),
            (f"{notes}/search", {}, 422, "something to look for"),
            (f"{notes}/search", {"text": "a", "filter": "prce < 3"}, 422, "prce"),
            (f"{notes}/search", {"text": "a", "filter": "price <"}, 400, "at byte 7"),
            (f"{notes}/search", {"vector": [1, 2]}, 422, "256 components"),
            (f"{notes}/search", {"id": "none"}, 404, "none"),
            (f"{notes}/search", {"text": "a", "version": "none"}, 404, "none"),
            (f"{notes}/search", {"text": "a", "diversity": 2}, 422, "diversity"),
            (f"{notes}/search", {"text": "a", "group_by": "a b ("}, 422, "group by"),
            (f"{notes}/items", [{"id": "a" * 1025, "text": "x"}], 413, "1024"),
            (f"{notes}/items/delete", {}, 422, "neither"),
            (f"{notes}/items/delete", {"ids": ["a"], "filter": "price = 3"}, 422, "both"),
            (f"{notes}/versions", {"name": ""}, 422, "name"),
            ("/v1/collections/none/search", {"text": "a"}, 404, "none"),
            ("/v1/collections/a.b/search", {"text": "a"}, 422, "a.b"),
            ("/v1/collections/own/search", {"text": "a"}, 422, "no model"),
            ("/v1/collections/own/items", [{"id": "z", "vector": [0, 0]}], 422, "zero"),
            ("/v1/jobs", {"kind": "dance"}, 422, "dance"),
            ("/v1/jobs", {"kind": "embed", "inputs": []}, 422, "inputs"),
            ("/v1/jobs", {"kind": "embed", "inputs": ["a"], "model": "other"}, 404, "other"),
            ("/v1/jobs", {"kind": "embed", "inputs": ["a"], "dimensions": 0}, 422, "dimensions"),
            ("/v1/jobs", {"kind": "verify", "collection": "none"}, 404, "none"),
            ("/v1/jobs", {"kind": "verify", "collection": "notes", "recall": 0.9}, 422, "recall"),
            (f"{notes}/compact", {"recall": 0.9}, 422, "recall"),
            (f"{notes}/compact", {"score_limit": 0.9}, 422, "score_limit"),
            (f"{notes}/duplicates", {"score_limit": "near"}, 422, "score_limit"),
            (f"{notes}/search/batch", {"searches": []}, 422, "searches"),
            (f"{notes}/search/batch", {"searches": [{"text": "a"}, {"k": 3}]}, 422, "searches[1]"),
            (f"{notes}/search/batch", {"searches": [{"text": "a", "explain": True}]}, 422, "explain"),
            (f"{notes}/search/batch", {"searches": [{"text": "a"}] * 257}, 413, "256"),
            # Beside a JSON body nobody would read them.
            ("/v1/jobs?kind=embed", {"kind": "embed", "inputs": ["a"]}, 422, "?kind"),
            (f"{notes}/search?k=3", {"text": "a"}, 422, "?k"),
            (f"{notes}/items?id_column=a", [{"id": "b", "text": "x"}], 422, "?id_column"),
        ]
        for path, value, expected, word in cases:
            status, headers, body = self.ask("POST", path, json.dumps(value), content_type="application/json")
            self.assertEqual((status, word in body.decode()), (expected, True), (path, value, body))
            self.assertEqual(headers["content-type"], "application/json")
            self.assertIn("code", json.loads(body)["error"])
        for method, path, expected in (
            ("GET", "/v1/jobs/none", 404), ("DELETE", "/v1/jobs/..%2F..%2Fetc", 404),
            ("GET", f"{notes}/nothing", 404), ("PUT", notes, 405), ("GET", "/v1/collections/..%2Fx", 422),
        ):  # fmt: skip
            status, _, body = self.ask(method, path)
            self.assertEqual(status, expected, (path, body))
        self.assertNotIn(str(self.folder), self.ask("GET", "/v1/collections/none")[2].decode())

    def test_many_searches_are_answered_as_each_alone(self) -> None:
        notes = self.create()
        self.add_file(notes, TEXTS.read_bytes())
        searches = [{"text": "cooking", "k": 3}, {"text": "tax law", "k": 2}]
        together = self.post_json(f"{notes}/search/batch", {"searches": searches, "include": ["content"]})["results"]
        for search, result in zip(searches, together, strict=True):
            alone = self.post_json(f"{notes}/search", {**search, "include": ["content"]})
            self.assertEqual(result, alone)
            self.assertEqual(len(result["hits"]), search["k"])
            self.assertNotIn("metadata", result["hits"][0])

    def test_a_wrong_time_is_refused(self) -> None:
        notes = self.create()
        status, _, body = self.ask(
            "POST", f"{notes}/search", b'{"text":"a"}', content_type="application/json", x_timeout_ms="soon"
        )
        self.assertEqual((status, b"x-timeout-ms" in body), (422, True), body)

    def test_what_is_no_json_and_no_file(self) -> None:
        notes = self.create()
        deep = b'{"text":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
        for body in (b"", b"{", b'{"text":"\xff"}', deep, b'{"k":NaN}', b'{"vector":[1e999]}', b"\x00" * 100):
            for path in (f"{notes}/search", f"{notes}/items", f"{notes}/items/get", "/v1/collections", "/v1/jobs"):
                status, _, answer = self.ask("POST", path, body)
                self.assertIn(status, (400, 413, 422), (path, body[:40], answer))
                self.assertIn("error", json.loads(answer))
        self.assertEqual(self.ask("POST", f"{notes}/items", b"x", content_type="application/pdf")[0], 422)
        self.assertEqual(self.ask("POST", f"{notes}/items", b"a,b\n1,2\n", content_type="text/csv")[0], 422)
        self.assertEqual(self.ask("POST", f"{notes}/items", b"x" * (1 << 20) + b"x")[0], 413)
        lines = self.add_file(notes, b"x" * (17 << 20))
        self.assertEqual(lines[-1]["summary"]["failed"], 1)
        self.assertIn("in a row", lines[-1]["errors"][0]["error"]["message"])
        self.assertEqual(self.ask("POST", "/v1/collections/none/items", b"x" * 9, content_type=NDJSON)[0], 404)
        self.assertEqual(
            self.ask("POST", f"{notes}/items", b"x", content_type="text/csv", content_encoding="br")[0], 422
        )
        lines = self.add_file(notes, b'{"id":"a","text":"red coat"}\n{broken\n{"id":"b"}\n\xff\n')
        self.assertEqual((lines[-1]["summary"]["added"], lines[-1]["summary"]["failed"]), (1, 3))
        self.assertEqual(len(lines[-1]["errors"]), 3)
        latin = "text\ncaf\u00e9\nplain\n".encode("latin-1")
        lines = self.add_file(notes, latin, content_type="text/csv")
        self.assertEqual((lines[-1]["summary"]["added"], lines[-1]["summary"]["ill_formed_texts"]), (2, 1))
        self.assertEqual(self.ask("GET", "/health")[0], 200)


class TwoAtOnce(ServedCollections):
    def test_clients_add_and_search_at_once(self) -> None:
        notes = self.create()
        failures: list[Any] = []

        def add(client: int) -> None:
            for batch in range(10):
                items = [{"id": f"{client}-{batch}-{i}", "text": f"water number {i} of {batch}"} for i in range(20)]
                answer = self.post_json(f"{notes}/items", items)
                if answer["added"] != 20:
                    failures.append(answer)

        def search() -> None:
            for _ in range(40):
                answer = self.post_json(f"{notes}/search", {"text": "water", "k": 3})
                if len(answer["hits"]) not in (0, 1, 2, 3):
                    failures.append(answer)

        threads = [threading.Thread(target=add, args=(client,)) for client in range(2)]
        threads += [threading.Thread(target=search) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.get(notes)["items"], 400)

    def test_another_process_writes_meanwhile(self) -> None:
        self.end()
        self.ok("add", str(self.store / "notes"), str(TEXTS), "-m", "builtin")
        self.start()
        self.assertEqual(self.get("/v1/collections/notes")["items"], 400)
        self.assertIn("another process", self.fails("io", "add", str(self.store / "notes"), str(TEXTS)))


class Killed(ServedCollections):
    options = ("-m", "builtin", "-m", "builtin-image")

    def rows(self, count: int) -> bytes:
        return b"".join(
            json.dumps({"id": f"r{i}", "text": f"row {i} about water, sky and {'stone ' * (i % 40)}"}).encode() + b"\n"
            for i in range(count)
        )

    def test_in_the_middle_of_an_add_nothing_acknowledged_is_lost(self) -> None:
        notes = self.create()
        body = self.rows(60_000)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("POST", f"{notes}/items", body, {"content-type": NDJSON})
        response = connection.getresponse()
        acknowledged = json.loads(response.readline())["added"]
        self.end(signal.SIGKILL)
        connection.close()
        self.assertGreater(acknowledged, 0)
        self.start()
        self.assertGreaterEqual(self.get(notes)["items"], acknowledged)
        last = self.add_file(notes, body)[-1]["summary"]
        self.assertEqual(last["rows"], 60_000)
        self.assertGreaterEqual(last["unchanged"], acknowledged)
        self.assertEqual(self.get(notes)["items"], 60_000)

    def test_in_the_middle_of_a_job_it_goes_on_where_it_was(self) -> None:
        archive = self.folder / "pictures.tar"
        names = [f"p{i:04}.jpg" for i in range(3000)]
        folder = self.folder / "pictures"
        folder.mkdir()
        for i, name in enumerate(names):
            shutil.copy(PICTURES[i % len(PICTURES)], folder / name)
        subprocess.run(["tar", "-cf", archive, "-C", folder, *names], check=True)
        for _ in range(20):
            status, _, body = self.ask(
                "POST", "/v1/jobs?kind=embed", archive.read_bytes(), content_type="application/x-tar"
            )
            self.assertEqual(status, 202, body)
            job = json.loads(body)["id"]
            manifest = self.store / ".jobs" / job / "vectors.npy.manifest.json"
            self.wait_until(lambda at=manifest: at.exists() and bool(json.loads(at.read_text())["shards"]))
            self.end(signal.SIGKILL)
            if not json.loads(manifest.read_text())["complete"]:
                break
            self.start()  # the test itself was held up meanwhile
        self.assertFalse(json.loads(manifest.read_text())["complete"])
        shard = self.store / ".jobs" / job / "vectors-00000.npy"
        made = shard.stat().st_mtime_ns
        self.start()
        status = self.wait_for_job(job, "done", "failed")
        self.assertEqual((status["state"], status["result"]["rows"], status["result"]["failed"]), ("done", 3000, 0))
        self.assertEqual(shard.stat().st_mtime_ns, made, "what was complete was not made again")
        _, _, npy = self.ask("GET", f"/v1/jobs/{job}/result", accept="application/x-npy")
        dim = status["result"]["dim"]
        self.assertEqual(len(npy), 128 + 3000 * dim * 4)
        first, second = (npy[128 + i * dim * 4 : 128 + (i + 1) * dim * 4] for i in (0, len(PICTURES)))
        self.assertEqual(first, second, "the same picture")


class Jobs(ServedCollections):
    def test_vectors_are_those_of_embed(self) -> None:
        status, _, body = self.ask("POST", "/v1/jobs?model=builtin", TEXTS.read_bytes(), content_type=NDJSON)
        self.assertEqual(status, 202, body)
        job = json.loads(body)["id"]
        done = self.wait_for_job(job, "done")
        self.assertEqual((done["done"], done["total"], done["result"]["rows"]), (400, 400, 400))
        events = [json.loads(line) for line in self.ask("GET", f"/v1/jobs/{job}/events")[2].splitlines()]
        self.assertEqual(events[-1]["state"], "done")
        _, headers, body = self.ask("GET", f"/v1/jobs/{job}/result")
        self.assertEqual(headers["content-type"], NDJSON)
        rows = [json.loads(line) for line in body.splitlines()]
        self.assertEqual(len(rows), 400)
        self.assertNotIn(str(self.store), body.decode())
        self.ok("embed", str(TEXTS), "-m", "builtin", "-o", "own.jsonl")
        own = [json.loads(line) for line in (self.folder / "own.jsonl").read_text().splitlines()]
        for ours, theirs in zip(rows, own, strict=True):
            self.assertEqual(ours["id"], theirs["id"])
            for a, b in zip(ours["embedding"], theirs["embedding"], strict=True):
                self.assertAlmostEqual(a, b, places=6)
        npy = self.ask("GET", f"/v1/jobs/{job}/result", accept="application/x-npy")[2]
        self.assertTrue(npy.startswith(b"\x93NUMPY"))
        first = struct.unpack(f"<{len(rows[0]['embedding'])}f", npy[128 : 128 + 4 * len(rows[0]["embedding"])])
        for a, b in zip(first, rows[0]["embedding"], strict=True):
            self.assertAlmostEqual(a, b, places=7)
        self.assertEqual([j["id"] for j in self.get("/v1/jobs")["jobs"]], [job])
        self.assertEqual(self.ask("POST", f"/v1/jobs/{job}/resume")[0], 409)
        self.assertEqual(self.ask("DELETE", f"/v1/jobs/{job}")[0], 200)
        self.assertEqual(self.ask("GET", f"/v1/jobs/{job}")[0], 404)
        self.assertFalse((self.store / ".jobs" / job).exists())

    def test_a_bad_row_costs_itself(self) -> None:
        body = b'{"id":"a","text":"red"}\n{broken\n{"id":"c","text":"coat"}\n'
        job = json.loads(self.ask("POST", "/v1/jobs", body, content_type=NDJSON)[2])["id"]
        self.assertEqual(self.wait_for_job(job, "done")["result"]["failed"], 1)
        text = self.ask("GET", f"/v1/jobs/{job}/result")[2].decode()
        rows = [json.loads(line) for line in text.splitlines()]
        self.assertEqual([row["embedding"] is None for row in rows], [False, True, False])
        self.assertIn("input.jsonl:2", rows[1]["error"]["message"])
        self.assertNotIn(str(self.folder), text)

    def test_cancel_and_resume(self) -> None:
        rows = b"".join(
            json.dumps({"text": f"{i} " + "water and stone " * 200}).encode() + b"\n" for i in range(15_000)
        )
        for _ in range(20):
            job = json.loads(self.ask("POST", "/v1/jobs", rows, content_type=NDJSON)[2])["id"]
            status, _, told = self.ask("DELETE", f"/v1/jobs/{job}")
            self.assertEqual(status, 200)
            if self.ask("GET", f"/v1/jobs/{job}")[0] == 200:
                break
            # It was done already, because the test itself was held up: then it is gone.
            self.assertEqual(json.loads(told)["state"], "done")
        self.wait_for_job(job, "cancelled")
        self.assertEqual(self.ask("GET", f"/v1/jobs/{job}/result")[0], 409)
        self.assertEqual(self.ask("POST", f"/v1/jobs/{job}/resume")[0], 202)
        self.assertEqual(self.wait_for_job(job, "done")["result"]["rows"], 15_000)

    def test_collections_are_tended_by_jobs(self) -> None:
        notes = self.create()
        self.add_file(notes, TEXTS.read_bytes())
        for kind, key in (("verify", "problems"), ("compact", "size_bytes"), ("index", "index")):
            status, _, body = self.ask("POST", f"{notes}/{kind}")
            self.assertEqual(status, 202, body)
            done = self.wait_for_job(json.loads(body)["id"], "done", "failed")
            self.assertEqual((done["state"], done["kind"], done["parameters"]), ("done", kind, {"collection": "notes"}))
            self.assertIn(key, done["result"])

    def test_duplicates_are_found_by_a_job(self) -> None:
        notes = self.create()
        texts = {"a": "a warm coat", "b": "a warm coat", "c": "A warm coat!", "d": "tax law"}
        self.post_json(f"{notes}/items", [{"id": key, "text": text} for key, text in texts.items()])
        for body, expected in (({}, {("a", "b")}), ({"score_limit": 0.95}, {("a", "b"), ("a", "c"), ("b", "c")})):
            job = self.post_json(f"{notes}/duplicates", body, 202)["id"]
            result = self.wait_for_job(job, "done", "failed")["result"]
            self.assertEqual({(pair["id"], pair["duplicate_id"]) for pair in result["pairs"]}, expected, result)
            self.assertEqual(result["pair_count"], len(expected))

    def test_an_error_of_a_job_does_not_say_where_collections_lie(self) -> None:
        notes = self.create()
        job = self.post_json(f"{notes}/tune", {"recall": 0.9}, 202)["id"]
        message = self.wait_for_job(job, "failed")["error"]["message"]
        self.assertIn("notes: there is no graph", message)
        self.assertNotIn(str(self.folder), message)


class Clip(ServedCollections):
    model = str(ROOT / "tests" / "golden" / "dual_models" / "clip")
    options = ("-m", model)

    def test_words_find_pictures(self) -> None:
        photos = self.create("photos", model=self.model)
        for i, picture in enumerate(PICTURES[:6]):
            self.add_file(photos, picture.read_bytes(), "image/jpeg", f"?id=p{i}")
        pictures = self.folder / "pictures"
        pictures.mkdir()
        for i, picture in enumerate(PICTURES[:6]):
            shutil.copy(picture, pictures / f"p{i}.jpg")
        self.ok("add", "own", "pictures", "-m", self.model)
        told = json.loads(self.ok("search", "own", "a red car", "--json")[0])["hits"]
        answer = self.post_json(f"{photos}/search", {"text": "a red car"})["hits"]
        self.assertEqual([hit["id"] for hit in answer], [Path(hit["id"]).stem for hit in told])
        for ours, theirs in zip(answer, told, strict=True):
            self.assertAlmostEqual(ours["score"], theirs["score"], places=4)


class Ends(ServedCollections):
    def rows(self, count: int, words: int) -> bytes:
        lines = (json.dumps({"id": f"r{i}", "text": f"{i} " + "water stone sky " * words}) for i in range(count))
        return "\n".join(lines).encode()

    def test_a_client_that_goes_breaks_its_add_off(self) -> None:
        notes = self.create()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("POST", f"{notes}/items", self.rows(100_000, 20), {"content-type": NDJSON})
        response = connection.getresponse()
        self.assertIn("done", json.loads(response.readline()))
        response.close()
        connection.close()
        before, since = -1, time.monotonic()
        while time.monotonic() < since + 2.0:
            count = self.get(notes)["items"]
            if count != before:
                before, since = count, time.monotonic()
            time.sleep(0.1)
        self.assertGreater(count, 0)
        self.assertLess(count, 100_000)

    def test_sigterm_ends_event_streams_and_leaves_jobs_to_the_next_server(self) -> None:
        status, _, body = self.ask("POST", "/v1/jobs", self.rows(15_000, 200), content_type=NDJSON)
        self.assertEqual(status, 202, body)
        job = json.loads(body)["id"]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("GET", f"/v1/jobs/{job}/events")
        response = connection.getresponse()
        self.assertIn(json.loads(response.readline())["state"], ("waiting", "running"))
        self.assertEqual(self.end(), 0)
        response.read()
        connection.close()
        kept = json.loads((self.store / ".jobs" / job / "job.json").read_text(encoding="utf-8"))
        self.assertIn(kept["state"], ("waiting", "running"))
        self.start()
        self.assertEqual(self.wait_for_job(job, "done", "failed")["result"]["rows"], 15_000)


class Documentation(ServedCollections):
    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_the_commands_of_the_page_work(self) -> None:
        page = (ROOT / "docs" / "server-collections.md").read_text(encoding="utf-8")
        blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        self.assertEqual(len(blocks), 5)
        self.assertIn("asterism serve", blocks[0])
        (self.folder / "examples").symlink_to(ROOT / "examples")
        script = "set -euo pipefail\n" + "\n".join(blocks[1:])
        script = script.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}").replace("curl ", "curl -sSf ")
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.assertIn('"summary":{"rows":400,"added":400', done.stdout)
        self.assertTrue((self.folder / "vectors.npy").read_bytes().startswith(b"\x93NUMPY"))
        self.assertEqual(self.get("/v1/jobs")["jobs"], [])


class Keys(ServedCollections):
    def setUp(self) -> None:
        CliTest.setUp(self)
        keys = self.write("keys.txt", "r read reader-key-1\nw write writer-key-1\na admin admin-key-12\n")
        self.options = ("--api-key-file", str(keys))
        self.store = Path(self.folder / "collections")
        self.start()
        self.addCleanup(self.end)

    def test_scopes(self) -> None:
        new = json.dumps({"name": "notes", "model": "builtin"})
        item = json.dumps([{"id": "a", "text": "red"}])
        search = json.dumps({"text": "red"})
        steps = [
            ("POST", "/v1/collections", new, "writer-key-1", 403),
            ("POST", "/v1/collections", new, "admin-key-12", 201),
            ("POST", "/v1/collections/notes/items", item, "reader-key-1", 403),
            ("POST", "/v1/collections/notes/items", item, "writer-key-1", 200),
            ("POST", "/v1/collections/notes/search", search, "reader-key-1", 200),
            ("POST", "/v1/jobs", "{}", "reader-key-1", 403),
            ("DELETE", "/v1/collections/notes", None, "writer-key-1", 403),
            ("DELETE", "/v1/collections/notes", None, "admin-key-12", 200),
        ]
        for method, path, body, key, expected in steps:
            status, _, answer = self.ask(method, path, body, authorization=f"Bearer {key}")
            self.assertEqual(status, expected, (method, path, key, answer))


if __name__ == "__main__":
    unittest.main()
