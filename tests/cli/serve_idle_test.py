"""What connections of `asterism serve` hold while they wait for their next request."""

from __future__ import annotations

import http.client
import json
import unittest
from pathlib import Path

from serve_support import ServeTest
from support import PATIENCE_S

MIB = 1 << 20
CONNECTION_COUNT = 64
BODY_SIZE_BYTES = MIB


class IdleConnections(ServeTest):
    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) * 1024

    def ask_and_stay(self, body: str) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("POST", "/embed", body, {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        self.assertEqual(response.status, 200)
        self.addCleanup(connection.close)
        return connection

    def test_they_keep_nothing_of_their_last_request(self) -> None:
        body = json.dumps({"inputs": "a red coat " * (BODY_SIZE_BYTES // len("a red coat "))})
        first = self.ask_and_stay(body)
        before = self.resident_bytes()
        connections = [self.ask_and_stay(body) for _ in range(CONNECTION_COUNT)]
        # Each body kept would be CONNECTION_COUNT MiB; what the allocator keeps of them is a few at most.
        self.assertLess(self.resident_bytes() - before, CONNECTION_COUNT * BODY_SIZE_BYTES // 4)
        for connection in (first, *connections):
            connection.request("GET", "/health")
            self.assertEqual(connection.getresponse().status, 200)


if __name__ == "__main__":
    unittest.main()
