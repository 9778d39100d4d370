"""The documentation page in a real browser: every route of the document is on it, and its form asks the server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import unittest
from typing import Any

import clients
from clients import ClientTest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class DocsPage(ClientTest):
    def document(self) -> Any:
        return json.loads(self.ask("GET", "/openapi.json")[2])

    def test_nothing_comes_from_elsewhere(self) -> None:
        status, headers, body = self.ask("GET", "/docs")
        self.assertEqual((status, headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertNotRegex(body.decode(), r"https?://|(?:src|href)=\"//")

    def test_every_route_is_on_the_page(self) -> None:
        assert BROWSER
        answer = subprocess.run(
            [
                BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.folder / 'browser'}",
                "--virtual-time-budget=10000", "--dump-dom", f"{self.url}/docs",
            ],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        expected = {
            operation["operationId"] for item in self.document()["paths"].values() for operation in item.values()
        }
        self.assertEqual(set(re.findall(r'<details id="(\w+)">', answer.stdout)), expected)
        self.assertGreater(len(expected), 10)


if __name__ == "__main__":
    if BROWSER is None:
        print("skipped: no Chromium is installed (Debian: chromium)")
        sys.exit(clients.SKIPPED)
    unittest.main()
