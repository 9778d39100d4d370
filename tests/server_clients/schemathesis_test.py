"""schemathesis against the document that the server serves: every request that the document allows is answered as it
says, every one that it does not allow is refused, and no answer is a 5xx or of another form."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import clients
from clients import ClientTest, CliTest

HERE = Path(__file__).parent
EXAMPLE_COUNT = os.environ.get("ASTERISM_SCHEMATHESIS_EXAMPLES", "15")
SEED = os.environ.get("ASTERISM_SCHEMATHESIS_SEED", "1")


class SchemathesisTest(ClientTest):
    config = "schemathesis.toml"
    there: Mapping[str, Any] = MappingProxyType({})  # values of path parameters that name something

    def schemathesis(self, *options: str, key: str = "") -> None:
        """Runs all checks; every operation that the options leave in must have been tested."""
        settings = (HERE / self.config).read_text(encoding="utf-8")
        if key:
            settings += f'\n[auth.openapi.key]\nbearer = "{key}"\n'
        config = self.write("schemathesis.toml", settings)
        answer = subprocess.run(
            [
                clients.FOLDER / "bin" / "st", "--config-file", config, "run",
                f"{self.url}/openapi.json", "--checks", "all", "--max-examples", EXAMPLE_COUNT, "--seed", SEED,
                "--no-shrink", "--continue-on-failure", "--suppress-health-check", "all", *options,
            ],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE), "NO_COLOR": "1",
                 "ASTERISM_SCHEMATHESIS_THERE": json.dumps(dict(self.there))},
        )  # fmt: skip
        self.assertEqual(answer.returncode, 0, answer.stdout)
        selected = re.search(r"Selected: (\d+)/", answer.stdout)
        tested = re.search(r"Tested: (\d+)", answer.stdout)
        self.assertIsNotNone(selected, answer.stdout)
        self.assertEqual(selected and selected[1], tested and tested[1], answer.stdout)
        self.assertNotIn("WARNING", answer.stdout)
        self.assertEqual(json.loads(self.ask("GET", "/health")[2])["status"], "ok")


# A document of one model leaves out what the model does not take; these routes stay, and refuse everything.
OF_PICTURES = "/embed_image"


class Texts(SchemathesisTest):
    options = ("-m", "builtin", "--client-rows", "32")

    def test_routes_for_texts(self) -> None:
        self.schemathesis("--exclude-path", OF_PICTURES)


class Pictures(SchemathesisTest):
    options = ("-m", "builtin-image", "--client-rows", "32")

    def test_routes_for_pictures(self) -> None:
        self.schemathesis("--include-path", OF_PICTURES)


class TextsAndPictures(SchemathesisTest):
    options = ("-m", str(clients.ROOT / "tests" / "golden" / "dual_models" / "clip"), "--client-rows", "32")

    def test_all_routes(self) -> None:
        # Of 20 tokens: what is longer and not to be truncated is refused, which no schema can say.
        self.schemathesis("--exclude-checks", "positive_data_acceptance")


# Items that requests delete, one each.
DELETED_COUNT = 500


class Collections(SchemathesisTest):
    """With a collection that is there and holds items, a version, and a job that is done."""

    config = "schemathesis_collections.toml"

    def setUp(self) -> None:
        CliTest.setUp(self)
        self.options = ("-m", "builtin", "--client-rows", "32", "--collections", str(self.folder / "collections"))
        super().setUp()
        items = [{"id": f"n{i}", "text": text, "metadata": {"price": i}} for i, text in enumerate(clients.TEXTS)]
        items += [{"id": f"d{i}", "text": f"to be deleted {i}", "metadata": {}} for i in range(DELETED_COUNT)]
        for path, body in (
            ("/v1/collections", {"name": "notes", "model": "builtin", "columns": ["price"]}),
            ("/v1/collections/notes/items", items),
            ("/v1/collections/notes/versions", {"name": "monday"}),
        ):
            status, answer = self.post(path, body)
            self.assertIn(status, (200, 201), answer)
        _, job = self.post("/v1/jobs", {"kind": "embed", "inputs": clients.TEXTS})
        self.assertEqual(
            json.loads(self.ask("GET", f"/v1/jobs/{job['id']}/events")[2].splitlines()[-1])["state"], "done"
        )
        self.there = {"name": "notes", "id": "n0", "version": "monday", "job": job["id"]}

    def assert_lines(self, schema: str, lines: bytes) -> None:
        """Validators look at contentSchema no more than at a comment."""
        import jsonschema_rs

        document = json.loads(self.ask("GET", "/openapi.json")[2])
        validator = jsonschema_rs.validator_for(
            {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
        )
        self.assertTrue(lines.endswith(b"\n"), lines)
        for line in lines.splitlines():
            validator.validate(json.loads(line))
        with self.assertRaises(jsonschema_rs.ValidationError):
            validator.validate({"line": "of another form"})

    def test_lines_have_the_form_that_the_document_says(self) -> None:
        rows = b'{"id":"a","text":"a red coat"}\n{broken\n{"id":"b"}\n'
        _, _, added = self.ask("POST", "/v1/collections/notes/items", rows, content_type="application/x-ndjson")
        self.assertEqual(len(added.splitlines()), 2)
        self.assert_lines("AddLine", added)
        _, _, answer = self.ask("POST", "/v1/jobs", rows, content_type="application/x-ndjson")
        job = json.loads(answer)["id"]
        self.assert_lines("Job", self.ask("GET", f"/v1/jobs/{job}/events")[2])
        result = self.ask("GET", f"/v1/jobs/{job}/result")[2]
        self.assertEqual([json.loads(line)["embedding"] is None for line in result.splitlines()], [False, True, True])
        self.assert_lines("JobRow", result)

    def test_collections(self) -> None:
        self.schemathesis("--include-tag", "Collections")

    def test_atlas(self) -> None:
        while self.ask("GET", "/v1/collections/notes/atlas")[0] == 202:
            time.sleep(0.1)
        self.there = {**self.there, "projection": "umap", "column": "price", "row": 0}
        self.schemathesis("--include-tag", "Atlas")

    def test_jobs(self) -> None:
        self.schemathesis("--include-tag", "Jobs")


class Keys(SchemathesisTest):
    options = ("-m", "builtin", "--client-rows", "32")
    keys = clients.KEYS

    def test_a_request_without_a_key_is_refused(self) -> None:
        self.schemathesis("--exclude-path", OF_PICTURES, key="reader-key-1")


if __name__ == "__main__":
    clients.main()
