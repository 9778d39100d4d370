"""milvus-lite for one test program: `milvus_lite_server.py` prints "port N" and serves a folder of its own, which goes
with it, until its standard input ends."""

from __future__ import annotations

import os
import sys
import tempfile


def main() -> int:
    # What the server says about itself goes to standard error : the port is to be read from standard output.
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    with tempfile.TemporaryDirectory(prefix="asterism-milvus-") as folder:
        server, database, port = start_server_in_thread(folder)
        print(f"port {port}", file=report, flush=True)
        sys.stdin.read()
        server.stop(grace=None).wait()
        database.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
