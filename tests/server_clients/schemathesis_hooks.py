"""What schemathesis cannot make up: pictures, files of rows, and names of what is there. Loaded by name
(SCHEMATHESIS_HOOKS)."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import re
import tarfile
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies

PICTURES = [
    path.read_bytes() for path in sorted((Path(__file__).parents[2] / "examples/data/images").rglob("*.jpg"))[:3]
]
URIS = ["data:image/jpeg;base64," + base64.b64encode(data).decode() for data in PICTURES]
TEXTS = ["a red coat", "a warm jacket", "tax law"]
# What schemathesis_test.py has made before: by the names of path parameters.
THERE = json.loads(os.environ.get("ASTERISM_SCHEMATHESIS_THERE", "{}"))
DELETED = itertools.count()
# Whose query belongs to a body that is a file; a JSON body says the same itself.
WITH_QUERY_OR_JSON = re.compile(r"/search$|/items$|/v1/jobs$")
# Nothing that is asked for here takes longer on a busy machine.
TIMEOUT_MS = 60_000

schemathesis.openapi.format("binary", strategies.sampled_from(PICTURES))
schemathesis.openapi.format("filter", strategies.sampled_from(["price < 3", "price in (1, 2) or not price = 3", ""]))
schemathesis.openapi.format("picture-uri", strategies.sampled_from(URIS))
for kind in ("image/jpeg", "image/png", "image/webp", "application/octet-stream"):
    schemathesis.openapi.media_type(kind, strategies.sampled_from(PICTURES))


@schemathesis.deserializer("text/html", "text/csv")
def text_of(context: Any, response: Any) -> str:
    return str(response.content.decode())


def archive() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for index, data in enumerate(PICTURES):
            entry = tarfile.TarInfo(f"{index}.jpg")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def rows(separator: str) -> bytes:
    return "".join(f"{id_}{separator}{text}\n" for id_, text in [("id", "text"), *enumerate(TEXTS)]).encode()


FILES = {
    "application/x-ndjson": "".join(
        json.dumps({"id": f"n{i}", "text": t}) + "\n" for i, t in enumerate(TEXTS)
    ).encode(),
    "text/csv": rows(","),
    "text/tab-separated-values": rows("\t"),
    "text/plain": "\n".join(TEXTS).encode(),
    "application/x-tar": archive(),
}
for kind, file in FILES.items():
    schemathesis.openapi.media_type(kind, strategies.just(file))


def put_names(case: Any) -> None:
    """Into three of four requests: random names and ids are nearly never there."""
    deletes = case.method.upper() == "DELETE"
    for name, found in (case.path_parameters or {}).items():
        kind = "job" if case.path.startswith("/v1/jobs") else name
        if deletes and case.path.endswith(f"/{{{name}}}"):
            # What other requests need stays.
            value = f"d{next(DELETED)}" if kind == "id" else None
        else:
            value = THERE.get(kind)
        name_like = re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(found))
        if value is not None and name_like and len(str(found)) % 4:
            case.path_parameters[name] = value


@schemathesis.deserializer("application/x-ndjson")
def lines(context: Any, response: Any) -> str:
    """A string, as the document says; each line is JSON."""
    text = str(response.content.decode())
    for line in text.splitlines():
        json.loads(line)
    return text


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Times that are right but short are answered by 504, rightly, and taken for an error of the server; what is not
    there is answered by 404, and what a handler does is not seen."""
    put_names(case)
    if case.meta and case.meta.generation.mode.is_positive and WITH_QUERY_OR_JSON.search(case.path):
        if case.media_type == "application/json":
            case.query = {}
        elif case.path.endswith("/items") and str(case.media_type).startswith("image/"):
            case.query = {**(case.query or {}), "id": "a picture"}
    value = str((case.headers or {}).get("x-timeout-ms", ""))
    if value.isdecimal() and value.isascii() and 0 < int(value) < TIMEOUT_MS:
        case.headers["x-timeout-ms"] = str(TIMEOUT_MS)
