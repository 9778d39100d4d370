"""What a start loads: what only some commands need is opened by those, and its absence is told by name."""

from __future__ import annotations

import subprocess
import unittest

from support import PATIENCE_S, PROGRAM, CliTest, environment

# Each costs a start milliseconds: OpenVINO and its TBB, libcurl and what it brings, the timer in Highway's library.
ON_DEMAND = ("libopenvino", "libtbb", "libcurl", "libgnutls", "libldap", "libhwy")


class Start(CliTest):
    def test_the_program_is_not_linked_to_what_it_opens_on_demand(self) -> None:
        env = environment(self.home, LD_TRACE_LOADED_OBJECTS="1")
        done = subprocess.run([PROGRAM], capture_output=True, env=env, timeout=PATIENCE_S, check=True)
        libraries = done.stdout.decode()
        self.assertIn("libc.so", libraries)
        for name in ON_DEMAND:
            self.assertNotIn(name, libraries)

    def broken_library(self, name: str) -> dict[str, str]:
        """A folder that the loader searches first, with a file of this name that is no library."""
        folder = self.folder / "broken"
        folder.mkdir()
        (folder / name).write_bytes(b"not a library")
        return {"LD_LIBRARY_PATH": str(folder)}

    def test_without_libcurl_a_download_names_the_package(self) -> None:
        env = {**self.broken_library("libcurl.so.4"), "HF_HUB_OFFLINE": "0"}
        self.fails("not_found", "models", "pull", "all-MiniLM-L6-v2", env=env, says=["libcurl.so.4", "libcurl4"])

    def test_without_libcurl_the_built_in_model_works(self) -> None:
        self.write("in.txt", "a text\n")
        self.ok("embed", "in.txt", "-o", "out.npy", env=self.broken_library("libcurl.so.4"))


if __name__ == "__main__":
    unittest.main()
