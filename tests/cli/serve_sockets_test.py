"""`asterism serve` on TLS, on sockets that systemd opened, and as a client of collectors and hosts of pictures."""

from __future__ import annotations

import base64
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import unittest
import warnings
from typing import Any, ClassVar

from serve_support import PICTURE, ServeTest
from support import PATIENCE_S, PROGRAM, CliTest, environment


class Tls(CliTest):
    def setUp(self) -> None:
        super().setUp()
        openssl = shutil.which("openssl") or ""
        if not openssl:
            self.skipTest("openssl is not installed")
        subprocess.run(
            [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-keyout", "k.pem", "-out", "c.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
            cwd=self.folder, check=True, capture_output=True,
        )  # fmt: skip

    def test_https_serves_and_refuses_what_is_not_https(self) -> None:
        with subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--tls-certificate", "c.pem", "--tls-key", "k.pem"],
            cwd=self.folder, stderr=subprocess.PIPE, text=True, env=environment(self.folder),
        ) as server:  # fmt: skip
            assert server.stderr
            line = server.stderr.readline()
            found = re.search(r"https://127\.0\.0\.1:(\d+)", line)
            assert found, line
            port = int(found[1])
            context = ssl.create_default_context(cafile=str(self.folder / "c.pem"))
            connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=PATIENCE_S)
            for _ in range(3):  # the same connection
                connection.request("POST", "/embed", json.dumps({"inputs": ["a"] * 500}))
                answer = connection.getresponse()
                self.assertEqual((answer.status, len(json.loads(answer.read()))), (200, 500))
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            with warnings.catch_warnings(action="ignore"):
                old.maximum_version = ssl.TLSVersion.TLSv1_1
            with socket.create_connection(("127.0.0.1", port)) as plain, self.assertRaises((ssl.SSLError, OSError)):
                old.wrap_socket(plain)
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain:
                plain.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
                self.assertNotIn(b"200 OK", plain.recv(4096))
            # Whoever begins and stays silent holds nobody up.
            with socket.create_connection(("127.0.0.1", port)):
                connection.request("GET", "/health")
                self.assertIn(b'"status":"ok"', connection.getresponse().read())
            connection.close()
            server.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(timeout=PATIENCE_S), 0)

    def test_a_key_of_another_certificate_is_an_error_at_the_start(self) -> None:
        self.write("other.pem", "nonsense")
        self.fails("corrupt", "serve", "--port", "0", "--tls-certificate", "c.pem", "--tls-key", "other.pem")
        self.fails("invalid_argument", "serve", "--port", "0", "--tls-certificate", "c.pem")


class SocketActivation(CliTest):
    def test_sockets_of_systemd_are_taken_in_place_of_the_options(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as given:
            port = given.getsockname()[1]
            os.set_inheritable(given.fileno(), True)
            script = 'exec 3<&"$0"; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
            with subprocess.Popen(
                ["bash", "-c", script, str(given.fileno()), PROGRAM, "serve", "--port", "1"],
                pass_fds=[given.fileno()], stderr=subprocess.PIPE, text=True, env=environment(self.folder),
            ) as server:  # fmt: skip
                assert server.stderr
                self.assertIn(str(port), server.stderr.readline())
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
                connection.request("GET", "/health")
                self.assertEqual(connection.getresponse().status, 200)
                connection.close()
                server.send_signal(signal.SIGTERM)
                self.assertEqual(server.wait(timeout=PATIENCE_S), 0)


class Collector(http.server.BaseHTTPRequestHandler):
    bodies: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        type(self).bodies.append({"path": self.path, "body": json.loads(data)})
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *arguments: object) -> None:
        """Silence."""


class Outgoing(ServeTest):
    def setUp(self) -> None:
        Collector.bodies = []
        self.collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
        threading.Thread(target=self.collector.serve_forever, daemon=True).start()
        self.addCleanup(self.collector.server_close)
        self.addCleanup(self.collector.shutdown)
        port = self.collector.server_address[1]
        self.options = ("-m", "builtin", "-m", "builtin-image", "--otlp-endpoint", f"http://127.0.0.1:{port}",
                        "--fetch-host", f"127.0.0.1:{port}", "--access-log", "--cors-origin", "*")  # fmt: skip
        super().setUp()

    @staticmethod
    def spans() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for sent in list(Collector.bodies):
            found += sent["body"]["resourceSpans"][0]["scopeSpans"][0]["spans"]
        return found

    def test_requests_are_traced_with_their_stages(self) -> None:
        parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        body = base64.b64encode(PICTURE.read_bytes()).decode()
        status, headers, _ = self.ask("POST", "/embed_image", json.dumps({"inputs": body}), traceparent=parent,
                                      content_type="application/json", x_request_id="mine")  # fmt: skip
        self.assertEqual((status, headers["x-request-id"]), (200, "mine"))
        # A request's spans may be sent in parts.
        self.wait_until(lambda: len(self.spans()) >= 3)
        self.assertEqual({sent["path"] for sent in Collector.bodies}, {"/v1/traces"})
        spans = self.spans()
        by_name = {span["name"]: span for span in spans}
        self.assertEqual(set(by_name), {"POST /embed_image", "inference", "queue"})
        whole = by_name["POST /embed_image"]
        self.assertEqual((whole["parentSpanId"], whole["kind"]), ("00f067aa0ba902b7", 2))
        for span in spans:
            self.assertEqual(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736")
            self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
        self.assertEqual(by_name["inference"]["parentSpanId"], whole["spanId"])
        assert self.process.stdout
        logged = json.loads(self.process.stdout.readline())
        self.assertEqual(logged["trace_id"], whole["traceId"])
        self.assertEqual((logged["path"], logged["status"], logged["request_id"]), ("/embed_image", 200, "mine"))

    def test_listed_hosts_at_private_addresses_are_not_asked(self) -> None:
        port = self.collector.server_address[1]
        status, answer = self.post("/embed_image", {"inputs": f"http://127.0.0.1:{port}/p.jpg"})
        self.assertEqual((status, "expected a public address, found 127.0.0.1" in answer["error"]), (422, True), answer)
        status, answer = self.post("/embed_image", {"inputs": "http://169.254.169.254/latest/meta-data"})
        self.assertEqual((status, "allowed here" in answer["error"]), (422, True), answer)
        self.assertFalse(any(sent["path"] == "/p.jpg" for sent in Collector.bodies))


if __name__ == "__main__":
    unittest.main()
