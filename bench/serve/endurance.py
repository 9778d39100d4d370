"""Memory of a server that is left open and asked for long."""

from __future__ import annotations

import resource
import socket
import time

from limits import BUILTIN_DIM, Bench, Figure, ReportError, at_most
from serving import Server

MIB = 1 << 20
REQUEST = b'POST /embed HTTP/1.1\r\nhost: x\r\ncontent-length: 24\r\n\r\n{"inputs": "a red coat"}'


def raise_file_limit(count: int) -> int:
    """How many of `count` sockets this process may open."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = count + 512
    allowed = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed - 512


def connect(server: Server, count: int) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(count)]


def ask_once(connections: list[socket.socket]) -> None:
    """One request on each, so that it has been used when it idles."""
    for connection in connections:
        connection.sendall(REQUEST)
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        first, _, body = head.partition(b"\r\n\r\n")
        if not first.startswith(b"HTTP/1.1 200"):
            raise ReportError(f"idle: expected status 200, found {first[:60]!r}")
        length = next(int(line[15:]) for line in first.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += connection.recv(65536)


def settled_bytes(server: Server) -> int:
    time.sleep(0.5)
    return server.resident_bytes()


def idle_connections(bench: Bench) -> list[Figure]:
    """Resident memory that connections without a request cost, fresh and once used; the server still answers."""
    count = raise_file_limit(500 if bench.smoke else 10_000)
    bodies = bench.bodies("short", bench.texts)
    with bench.builtin("idle") as server:
        bench.load(server, bodies, clients=8, duration=0.2, dim=BUILTIN_DIM)
        before = settled_bytes(server)
        connections = connect(server, count)
        fresh = settled_bytes(server)
        ask_once(connections)
        used = settled_bytes(server)
        report = bench.load(server, bodies, clients=1, duration=0.5, dim=BUILTIN_DIM)
        for connection in connections:
            connection.close()
        after = settled_bytes(server)
    values = {
        "connections": count,
        "before_mib": before / MIB,
        "fresh_mib": fresh / MIB,
        "used_mib": used / MIB,
        "closed_mib": after / MIB,
        "p99_ms_with_them": report["accepted"]["p99_ms"],
    }
    return [
        at_most("idle connections, fresh", (fresh - before) / 1e6, "MB", 100, values),
        at_most("idle connections, used once", (used - before) / 1e6, "MB", 100, values),
    ]


def million_requests(bench: Bench) -> Figure:
    """Growth of resident memory from a tenth of the requests to all of them."""
    total = 20_000 if bench.smoke else 1_000_000
    bodies = bench.bodies("short", bench.texts)
    resident = []
    with bench.builtin("million") as server:
        start = time.monotonic()
        for share in (0.1, 0.4, 0.5):
            requests = int(total * share)
            bench.load(server, bodies, clients=32, requests=requests, warm_up=0, duration=600, dim=BUILTIN_DIM)
            resident.append(server.resident_bytes() / MIB)
        seconds = time.monotonic() - start
    values = {"requests": total, "seconds": seconds, "resident_mib_at_10_50_100_percent": resident}
    return at_most("growth from 10 % to 100 % of the requests", 1.048576 * (resident[2] - resident[0]), "MB", 4, values)
