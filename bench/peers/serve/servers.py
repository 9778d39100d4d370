"""The servers that are compared: how each is started, asked and set up. All get the same threads and the same texts."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from report import has_native_bf16
from serving import SMOKE_TIMES, Server, ServerError, write_bodies

HERE = Path(__file__).resolve().parent
OURS = "asterism"
PEERS = ("sentence-transformers f32", "onnxruntime f32", "openvino padded f32", "openvino padded bf16")
LLAMA = "llama.cpp"
# How a peer's server may use its engine: requests taken together, texts of an engine's batch, streams of OpenVINO.
SETTINGS = ("1 1 1", "32 8 1", "32 32 1")
STREAM_SETTINGS = ("32 8 2", "32 16 2")
CALIBRATION_CLIENTS = 32
DIM = 384


@dataclass
class Options:
    build: Path
    model: Path
    texts: list[str]
    threads: int
    cache: Path
    only: list[str]
    llama: Path | None  # llama-server and minilm.gguf, as make_llama.sh leaves them
    smoke: bool
    # Ends every server that was started, however the run ends.
    started: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    skipped: list[str] = field(default_factory=list)
    # Requests a second at CALIBRATION_CLIENTS clients, by peer and setting.
    calibration: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def generator(self) -> Path:
        return self.build / "bench" / "serve" / "asterism_load"

    def start(self, name: str, command: list[str], **options: Any) -> Server:
        log = self.cache / "logs" / f"{name.replace(' ', '_')}.log"
        return self.started.enter_context(Server(name, command, log, **options))

    def wants(self, name: str) -> bool:
        return not self.only or any(part in name for part in self.only)


@dataclass
class Contender:
    """A server that runs, and what its requests look like."""

    name: str
    server: Server
    setting: str = "-"
    path: str = "/embed"
    key: str = "inputs"

    def bodies(self, options: Options, batch: int) -> Path:
        """Single texts, or lists of `batch`."""
        texts: Sequence[Any] = options.texts
        if batch > 1:
            texts = [options.texts[i : i + batch] for i in range(0, len(options.texts) - batch + 1, batch)]
        return write_bodies(options.cache / f"{self.key}-{batch}.jsonl", [{self.key: text} for text in texts])

    def measure(self, options: Options, clients: int, batch: int, seconds: float) -> dict[str, Any]:
        """One run of the generator; all other servers are stopped. In a smoke run some requests, however long they take."""
        times: dict[str, Any] = {"duration": seconds, "warm_up": seconds / 4}
        if options.smoke:
            times = {**SMOKE_TIMES, "requests": max(4, SMOKE_TIMES["requests"] // batch)}
        return self.server.measure(
            options.generator, self.bodies(options, batch),
            path=self.path, clients=clients, vectors=batch, dim=DIM, **times,
        )  # fmt: skip


def start_ours(options: Options, precision: str) -> Contender:
    name = f"{OURS} {precision}"
    command = [str(options.build / "bin" / "asterism"), "serve", "-m", str(options.model), "--port", "{port}"]
    # Texts come again in longer runs: every one is to be computed.
    command += ["--threads", str(options.threads), "--precision", precision, "--cache-mb", "0"]
    return Contender(name, options.start(name, command, threads=options.threads))


def start_peer(options: Options, peer: str, workers: int) -> Contender:
    """`workers` processes share the threads."""
    name = f"{peer}, {workers} workers"
    setting_file = options.cache / f"{name.replace(' ', '_')}.setting"
    setting_file.write_text(SETTINGS[0], encoding="utf-8")
    threads = options.threads // workers
    environment = {
        "PEER_NAME": peer,
        "PEER_MODEL": str(options.model),
        "PEER_THREADS": str(threads),
        "PEER_CACHE": str(options.cache),
        "PEER_SETTING": str(setting_file),
    }
    command = [sys.executable, "-m", "uvicorn", "peer_app:create_app", "--factory", "--app-dir", str(HERE)]
    command += ["--host", "127.0.0.1", "--port", "{port}", "--workers", str(workers)]
    command += ["--loop", "uvloop", "--http", "httptools", "--log-level", "warning", "--no-access-log"]
    return Contender(name, options.start(name, command, threads=threads, environment=environment))


def describe(setting: str) -> str:
    together, batch, streams = setting.split()
    if together == "1":
        return "one by one"
    return f"up to {together} together, batches of {batch}" + (f", {streams} streams" if streams != "1" else "")


def calibrate(options: Options, contender: Contender, peer: str) -> float:
    """Sets the fastest setting at CALIBRATION_CLIENTS clients; its requests a second."""
    file = options.cache / f"{contender.name.replace(' ', '_')}.setting"
    settings = [*SETTINGS, *(STREAM_SETTINGS if peer.startswith("openvino") else ())]
    rates = {}
    for setting in settings[-1:] if options.smoke else settings:
        file.write_text(setting, encoding="utf-8")
        report = contender.measure(options, CALIBRATION_CLIENTS, 1, 1.2)
        rates[setting] = float(report["requests_per_second"])
    best = max(rates, key=lambda setting: rates[setting])
    file.write_text(best, encoding="utf-8")
    options.calibration[contender.name] = {describe(setting): round(rate, 1) for setting, rate in rates.items()}
    contender.setting = describe(best)
    return rates[best]


def fastest_peer(options: Options, peer: str) -> Contender:
    """Of one process with all threads and of a process a thread, each in its fastest setting."""
    best: tuple[float, Contender] | None = None
    for workers in (1,) if options.smoke or options.threads == 1 else (1, options.threads):
        contender = start_peer(options, peer, workers)
        rate = calibrate(options, contender, peer)
        print(f"  {contender.name}: {rate:.0f} a second: {contender.setting}", file=sys.stderr, flush=True)
        if best is None or rate > best[0]:
            if best is not None:
                best[1].server.close()
            best = (rate, contender)
        else:
            contender.server.close()
    assert best is not None
    return best[1]


def start_llama(options: Options) -> Contender:
    if options.llama is None:
        raise ServerError(f"{LLAMA}: not built (bench/peers/serve/make_llama.sh)")
    command = [str(options.llama / "llama-server"), "-m", str(options.llama / "minilm.gguf"), "--embeddings"]
    command += ["--pooling", "mean", "--host", "127.0.0.1", "--port", "{port}", "--threads", str(options.threads)]
    # A text may have 512 tokens, a batch 4,096; each kept-alive client holds a thread of its HTTP library.
    command += ["--threads-batch", str(options.threads), "--parallel", "32", "--ctx-size", "16384"]
    command += ["--batch-size", "4096", "--ubatch-size", "4096", "--no-webui", "--log-disable"]
    command += ["--threads-http", "160"]
    server = options.start(LLAMA, command, threads=options.threads)
    return Contender(LLAMA, server, path="/v1/embeddings", key="input")


def peers_available() -> bool:
    return all(importlib.util.find_spec(name) for name in ("sentence_transformers", "fastapi", "uvicorn"))


def start_all(options: Options) -> Iterator[Contender]:
    """Every contender that can be started; why another cannot goes to `skipped`."""
    starts: dict[str, Any] = {}
    for precision in ("auto", "f32") if has_native_bf16() else ("f32",):
        starts[f"{OURS} {precision}"] = lambda precision=precision: start_ours(options, precision)
    for peer in PEERS[:1] if options.smoke else PEERS:
        starts[peer] = lambda peer=peer: fastest_peer(options, peer)
    starts[LLAMA] = lambda: start_llama(options)
    for name, start in starts.items():
        if not options.wants(name):
            continue
        if name in PEERS and not peers_available():
            options.skipped.append(f"{name}: no Python environment of the peers (make -C bench/peers/serve env)")
        elif name.endswith("bf16") and not has_native_bf16():
            options.skipped.append(f"{name}: this processor has no bf16 of its own")
        else:
            print(f"starting {name}", file=sys.stderr, flush=True)
            try:
                contender = start()
            except ServerError as error:
                options.skipped.append(str(error))
                continue
            contender.server.pause()
            yield contender
