"""What schemathesis cannot make up: pictures. Loaded by name (SCHEMATHESIS_HOOKS)."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies

PICTURES = [
    path.read_bytes() for path in sorted((Path(__file__).parents[2] / "examples/data/images").rglob("*.jpg"))[:3]
]
URIS = ["data:image/jpeg;base64," + base64.b64encode(data).decode() for data in PICTURES]
# Nothing that is asked for here takes longer on a busy machine.
TIMEOUT_MS = 60_000

schemathesis.openapi.format("binary", strategies.sampled_from(PICTURES))
schemathesis.openapi.format("picture-uri", strategies.sampled_from(URIS))
for kind in ("image/jpeg", "image/png", "image/webp", "application/octet-stream"):
    schemathesis.openapi.media_type(kind, strategies.sampled_from(PICTURES))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Times that are right but short are answered by 504, rightly, and taken for an error of the server."""
    value = str((case.headers or {}).get("x-timeout-ms", ""))
    if value.isdecimal() and value.isascii() and 0 < int(value) < TIMEOUT_MS:
        case.headers["x-timeout-ms"] = str(TIMEOUT_MS)
