"""A running `asterism serve` for tests, and how they ask it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import time
from typing import Any

from support import EXAMPLES, PATIENCE_S, PROGRAM, CliTest, environment

PICTURE = sorted((EXAMPLES / "images").rglob("*.jpg"))[0]
Answer = tuple[int, dict[str, str], bytes]


class ServeTest(CliTest):
    options: tuple[str, ...] = ("-m", "builtin", "-m", "builtin-image")

    def setUp(self) -> None:
        super().setUp()
        self.start()
        self.addCleanup(self.end)

    def arguments(self) -> tuple[str, ...]:
        """What the server is started with."""
        return self.options

    def start(self) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--threads", "2", *self.arguments()],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(self.folder),
        )  # fmt: skip
        assert self.process.stderr
        line = self.process.stderr.readline()
        found = re.search(r"https?://127\.0\.0\.1:(\d+)", line)
        assert found, line + self.process.stderr.read()
        self.port = int(found[1])

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=PATIENCE_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return code

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        answer = (response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer

    def post(self, path: str, value: Any, **headers: str) -> tuple[int, Any]:
        status, _, body = self.ask("POST", path, json.dumps(value), content_type="application/json", **headers)
        return status, json.loads(body)

    def raw(self, data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            connection.sendall(data)
            out = b""
            while piece := connection.recv(65536):
                out += piece
            return out


class CollectionServeTest(ServeTest):
    """A server that keeps collections in `store`."""

    def setUp(self) -> None:
        CliTest.setUp(self)
        self.store = self.folder / "collections"
        self.prepare_store()
        self.start()
        self.addCleanup(self.end)

    def prepare_store(self) -> None:
        """Before the server is started."""

    def arguments(self) -> tuple[str, ...]:
        return ("--collections", str(self.store), *self.options)

    def get(self, path: str) -> Any:
        status, _, body = self.ask("GET", path)
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def post_json(self, path: str, value: Any, expected: int = 200) -> Any:
        status, _, body = self.ask("POST", path, json.dumps(value), content_type="application/json")
        self.assertEqual(status, expected, body)
        return json.loads(body)

    def create(self, name: str = "notes", **settings: Any) -> str:
        self.post_json("/v1/collections", {"name": name, "model": "builtin", **settings}, 201)
        return f"/v1/collections/{name}"

    def wait_for_job(self, job: str, *states: str) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while (status := self.get(f"/v1/jobs/{job}"))["state"] not in states:
            self.assertLess(time.monotonic(), deadline, f"job {job}: expected {states}, found {status}")
            time.sleep(0.05)
        return status

    def assert_sound(self, collection: str) -> None:
        job = json.loads(self.ask("POST", f"{collection}/verify")[2])["id"]
        status = self.wait_for_job(job, "done", "failed")
        self.assertEqual((status["state"], status["result"]["problems"]), ("done", []), status)
