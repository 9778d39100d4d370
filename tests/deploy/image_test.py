"""The image: its Dockerfile is well formed and holds what the program needs, and its health check tells the truth."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import socket
import threading
import unittest
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import support
from support import DEPLOY, PROGRAM, ROOT

DOCKERFILE = DEPLOY / "Dockerfile"
# In debian:12-slim already.
BASE_PACKAGES = {"libc6", "libgcc-s1", "zlib1g"}
# Libraries that are installed beside the modules.
BUNDLED = re.compile(r"libopenvino|libtbb|libasterism")
# Opened by name when they are first needed.
OPENED = re.compile(r'kFileName = "(lib[^"]+\.so[^"]*)"')
# Not in the image.
LEFT_OUT = ("libasterism_torch.so",)


def instructions() -> list[tuple[str, str]]:
    """Name and argument of every instruction, continued lines joined."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def final_stage() -> list[tuple[str, str]]:
    """The instructions of the stage that is shipped, its FROM first."""
    all_of_them = instructions()
    return all_of_them[max(i for i, (name, _) in enumerate(all_of_them) if name == "FROM") :]


def installed_packages() -> set[str]:
    """What apt-get installs in the last stage."""
    text = " ".join(rest for name, rest in final_stage() if name == "RUN")
    found = re.search(r"apt-get install -y --no-install-recommends (.*?) && ", text)
    assert found is not None, text
    return set(found[1].split())


def needed_libraries() -> Iterator[str]:
    """Sonames that the program and its modules are linked to, or open by name."""
    modules = [each for each in PROGRAM.parents[1].glob("lib/asterism/libasterism_*.so") if each.name not in LEFT_OUT]
    for binary in [PROGRAM, *modules]:
        yield from re.findall(r"\(NEEDED\).*\[(.*)\]", support.run("readelf", "-d", binary).stdout)
    for source in (ROOT / "src").rglob("*_library.cpp"):
        if "torch" not in source.parts:
            yield from OPENED.findall(source.read_text(encoding="utf-8"))


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a file out of the build; the last pattern that matches decides."""
    result = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        keep = pattern.startswith("!")
        pattern = pattern.removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        prefixes = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        if any(fnmatch.fnmatchcase(prefix, pattern) for prefix in prefixes):
            result = not keep
    return result


class DockerfileTest(unittest.TestCase):
    def test_hadolint_finds_nothing(self) -> None:
        answer = support.run(support.tool("hadolint"), DOCKERFILE)
        self.assertEqual((answer.returncode, answer.stdout), (0, ""))

    def test_is_built_in_one_stage_and_shipped_in_another(self) -> None:
        stages = [rest for name, rest in instructions() if name == "FROM"]
        self.assertEqual(len(stages), 2)
        self.assertTrue(stages[0].endswith(" AS build"), stages[0])
        self.assertEqual(stages[1], "debian:12-slim")

    def test_runs_as_a_numbered_user_who_is_not_root(self) -> None:
        users = [rest for name, rest in final_stage() if name == "USER"]
        self.assertEqual(len(users), 1)
        user, group = users[0].split(":")
        self.assertGreater(int(user), 0)
        self.assertGreater(int(group), 0)

    def test_serves_at_the_port_it_exposes_and_checks(self) -> None:
        stage = dict(final_stage())
        self.assertEqual(json.loads(stage["ENTRYPOINT"]), ["asterism", "serve"])
        command = json.loads(stage["CMD"])
        port = command[command.index("--port") + 1]
        self.assertEqual(stage["EXPOSE"], port)
        self.assertEqual(json.loads(stage["HEALTHCHECK"].partition("CMD ")[2]), ["healthcheck", "127.0.0.1", port])

    def test_options_are_those_of_the_program(self) -> None:
        known = support.serve_options()
        self.assertLessEqual(support.options_of(json.loads(dict(final_stage())["CMD"])), known)

    def test_what_is_copied_is_there_and_not_ignored(self) -> None:
        copied = [
            words[:-1]
            for name, rest in instructions()
            if name == "COPY" and "--from" not in rest
            for words in [[word for word in rest.split() if not word.startswith("--")]]
        ]
        self.assertTrue(copied)
        for source in (each for words in copied for each in words if each != "."):
            self.assertTrue((ROOT / source).exists(), source)
            self.assertFalse(ignored(source), source)

    def test_ignores_what_was_built_and_fetched_and_keeps_the_sources(self) -> None:
        for path in (".git/HEAD", "build/release/bin/asterism", ".deps/openvino", "tests/tidy/__pycache__/a.pyc"):
            self.assertTrue(ignored(path), path)
        for path in (
            "src/base/file.hpp",
            "CMakeLists.txt",
            "cmake/AsterismInstall.cmake",
            "assets/README.md",
            "catalog/models.toml",
        ):
            self.assertFalse(ignored(path), path)

    def test_installs_the_packages_of_all_libraries_that_are_needed(self) -> None:
        if not PROGRAM.exists():
            self.skipTest(f"{PROGRAM} is not built")
        if shutil.which("dpkg-query") is None or "bookworm" not in Path("/etc/os-release").read_text(encoding="utf-8"):
            self.skipTest("not Debian 12: its packages are not known here")
        names = {name for name in needed_libraries() if not name.startswith("ld-linux") and not BUNDLED.match(name)}
        self.assertGreater(len(names), 5)
        packages = set()
        for name in names:
            owner = support.run("dpkg-query", "--search", f"*/{name}").stdout
            self.assertTrue(owner, f"no Debian package has {name}")
            packages.add(owner.partition(":")[0])
        self.assertEqual(packages - BASE_PACKAGES - installed_packages(), set())


class Health(BaseHTTPRequestHandler):
    """Answers /health as the server would."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


class HealthCheckTest(unittest.TestCase):
    def check(self, port: int) -> tuple[int, str]:
        answer = support.run(DEPLOY / "healthcheck.sh", "127.0.0.1", str(port))
        return answer.returncode, answer.stderr

    def serve(self, status: int) -> int:
        server = HTTPServer(("127.0.0.1", 0), type("Answer", (Health,), {"status": status}))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_port

    def listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return listener

    def test_health_is_success(self) -> None:
        self.assertEqual(self.check(self.serve(200)), (0, ""))

    def test_a_red_server_fails(self) -> None:
        code, reason = self.check(self.serve(503))
        self.assertEqual(code, 1)
        self.assertIn("503", reason)

    def test_nobody_listening_fails(self) -> None:
        listener = self.listen()
        port = listener.getsockname()[1]
        listener.close()
        code, reason = self.check(port)
        self.assertEqual(code, 1)
        self.assertIn("nothing listens", reason)

    def test_silence_fails(self) -> None:
        code, reason = self.check(self.listen().getsockname()[1])
        self.assertEqual(code, 1)
        self.assertIn("no answer", reason)


if __name__ == "__main__":
    support.main()
