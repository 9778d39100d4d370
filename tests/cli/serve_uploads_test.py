"""Files that are added while they arrive: larger than memory, packed, broken off, by clients that are killed."""

from __future__ import annotations

import gzip
import http.client
import io
import itertools
import json
import re
import select
import signal
import socket
import subprocess
import sys
import tarfile
import time
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serve_support import CollectionServeTest
from support import EXAMPLES, PATIENCE_S

NDJSON = "application/x-ndjson"
PICTURES = sorted((EXAMPLES / "images").rglob("*.jpg"))
SLOW_COUNT = 48  # of each route: more than the server has threads
WINDOW = 2048  # rows that are added at once
SENDER = """
import itertools, json, socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(f"POST {sys.argv[2]}/items HTTP/1.1\\r\\nhost: x\\r\\ncontent-type: application/x-ndjson\\r\\n"
                   "transfer-encoding: chunked\\r\\n\\r\\n".encode())
for i in itertools.count():
    rows = "".join(json.dumps({"id": f"r{i}-{j}", "text": f"row {i} {j}"}) + "\\n" for j in range(1000)).encode()
    connection.sendall(f"{len(rows):x}\\r\\n".encode() + rows + b"\\r\\n")
"""


class Uploads(CollectionServeTest):
    options = ("-m", "builtin", "-m", "builtin-image", "--body-mb", "1")

    def setUp(self) -> None:
        super().setUp()
        self.notes = self.create()

    def count(self) -> int:
        count: int = json.loads(self.ask("GET", self.notes)[2])["items"]
        return count

    def settled_count(self) -> int:
        """What it is after a while without change; on a machine that stalls it may grow later all the same."""
        before, since = -1, time.monotonic()
        deadline = since + PATIENCE_S
        while time.monotonic() < since + 1.5:
            count = self.count()
            if count != before:
                before, since = count, time.monotonic()
            self.assertLess(since, deadline, "the count of items does not come to rest")
            time.sleep(0.1)
        return before

    def upload(self, pieces: Iterator[bytes], collection: str = "", **headers: str) -> list[Any]:
        """In chunks, with no length said before."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request("POST", f"{collection or self.notes}/items", pieces, {"content-type": NDJSON, **names})
        response = connection.getresponse()
        lines = [json.loads(line) for line in response.read().splitlines()]
        self.assertEqual(response.status, 200, lines)
        connection.close()
        return lines

    @staticmethod
    def rows(count: int, text: str = "water", first: int = 0) -> bytes:
        return b"".join(
            json.dumps({"id": f"r{i}", "text": f"{i} {text}"}).encode() + b"\n" for i in range(first, first + count)
        )

    def forget_peak(self) -> None:
        """So that VmHWM is of what comes, and not of a model that was loaded before (proc(5), clear_refs)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")

    def memory_mb(self, what: str) -> float:
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        found = re.search(rf"{what}:\s+(\d+) kB", text)
        assert found
        return int(found[1]) / 1024

    def test_a_misspelt_name_in_the_query_is_no_column_less(self) -> None:
        path = f"{self.notes}/items?id_colum=key"
        status, _, answer = self.ask("POST", path, b'{"key": "a", "text": "water"}\n', content_type=NDJSON)
        error = json.loads(answer)["error"]
        self.assertEqual(status, 400, error)
        self.assertEqual(error["message"], "?id_colum: expected a parameter of /v1/collections/{name}/items")
        self.assertEqual(error["hint"], "did you mean 'id_column'?")
        self.assertEqual(self.count(), 0)
        # Clients of other servers may send what those know.
        status, _, answer = self.ask(
            "POST", "/v1/embeddings?api-version=2024-10-21", b'{"input": "water"}', content_type="application/json"
        )
        self.assertEqual(status, 200, answer)

    def test_a_file_larger_than_the_memory_it_takes(self) -> None:
        block = self.rows(1000, "water and stone " * 60)
        self.upload(iter([block]))
        before = self.memory_mb("VmRSS")
        self.forget_peak()
        repeats = (160 << 20) // len(block)
        lines = self.upload(block for _ in range(repeats))
        summary = lines[-1]["summary"]
        self.assertEqual((summary["rows"], summary["failed"]), (1000 * repeats, 0))
        self.assertEqual(self.count(), 1000)
        sizes = [line["size_bytes"] for line in lines[:-1]]
        self.assertEqual(sizes, sorted(sizes))
        self.assertLess(self.memory_mb("VmHWM") - before, 64)

    def test_pictures_of_forms_and_archives_larger_than_the_memory_they_take(self) -> None:
        photos = self.create("photos", model="builtin-image")
        # What follows a picture in its file is no part of it: large files that are quick to embed.
        files = {f"p{i}.jpg": p.read_bytes() + b"x" * (512 << 10) for i, p in enumerate(PICTURES[:8])}
        repeats = 60

        def form() -> Iterator[bytes]:
            yield b'--X\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"p0.jpg": {"seen": true}}\r\n'
            for _ in range(repeats):
                for name, data in files.items():
                    head = f'--X\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'
                    yield head.encode() + data + b"\r\n"
            yield b"--X--\r\n"

        def archive() -> Iterator[bytes]:
            made = io.BytesIO()
            with tarfile.open(fileobj=made, mode="w") as tar:
                for name, data in files.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
                members = made.getvalue()[: tar.offset]
            yield from (members for _ in range(repeats))
            yield bytes(10240)

        few = itertools.chain(itertools.islice(form(), 3), [b"--X--\r\n"])
        self.upload(few, photos, content_type="multipart/form-data; boundary=X")
        before = self.memory_mb("VmRSS")
        self.forget_peak()
        lines = self.upload(form(), photos, content_type="multipart/form-data; boundary=X")
        summary = lines[-1]["summary"]
        self.assertEqual((summary["rows"], summary["failed"]), (8 * repeats, 0), lines[-1])
        self.assertEqual(self.get(f"{photos}/items/p0.jpg")["metadata"], {"seen": True})
        lines = self.upload(archive(), photos, content_type="application/x-tar")
        summary = lines[-1]["summary"]
        self.assertEqual((summary["rows"], summary["failed"]), (8 * repeats, 0), lines[-1])
        self.assertEqual(self.get(photos)["items"], 16)
        sent_mb = repeats * sum(map(len, files.values())) >> 20
        self.assertLess(self.memory_mb("VmHWM") - before, sent_mb / 2)

    def test_many_slow_clients_hold_up_no_quick_one(self) -> None:
        slow = []
        for i in range(SLOW_COUNT):
            rows = self.rows(3, first=3 * i)
            for path in (f"{self.notes}/items", "/v1/jobs?kind=embed"):
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=120)
                self.addCleanup(connection.close)
                head = f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {NDJSON}\r\n"
                connection.sendall(f"{head}content-length: {len(rows)}\r\n\r\n".encode() + rows[:40])
                slow.append((connection, rows[40:]))
        summary = self.upload(iter([self.rows(10, first=1000)]))[-1]["summary"]
        self.assertEqual(summary["added"], 10)
        status, _, answer = self.ask("POST", "/v1/jobs?kind=embed", self.rows(5), content_type=NDJSON)
        self.assertEqual(status, 202, answer)
        self.assertEqual(self.post(f"{self.notes}/items", [{"id": "j", "text": "water"}])[0], 200)
        self.assertEqual(select.select([connection for connection, _ in slow], [], [], 0)[0], [], "all wait yet")
        for connection, rest in slow:
            connection.sendall(rest)
        for connection, _ in slow:
            told = b""
            while piece := connection.recv(65536):
                told += piece
            self.assertRegex(told[:40], rb"^HTTP/1.1 20[02] ")
        self.assertEqual(self.count(), 3 * SLOW_COUNT + 11)
        self.assert_sound(self.notes)

    def test_a_job_s_file_goes_to_the_disk_and_not_to_the_memory(self) -> None:
        block = self.rows(20, "water and stone " * 16_000)
        pieces = (160 << 20) // len(block)
        before = self.memory_mb("VmRSS")
        self.forget_peak()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", "/v1/jobs?kind=embed", (block for _ in range(pieces)), {"content-type": NDJSON})
        job = json.loads(connection.getresponse().read())
        connection.close()
        self.assertEqual(job["parameters"]["rows"], 20 * pieces, job)
        self.assertLess(self.memory_mb("VmHWM") - before, 80)
        self.ask("DELETE", f"/v1/jobs/{job['id']}")
        kept = self.store / ".jobs" / job["id"] / "input.jsonl"
        self.assertEqual(kept.stat().st_size, len(block) * pieces)

    def test_a_client_that_dies_leaves_no_job(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            head = f"POST /v1/jobs?kind=embed HTTP/1.1\r\nhost: x\r\ncontent-type: {NDJSON}\r\n"
            connection.sendall(f"{head}content-length: 1000000\r\n\r\n".encode() + self.rows(10))
            for _ in range(600):
                if list((self.store / ".jobs").iterdir()):
                    break
                time.sleep(0.05)
        for _ in range(600):
            if not list((self.store / ".jobs").iterdir()):
                break
            time.sleep(0.05)
        self.assertEqual(list((self.store / ".jobs").iterdir()), [])
        self.assertEqual(self.get("/v1/jobs"), {"jobs": []})

    def test_packed_and_without_ids(self) -> None:
        text = "".join(f"line {i} about water\n" for i in range(70_000)).encode()
        for coding, body in (("gzip", gzip.compress(text)), ("identity", text)):
            lines = self.upload(iter([body[:1000], body[1000:]]), content_type="text/plain", content_encoding=coding)
            self.assertEqual(lines[-1]["summary"]["rows"], 70_000)
            self.assertEqual(lines[-1]["summary"]["unchanged"], 0 if coding == "gzip" else 70_000)
        self.assertEqual(self.count(), 70_000)
        lines = self.upload(iter([gzip.compress(text)[:-2000]]), content_type="text/plain", content_encoding="gzip")
        self.assertEqual(lines[-1]["error"]["code"], "corrupt")
        self.assertEqual(self.ask("POST", f"{self.notes}/items", b"no gzip", content_type="text/plain",
                                  content_encoding="gzip")[0], 422)  # fmt: skip

    def test_a_client_that_dies_half_way_leaves_whole_windows(self) -> None:
        whole = self.rows(20_000)
        half = whole[: len(whole) // 2 + 7]
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            head = f"POST {self.notes}/items HTTP/1.1\r\nhost: x\r\ncontent-type: {NDJSON}\r\n"
            connection.sendall(f"{head}content-length: {len(whole)}\r\n\r\n".encode() + half)
            time.sleep(1)
        self.wait_until(lambda: self.count() >= WINDOW)
        count = self.settled_count()
        self.assertEqual(count % WINDOW, 0)
        self.assertLess(count, 10_100)
        self.assert_sound(self.notes)
        summary = self.upload(iter([whole]))[-1]["summary"]
        self.assertEqual((summary["rows"], summary["unchanged"] + summary["added"]), (20_000, 20_000))
        self.assertGreaterEqual(summary["unchanged"], count)
        self.assertEqual(summary["unchanged"] % WINDOW, 0)
        self.assertLess(summary["unchanged"], 10_100)
        self.assertEqual(self.count(), 20_000)

    def test_kill_9_of_a_client_harms_nobody(self) -> None:
        with subprocess.Popen([sys.executable, "-c", SENDER, str(self.port), self.notes]) as sender:
            self.wait_until(lambda: self.count() >= WINDOW)
            sender.send_signal(signal.SIGKILL)
        count = self.settled_count()
        self.assertGreaterEqual(count, WINDOW)
        self.assertEqual(count % WINDOW, 0)
        self.assert_sound(self.notes)
        self.assertEqual(self.upload(iter([self.rows(10)]))[-1]["summary"]["added"], 10)
        self.assertEqual(self.ask("GET", "/health")[0], 200)

    def test_broken_rows_are_counted_and_broken_bodies_said(self) -> None:
        lines = self.upload(iter([self.rows(3), b"{broken\n", self.rows(3, first=3), b'{"id": "x"}\n']))
        summary = lines[-1]["summary"]
        self.assertEqual((summary["rows"], summary["added"], summary["failed"]), (8, 6, 2))
        self.assertRegex(lines[-1]["errors"][0]["row"], r"^[0-9a-f]{12}:4$")
        head = f"POST {self.notes}/items HTTP/1.1\r\nhost: x\r\ncontent-type: {NDJSON}\r\n"
        self.assertIn(b" 400 ", self.raw(f"{head}transfer-encoding: chunked\r\n\r\nzz\r\n".encode()))
        self.assertEqual(self.count(), 6)

    def test_sigterm_breaks_an_upload_off_that_does_not_end(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            head = f"POST {self.notes}/items HTTP/1.1\r\nhost: x\r\ncontent-type: {NDJSON}\r\n"
            connection.sendall(f"{head}content-length: 1000000\r\n\r\n".encode() + self.rows(10))
            self.assertEqual(self.ask("GET", "/health")[0], 200)
            begin = time.monotonic()
            self.assertEqual(self.end(), 0)
            self.assertLess(time.monotonic() - begin, 45)


if __name__ == "__main__":
    unittest.main()
