"""The set-up scripts: what is unpacked from a wheel, whose OpenVINO is taken, what a second run does. No network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import unittest
import zipfile
from pathlib import Path

SETUP = Path(__file__).resolve().parents[2] / "tools" / "setup"
MEMBERS = {
    "openvino/__init__.py": "",
    "openvino/cmake/OpenVINOConfig.cmake": "# config",
    "openvino/include/openvino/openvino.hpp": "// header",
    "openvino/libs/libopenvino.so.2641": "library",
    "openvino/libs/libtbb.so.12": "library",
    "openvino-1.dist-info/RECORD": "",
}
# In place of pip: puts the wheel named by FAKE_WHEEL where `pip download -d` would.
FAKE_PYTHON = """#!/bin/bash
if [ "$1" = -m ] && [ "$2" = pip ]; then
  [ -n "${FAKE_WHEEL:-}" ] || exit 1
  cp "$FAKE_WHEEL" "${@: -1}"
else
  exec "$REAL_PYTHON" "$@"
fi
"""


class SetupTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.wheel = self.folder / "openvino-1-py3-none-any.whl"
        self.write_wheel(MEMBERS)

    def write_wheel(self, members: dict[str, str]) -> None:
        with zipfile.ZipFile(self.wheel, "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)

    def run_command(self, *command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        return subprocess.run(command, env={**kept, **env}, capture_output=True, text=True, check=False)


class Unpack(SetupTest):
    def unpack(self) -> subprocess.CompletedProcess[str]:
        return self.run_command("python3", SETUP / "unpack_openvino.py", self.wheel, self.folder / "out")

    def test_keeps_native_files_only_and_links_plain_names(self) -> None:
        self.assertEqual(self.unpack().returncode, 0)
        out = self.folder / "out"
        found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir())
        self.assertEqual(
            found,
            [
                "cmake/OpenVINOConfig.cmake",
                "include/openvino/openvino.hpp",
                "libs/libopenvino.so",
                "libs/libopenvino.so.2641",
                "libs/libtbb.so",
                "libs/libtbb.so.12",
            ],
        )
        self.assertEqual((out / "libs" / "libopenvino.so").readlink(), Path("libopenvino.so.2641"))

    def test_member_outside_its_folder_is_refused(self) -> None:
        self.write_wheel({**MEMBERS, "openvino/libs/../../../escaped": "x"})
        self.assertNotEqual(self.unpack().returncode, 0)
        self.assertFalse((self.folder / "escaped").exists())

    def test_wheel_without_cmake_package_is_refused(self) -> None:
        self.write_wheel({"openvino/libs/libopenvino.so.1": "", "openvino/libs/libtbb.so.1": ""})
        result = self.unpack()
        self.assertEqual(result.returncode, 1)
        self.assertIn("OpenVINOConfig.cmake", result.stderr)


class OwnOpenvino(SetupTest):
    def setUp(self) -> None:
        super().setUp()
        self.own = self.folder / "own" / "runtime" / "cmake"
        self.own.mkdir(parents=True)
        (self.own / "OpenVINOConfig.cmake").touch()

    def test_named_folder_is_found_at_every_level(self) -> None:
        for named in (self.own, self.own.parent, self.own.parent.parent):
            for variable in ("OPENVINO_DIR", "OpenVINO_DIR"):
                result = self.run_command(SETUP / "openvino_dir.sh", **{variable: str(named)})
                self.assertEqual(result.stdout.strip(), str(self.own), f"{variable}={named}")

    def test_prefix_path_is_searched_and_others_in_it_do_not_matter(self) -> None:
        for separator in ":;":
            prefixes = separator.join([str(self.folder / "none"), str(self.own.parent.parent)])
            result = self.run_command(SETUP / "openvino_dir.sh", CMAKE_PREFIX_PATH=prefixes)
            self.assertEqual(result.stdout.strip(), str(self.own))
        result = self.run_command(SETUP / "openvino_dir.sh", CMAKE_PREFIX_PATH=str(self.folder / "none"))
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_named_folder_without_openvino_is_an_error(self) -> None:
        result = self.run_command(SETUP / "openvino_dir.sh", OPENVINO_DIR=str(self.folder))
        self.assertEqual(result.returncode, 1)
        self.assertIn(str(self.folder), result.stderr)


class Setup(SetupTest):
    """setup.sh in a checkout of its own, without packages and with a wheel of ours in place of the index."""

    def setUp(self) -> None:
        super().setUp()
        real = shutil.which("python3")
        assert real is not None
        self.real_python = real
        self.checkout = self.folder / "checkout"
        shutil.copytree(SETUP, self.checkout / "tools" / "setup")
        programs = self.folder / "bin"
        programs.mkdir()
        (programs / "python3").write_text(FAKE_PYTHON)
        (programs / "python3").chmod(0o755)
        self.path = f"{programs}:{os.environ['PATH']}"

    def setup(self, **env: str) -> subprocess.CompletedProcess[str]:
        return self.run_command(
            self.checkout / "tools" / "setup" / "setup.sh",
            PATH=self.path,
            REAL_PYTHON=self.real_python,
            ASTERISM_SKIP_PACKAGES="1",
            **env,
        )

    def config(self) -> Path:
        return self.checkout / ".deps" / "openvino" / "cmake" / "OpenVINOConfig.cmake"

    def test_second_run_fetches_nothing(self) -> None:
        self.assertEqual(self.setup(FAKE_WHEEL=str(self.wheel)).returncode, 0)
        self.assertTrue(self.config().is_file())
        second = self.setup()  # no wheel to be had
        self.assertEqual((second.returncode, second.stdout, second.stderr), (0, "", ""))

    def test_failed_fetch_says_what_to_do_and_the_next_run_repairs(self) -> None:
        failed = self.setup()
        self.assertEqual(failed.returncode, 1)
        self.assertIn("OPENVINO_DIR", failed.stderr)
        self.assertFalse(self.config().exists())
        self.assertEqual(self.setup(FAKE_WHEEL=str(self.wheel)).returncode, 0)
        self.assertTrue(self.config().is_file())

    def test_cut_off_run_is_repaired(self) -> None:
        # What a kill while unpacking leaves: a half-filled work folder and no stamp.
        (self.checkout / ".deps" / "openvino.new" / "openvino" / "cmake").mkdir(parents=True)
        (self.checkout / ".deps" / "openvino" / "cmake").mkdir(parents=True)
        self.assertEqual(self.setup(FAKE_WHEEL=str(self.wheel)).returncode, 0)
        self.assertTrue(self.config().is_file())
        self.assertFalse((self.checkout / ".deps" / "openvino.new").exists())

    def test_changed_pins_fetch_again(self) -> None:
        self.assertEqual(self.setup(FAKE_WHEEL=str(self.wheel)).returncode, 0)
        with (self.checkout / "tools" / "setup" / "wheels.txt").open("a") as pins:
            pins.write("# changed\n")
        self.write_wheel({**MEMBERS, "openvino/include/new.hpp": ""})
        self.assertEqual(self.setup(FAKE_WHEEL=str(self.wheel)).returncode, 0)
        self.assertTrue((self.checkout / ".deps" / "openvino" / "include" / "new.hpp").is_file())

    def test_own_openvino_needs_no_wheel(self) -> None:
        own = self.folder / "own" / "cmake"
        own.mkdir(parents=True)
        (own / "OpenVINOConfig.cmake").touch()
        result = self.setup(OPENVINO_DIR=str(own.parent))
        self.assertEqual(result.returncode, 0)
        self.assertIn(str(own), result.stdout)
        self.assertFalse(self.config().exists())


if __name__ == "__main__":
    unittest.main()
