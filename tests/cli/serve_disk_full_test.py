"""`asterism serve` on a disk that fills up: adds and jobs say so, keep what was whole, and go on when there is room."""

from __future__ import annotations

import json
import subprocess
import unittest
from typing import Any

from serve_support import CollectionServeTest
from small_disk import SmallDisk

NDJSON = "application/x-ndjson"


class FullDisk(CollectionServeTest):
    options = ("-m", "builtin")

    def setUp(self) -> None:
        super().setUp()
        self.notes = self.create()

    def prepare_store(self) -> None:
        self.disk = SmallDisk(self, self.store, size_mb=8)

    @staticmethod
    def rows(count: int) -> bytes:
        return b"".join(json.dumps({"id": f"r{i}", "text": f"row {i} of water"}).encode() + b"\n" for i in range(count))

    def assert_full(self, error: Any) -> None:
        self.assertEqual(error["code"], "no_space", error)
        self.assertIn("the disk is full", error["hint"])
        self.assertNotIn(str(self.folder), json.dumps(error))

    def test_an_add_says_so_and_goes_on_when_there_is_room(self) -> None:
        body = self.rows(20_000)
        status, _, answer = self.ask("POST", f"{self.notes}/items", body, content_type=NDJSON)
        self.assertIn(status, (200, 507), answer)
        last = json.loads(answer.splitlines()[-1])
        self.assert_full(last["error"])
        count = self.get(self.notes)["items"]
        self.assertEqual(count % 2048, 0)
        self.disk.fill()
        status, answer = self.post(f"{self.notes}/items", [{"id": f"n{i}", "text": f"new {i}"} for i in range(2000)])
        self.assertEqual(status, 507, answer)
        self.assert_full(answer["error"])
        self.assertEqual(self.get(self.notes)["items"], count)
        status, answer = self.post(f"{self.notes}/search", {"text": "water", "k": 3})
        self.assertEqual(status, 200, answer)
        self.disk.make_room()
        subprocess.run(["mount", "-o", "remount,size=128m", str(self.store)], check=True)
        self.assert_sound(self.notes)
        status, _, answer = self.ask("POST", f"{self.notes}/items", body, content_type=NDJSON)
        summary = json.loads(answer.splitlines()[-1])["summary"]
        self.assertEqual((summary["rows"], summary["unchanged"]), (20_000, count))
        self.assertEqual(self.get(self.notes)["items"], 20_000)
        self.assert_sound(self.notes)

    def test_a_job_fails_with_that_and_is_resumed_when_there_is_room(self) -> None:
        self.disk.fill(left_bytes=3 << 20)
        status, _, answer = self.ask("POST", "/v1/jobs?kind=embed", self.rows(6000), content_type=NDJSON)
        self.assertEqual(status, 202, answer)
        job = json.loads(answer)["id"]
        failed = self.wait_for_job(job, "done", "failed")
        self.assertEqual(failed["state"], "failed")
        self.assert_full(failed["error"])
        self.disk.fill()
        status, _, answer = self.ask("POST", "/v1/jobs?kind=embed", self.rows(6000), content_type=NDJSON)
        self.assertEqual(status, 507, answer)
        self.assert_full(json.loads(answer)["error"])
        self.assertEqual(self.ask("GET", "/health")[0], 200)
        self.disk.make_room()
        subprocess.run(["mount", "-o", "remount,size=64m", str(self.store)], check=True)
        self.assertEqual(self.ask("POST", f"/v1/jobs/{job}/resume")[0], 202)
        done = self.wait_for_job(job, "done", "failed")
        self.assertEqual((done["state"], done["result"]["rows"], done["result"]["failed"]), ("done", 6000, 0))
        self.assert_sound(self.notes)


if __name__ == "__main__":
    unittest.main()
