"""Collections between processes: a second writer, jobs that are stopped or killed, folders that may not be written to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import unittest
from pathlib import Path

from support import EXIT, PATIENCE_S, PROGRAM, CliTest, environment

ROW_COUNT = 60_000


def lines(count: int) -> str:
    words = "the river is long and night small hello bread music garden stone walk water".split()
    return "".join(
        " ".join(words[(i * 3 + j * 5) % len(words)] for j in range(3 + i % 7)) + f" {i}\n" for i in range(count)
    )


class Feeder:
    """A pipe in place of a file: whoever reads it cannot come to its end before it is closed."""

    def __init__(self, path: Path, text: str) -> None:
        os.mkfifo(path)
        self.path = path
        self.may_end = threading.Event()
        self.thread = threading.Thread(target=self.feed, args=(text.encode(),), daemon=True)
        self.thread.start()

    def feed(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError), self.path.open("wb", buffering=0) as pipe:
            pipe.write(data)
            self.may_end.wait()

    def close(self) -> None:
        self.may_end.set()
        self.thread.join(PATIENCE_S)


class Writers(CliTest):
    def start_endless(self) -> tuple[subprocess.Popen[bytes], Feeder]:
        """Adds rows without coming to an end."""
        feeder = Feeder(self.folder / "in.txt", lines(ROW_COUNT - 1))
        self.addCleanup(feeder.may_end.set)
        return self.start("add", "c", "in.txt", "--no-index"), feeder

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [PROGRAM, *arguments], cwd=self.folder, env=environment(self.home),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stderr is not None
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def count(self) -> int:
        done = self.run_program("collection", "show", "c", "--json")
        if done.returncode != 0:
            return 0
        return int(json.loads(done.stdout)["items"])

    def wait_for_items(self, process: subprocess.Popen[bytes], count: int) -> int:
        self.wait_until(lambda: self.count() >= count, process)
        self.assertIsNone(process.poll(), "it does not wait for the rest of its rows")
        return self.count()

    def finish(self, at_least: int) -> None:
        """The same command again: what is there stays and is not embedded again, the rest comes."""
        (self.folder / "in.txt").unlink()
        self.write("in.txt", lines(ROW_COUNT))
        self.ok("collection", "verify", "c")
        self.assertTrue(json.loads(self.ok("search", "c", "river", "-k", "1", "--json")[0])["hits"])
        result = json.loads(self.ok("add", "c", "in.txt", "--no-index", "--json")[0])
        self.assertGreaterEqual(result["unchanged"], at_least)
        self.assertEqual(result["embedded"], ROW_COUNT - result["unchanged"])
        self.assertEqual(result["collection"]["items"], ROW_COUNT)

    def test_control_c_keeps_what_was_added_and_the_same_command_goes_on(self) -> None:
        process, _ = self.start_endless()
        seen = self.wait_for_items(process, 1)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=PATIENCE_S)[1].decode()
        self.assertEqual(process.returncode, EXIT["cancelled"], stderr)
        self.assertIn("and stay", stderr)
        self.assertIn("the same command again goes on", stderr)
        kept = self.count()
        self.assertGreaterEqual(kept, seen)
        self.assertLess(kept, ROW_COUNT)
        self.assertIn(f"{kept} rows are in the collection", stderr)
        self.finish(kept)

    def test_a_killed_job_keeps_what_was_added_and_the_same_command_goes_on(self) -> None:
        process, _ = self.start_endless()
        seen = self.wait_for_items(process, 1)
        process.kill()
        process.wait(timeout=PATIENCE_S)
        kept = self.count()
        self.assertGreaterEqual(kept, seen)
        self.assertLess(kept, ROW_COUNT)
        self.finish(kept)

    def test_a_second_writer_is_told_or_waits_and_readers_read(self) -> None:
        self.write("one.txt", "another row\n")
        process, feeder = self.start_endless()
        self.wait_for_items(process, 1)
        done = self.run_program("add", "c", "one.txt")
        self.assertEqual(done.returncode, EXIT["io"], done.stderr.decode())
        self.assertIn("another process writes to the collection", done.stderr.decode())
        self.assertIn("--wait", done.stderr.decode())
        self.ok("search", "c", "river", "-k", "1")
        second = self.start("add", "c", "one.txt", "--wait", "--no-index")
        with self.assertRaises(subprocess.TimeoutExpired):
            second.wait(timeout=0.5)
        feeder.close()
        self.assertEqual(process.wait(timeout=PATIENCE_S), 0)
        self.assertEqual(second.wait(timeout=PATIENCE_S), 0)
        self.assertEqual(self.count(), ROW_COUNT)

    @unittest.skipIf(os.geteuid() == 0, "the superuser may write anywhere")
    def test_a_folder_that_may_not_be_written_to(self) -> None:
        self.read_only_folder(user=None)

    @unittest.skipUnless(os.geteuid() == 0, "only the superuser can become somebody else")
    def test_a_folder_that_somebody_else_may_only_read(self) -> None:
        self.read_only_folder(user=65534)

    def read_only_folder(self, user: int | None) -> None:
        self.write("few.txt", lines(20))
        self.ok("add", "c", "few.txt")
        before = sorted(p.name for p in (self.folder / "c").iterdir())
        self.folder.chmod(0o755)
        self.home.chmod(0o777)
        for path in [self.folder / "c", *(self.folder / "c").rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        self.addCleanup(self.make_writable, self.folder / "c")
        if not self.may_run(user):
            self.skipTest("the program cannot be run as somebody else from where it is")
        found = self.run_as(user, "search", "c", "river", "-k", "1", "--json")
        self.assertEqual(found.returncode, 0, found.stderr.decode())
        self.assertEqual(len(json.loads(found.stdout)["hits"]), 1)
        for refused in (("add", "c", "few.txt"), ("delete", "c", "few.txt:1"), ("collection", "index", "c")):
            done = self.run_as(user, *refused)
            self.assertEqual(done.returncode, EXIT["io"], done.stderr.decode())
            self.assertIn("ermission denied", done.stderr.decode())
        # Long work whose result would be kept there is not begun.
        for long in (("reduce", "c", "--method", "pca"), ("cluster", "c", "-k", "2", "--keep", "topic")):
            done = self.run_as(user, *long)
            self.assertEqual(done.returncode, EXIT["io"], done.stderr.decode())
        done = self.run_as(user, "reduce", "c", "--method", "pca")
        self.assertIn("--no-keep", done.stderr.decode())
        self.assertEqual(sorted(p.name for p in (self.folder / "c").iterdir()), before)

    def may_run(self, user: int | None) -> bool:
        try:
            return self.run_as(user, "--version").returncode == 0
        except PermissionError:
            return False

    def run_as(self, user: int | None, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [PROGRAM, *arguments], cwd=self.folder, env=environment(self.home), capture_output=True,
            check=False, timeout=PATIENCE_S, user=user,
        )  # fmt: skip

    def make_writable(self, folder: Path) -> None:
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


if __name__ == "__main__":
    unittest.main()
