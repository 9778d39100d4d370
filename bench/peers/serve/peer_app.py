"""A peer behind FastAPI, as uvicorn runs it: POST /embed {"inputs": text or list of texts} -> [[...], ...].

Requests that wait are encoded together, as far as the setting says; one that comes alone does not wait. What a setting
is, engines.py of bench/peers/text says; it is read from a file before each batch, so that calibration can change it
while the server runs. Answers are written by orjson, straight from numpy.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from fastapi import FastAPI, Response
from pydantic import BaseModel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "text"))
from engines import Setting, load


class EmbedRequest(BaseModel):
    inputs: str | list[str]


class Batcher:
    """One thread that encodes what waits."""

    def __init__(self) -> None:
        environment = os.environ
        self.setting_file = Path(environment["PEER_SETTING"])
        self.engine = load(
            environment["PEER_NAME"],
            Path(environment["PEER_MODEL"]),
            int(environment["PEER_THREADS"]),
            Path(environment["PEER_CACHE"]),
        )
        self.waiting: queue.SimpleQueue[tuple[list[str], asyncio.Future[Any], asyncio.AbstractEventLoop]] = (
            queue.SimpleQueue()
        )
        self.engine.encode_one("warm up")
        threading.Thread(target=self.run, daemon=True).start()

    async def encode(self, texts: list[str]) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self.waiting.put((texts, future, loop))
        return await future

    def run(self) -> None:
        while True:
            requests = [self.waiting.get()]
            together, batch, streams = (int(word) for word in self.setting_file.read_text().split())
            count = len(requests[0][0])
            while count < together:
                try:
                    requests.append(self.waiting.get_nowait())
                except queue.Empty:
                    break
                count += len(requests[-1][0])
            texts = [text for request in requests for text in request[0]]
            try:
                if len(texts) == 1:
                    vectors: Any = self.engine.encode_one(texts[0])
                else:
                    vectors = self.engine.encode(texts, Setting(batch, streams))
            except Exception as error:
                vectors = error
            begin = 0
            for own, future, loop in requests:
                part = vectors if isinstance(vectors, Exception) else vectors[begin : begin + len(own)]
                begin += len(own)
                loop.call_soon_threadsafe(settle, future, part)


def settle(future: asyncio.Future[Any], part: Any) -> None:
    if future.cancelled():
        return
    if isinstance(part, Exception):
        future.set_exception(part)
    else:
        future.set_result(part)


def create_app() -> FastAPI:
    app = FastAPI()
    batcher = Batcher()

    @app.get("/health")
    async def health() -> Response:
        return Response(status_code=200)

    @app.post("/embed")
    async def embed(request: EmbedRequest) -> Response:
        texts = [request.inputs] if isinstance(request.inputs, str) else request.inputs
        vectors = np.ascontiguousarray(await batcher.encode(texts), dtype=np.float32)
        return Response(orjson.dumps(vectors, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")

    return app
