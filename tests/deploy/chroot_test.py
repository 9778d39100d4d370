"""The image's last stage in a chroot, where there is no container engine: debootstrap stands for its base, the packages,
the user, the files and the command are those of the Dockerfile. Takes minutes and the network, so it runs when asked for
(ASTERISM_TEST_CHROOT=1, as root)."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import image_test
import support
from support import PROGRAM, ROOT

MIRROR = os.environ.get("ASTERISM_DEBIAN_MIRROR", "http://deb.debian.org/debian")
PICTURE = sorted((ROOT / "examples" / "data" / "images").rglob("*.jpg"))[0]
STARTED_S_MAX = 60.0


def words(name: str) -> list[str]:
    """The words of an instruction in its JSON form, of the last stage."""
    found: list[str] = json.loads(next(rest for key, rest in image_test.final_stage() if key == name))
    return found


def run_commands() -> list[str]:
    """What the last stage runs after its packages are installed."""
    text = next(rest for name, rest in image_test.final_stage() if name == "RUN")
    return [part.strip() for part in text.split(" && ") if "apt" not in part]


class Chroot(unittest.TestCase):
    def setUp(self) -> None:
        if os.environ.get("ASTERISM_TEST_CHROOT") != "1":
            self.skipTest("the chroot was not asked for: ASTERISM_TEST_CHROOT=1")
        if os.geteuid() != 0 or shutil.which("debootstrap") is None:
            self.skipTest("a chroot needs root and debootstrap")
        self.folder = Path(tempfile.mkdtemp(prefix="asterism-chroot-"))
        self.folder.chmod(0o755)  # its root, for the user inside
        self.addCleanup(self.remove)

    def remove(self) -> None:
        for name in ("proc", "dev"):
            subprocess.run(["umount", "-l", self.folder / name], check=False, capture_output=True)
        self.assertFalse((self.folder / "dev" / "null").exists() and os.path.ismount(self.folder / "dev"))
        shutil.rmtree(self.folder)

    def done(self, *command: str | Path) -> str:
        answer = support.run(*command)
        self.assertEqual(answer.returncode, 0, f"{command}: {answer.stdout[-2000:]}{answer.stderr[-2000:]}")
        return answer.stdout

    def in_chroot(self, command: str) -> str:
        environment = [
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "DEBIAN_FRONTEND=noninteractive",
            "LANG=C.UTF-8",
        ]
        return self.done("chroot", self.folder, *environment, "sh", "-ec", command)

    def build_image(self) -> None:
        self.done("debootstrap", "--variant=minbase", "bookworm", self.folder, MIRROR)
        for name in ("resolv.conf", "hosts"):
            shutil.copyfile(f"/etc/{name}", self.folder / "etc" / name)
        for kind in ("apt.conf.d",):
            shutil.copytree(f"/etc/apt/{kind}", self.folder / "etc" / "apt" / kind, dirs_exist_ok=True)
        self.done("mount", "-t", "proc", "proc", self.folder / "proc")
        self.done("mount", "--bind", "/dev", self.folder / "dev")
        packages = " ".join(sorted(image_test.installed_packages()))
        self.in_chroot(f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {packages}")
        for command in run_commands():
            self.in_chroot(command)
        target = self.folder / "opt" / "asterism"
        self.done("cmake", "--install", PROGRAM.parents[1], "--prefix", target, "--strip")
        for left_out in image_test.LEFT_OUT:
            (target / "lib" / "asterism" / left_out).unlink(missing_ok=True)
        shutil.rmtree(target / "include", ignore_errors=True)
        health = target / "bin" / "healthcheck"
        shutil.copyfile(ROOT / "deploy" / "healthcheck.sh", health)
        health.chmod(0o755)

    def as_user(self, command: Sequence[str]) -> list[str]:
        user = next(rest for name, rest in image_test.final_stage() if name == "USER")
        path = "/opt/asterism/bin:/usr/bin:/bin"
        return ["chroot", f"--userspec={user}", "--groups=", str(self.folder), "env", "-i", f"PATH={path}",
                "HF_HOME=/data/models", "HOME=/data", "sh", "-c", 'cd /data && exec "$@"', "sh", *command]  # fmt: skip

    def test_the_image_serves_texts_and_pictures_as_its_user(self) -> None:
        self.build_image()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        command = [*words("ENTRYPOINT"), *(port if word == "8080" else word for word in words("CMD"))]
        command = ["127.0.0.1" if word == "0.0.0.0" else word for word in command] + ["-m", "builtin-image"]
        with subprocess.Popen(self.as_user(command), stderr=subprocess.PIPE, text=True) as server:
            try:
                check = self.as_user(["healthcheck", "127.0.0.1", port])
                end = time.monotonic() + STARTED_S_MAX
                while support.run(*check).returncode != 0 and server.poll() is None and time.monotonic() < end:
                    time.sleep(0.2)
                self.assertEqual(support.run(*check).returncode, 0)
                status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
                self.assertEqual(re.findall(r"^Uid:\s+(\d+)", status, re.MULTILINE), ["10001"])
                url = f"http://127.0.0.1:{port}"
                self.assertEqual(len(self.ask(url + "/embed", b'{"inputs":["a","b"]}', "application/json")), 2)
                self.assertEqual(len(self.ask(url + "/embed_image", PICTURE.read_bytes(), "image/jpeg")), 1)
            finally:
                server.terminate()
                self.assertEqual(server.wait(timeout=30), 0, server.stderr and server.stderr.read())
        writable = self.done(*self.as_user(["find", "/opt/asterism", "-writable", "-not", "-type", "l"]))
        self.assertEqual(writable, "")
        size = self.done("du", "-sm", "--exclude=proc", "--exclude=dev", self.folder).split()[0]
        print(
            f"the chroot holds {size} MB, of them the program {self.done('du', '-sm', self.folder / 'opt').split()[0]}"
        )

    def ask(self, url: str, body: bytes, content_type: str) -> list[list[float]]:
        request = urllib.request.Request(url, body, {"content-type": content_type})
        with urllib.request.urlopen(request, timeout=60) as answer:
            rows: list[list[float]] = json.load(answer)
        return rows


if __name__ == "__main__":
    support.main()
