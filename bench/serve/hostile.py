"""Clients that harm themselves: killed in the middle of an upload, or sending a byte now and then."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from limits import BUILTIN_DIM, Bench, Figure, at_most
from serving import Server

SLOW_CLIENTS = 200
BYTE_SECONDS = 0.5
UPLOAD_BYTES = 50_000_000
# Sends the head of a large upload and then its body, slowly, until it is killed.
UPLOADER = f"""
import socket, sys, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(b"POST /embed HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: {UPLOAD_BYTES}\\r\\n\\r\\n")
print("sending", flush=True)
while True:
    connection.sendall(b" " * 200_000)
    time.sleep(0.01)
"""


@contextlib.contextmanager
def slow_clients(server: Server, count: int) -> Iterator[list[socket.socket]]:
    """Half of them never finish their headers, half their bodies."""
    connections = []
    for i in range(count):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        tail = b"x-slow: " if i % 2 == 0 else b"content-length: 1000\r\n\r\n"
        connection.sendall(b"POST /embed HTTP/1.1\r\nhost: x\r\n" + tail)
        connections.append(connection)
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(BYTE_SECONDS):
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.send(b"a")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield connections
    finally:
        stop.set()
        thread.join()
        for connection in connections:
            connection.close()


@contextlib.contextmanager
def killed_uploads(server: Server) -> Iterator[list[int]]:
    """One after the other, each killed while it sends; yields how many were."""
    killed = [0]
    stop = threading.Event()

    def kill_them() -> None:
        while not stop.is_set():
            with subprocess.Popen(
                [sys.executable, "-c", UPLOADER, str(server.port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as process:
                assert process.stdout is not None
                if process.stdout.readline():
                    stop.wait(0.2)
                os.kill(process.pid, signal.SIGKILL)
                killed[0] += 1

    thread = threading.Thread(target=kill_them)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def ended_by_server(connections: list[socket.socket], seconds: float) -> int:
    """How many of the connections the server has ended within so long."""
    end = time.monotonic() + seconds
    open_ones = set(connections)
    while open_ones and time.monotonic() < end:
        for connection in select.select(list(open_ones), [], [], 0.2)[0]:
            with contextlib.suppress(OSError):
                if connection.recv(65536):
                    continue
            open_ones.discard(connection)
    return len(connections) - len(open_ones)


def hostile(bench: Bench) -> list[Figure]:
    bodies = bench.bodies("short", bench.texts)
    seconds = 3

    def healthy(server: Server) -> dict[str, float]:
        return dict(bench.load(server, bodies, clients=1, duration=seconds, dim=BUILTIN_DIM)["accepted"])

    with bench.builtin("hostile") as server:
        before = healthy(server)
        with slow_clients(server, SLOW_CLIENTS) as connections:
            slow = healthy(server)
            # The server gives a request's head 10 seconds.
            ended = 0 if bench.smoke else ended_by_server(connections[::2], 12)
        with killed_uploads(server) as killed:
            uploads = healthy(server)
        after = healthy(server)
        resident = server.resident_bytes()
    values = {
        "before": before,
        "with_slow_clients": slow,
        "with_killed_uploads": uploads,
        "after": after,
        "killed_uploads": killed[0],
        "resident_mb_after": resident / 1e6,
        "slow_heads_ended_by_the_server": f"{ended} of {SLOW_CLIENTS // 2}" if not bench.smoke else "not waited for",
    }
    return [
        at_most("p99 of a healthy client with 200 slow ones, more", slow["p99_ms"] - before["p99_ms"], "ms", 1, values),
        at_most("p99 of it with uploads that are killed, more", uploads["p99_ms"] - before["p99_ms"], "ms", 5, {}),
    ]
