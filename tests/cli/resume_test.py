"""Jobs that are stopped: shards, kill -9, Ctrl-C, closed pipes, a second process, full disks."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
import unittest
from pathlib import Path

from support import EXIT, PATIENCE_S, PROGRAM, CliTest, Golden, catches, environment, hold, read_npy


def lines(count: int) -> str:
    words = "the river is long and night small hello bread music garden stone walk water".split()
    return "".join(
        " ".join(words[(i * 3 + j * 5) % len(words)] for j in range(3 + i % 7)) + f" {i}\n" for i in range(count)
    )


class Sharded(CliTest):
    def setUp(self) -> None:
        super().setUp()
        self.model = str(Golden("old_mean_normalize").folder)

    def arguments(self, *extra: str) -> list[str]:
        return ["embed", "in.txt", "-m", self.model, "--precision", "f32", "-o", "out.npy", *extra]

    def shards(self) -> list[Path]:
        return sorted(self.folder.glob("out-*.npy"))

    def start(self, *extra: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [PROGRAM, *self.arguments(*extra)], cwd=self.folder, env=environment(self.home),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stderr is not None
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def held_job(self, shard_count: int) -> subprocess.Popen[bytes]:
        """One that stands still in the middle: so many of its 120 shards are there, and at least half are not."""
        self.write("in.txt", lines(60_000))
        for _ in range(20):
            process = self.start("--shard-rows", "500")
            self.wait_until(lambda: len(self.shards()) >= shard_count, process)
            if hold(process) and shard_count <= len(self.shards()) <= 60:
                return process
            # The test itself was held up meanwhile.
            process.kill()
            process.communicate()
            for old in self.folder.glob("out*"):
                old.unlink()
        raise AssertionError("the job ends before it can be stopped")

    def held_from_start(self, *extra: str) -> subprocess.Popen[bytes]:
        """One that stands still with an output that it has begun."""
        for _ in range(20):
            process = self.start(*extra)
            self.wait_until(lambda: any(self.folder.glob("out*.tmp-*")), process)
            if hold(process) and any(self.folder.glob("out*.tmp-*")):
                return process
            process.kill()
            process.communicate()
        raise AssertionError("the job ends before it can be stopped")

    def let_go(self, process: subprocess.Popen[bytes], *signals: signal.Signals) -> str:
        """With signals that are there when it goes on; its stderr."""
        for number in signals:
            process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        return process.communicate(timeout=PATIENCE_S)[1].decode()

    def test_shards_hold_the_rows_of_the_single_file_in_order(self) -> None:
        self.write("in.txt", lines(25))
        self.ok(*self.arguments("--shard-rows", "10"))
        vectors = [v for shard in self.shards() for v in read_npy(shard)]
        self.assertEqual([len(read_npy(s)) for s in self.shards()], [10, 10, 5])
        manifest = json.loads((self.folder / "out.npy.manifest.json").read_text())
        self.assertTrue(manifest["complete"])
        self.assertEqual(len(manifest["shards"]), 3)
        self.ok("embed", "in.txt", "-m", self.model, "--precision", "f32", "-o", "whole.npy")
        self.assert_vectors_near(vectors, read_npy(self.folder / "whole.npy"), 1e-6)

    def test_a_killed_job_goes_on_and_makes_only_what_is_missing(self) -> None:
        process = self.held_job(3)
        process.kill()
        process.wait()
        before = {s.name: s.stat().st_mtime_ns for s in self.shards()}
        manifest = json.loads((self.folder / "out.npy.manifest.json").read_text())
        listed = {file["file"] for shard in manifest["shards"] for file in shard["vectors"]}
        stdout, _ = self.ok(*self.arguments("--shard-rows", "500", "--json"))
        result = json.loads(stdout)
        self.assertEqual(result["rows"], 60_000)
        self.assertEqual(result["rows_resumed"], 500 * len(listed))
        after = {s.name: s.stat().st_mtime_ns for s in self.shards()}
        self.assertEqual(len(after), 120)
        for name in listed:
            self.assertEqual(after[name], before[name], f"{name} was complete and is made again")
        self.assertEqual(
            [p.name for p in self.folder.iterdir() if ".tmp-" in p.name and p.name.startswith("out-0011")], []
        )

    def test_a_deleted_shard_alone_is_made_again(self) -> None:
        self.write("in.txt", lines(30))
        self.ok(*self.arguments("--shard-rows", "10"))
        first, second, third = self.shards()
        content = second.read_bytes()
        kept = {p: p.stat().st_mtime_ns for p in (first, third)}
        second.unlink()
        stdout, _ = self.ok(*self.arguments("--shard-rows", "10", "--json"))
        self.assertEqual(json.loads(stdout)["rows_resumed"], 20)
        self.assertEqual(second.read_bytes(), content)
        self.assertEqual({p: p.stat().st_mtime_ns for p in (first, third)}, kept)

    def test_a_complete_job_run_again_makes_nothing(self) -> None:
        self.write("in.txt", lines(30))
        self.ok(*self.arguments("--shard-rows", "10"))
        before = [s.stat().st_mtime_ns for s in self.shards()]
        stdout, _ = self.ok(*self.arguments("--shard-rows", "10", "--json"))
        self.assertEqual(json.loads(stdout)["rows_resumed"], 30)
        self.assertEqual([s.stat().st_mtime_ns for s in self.shards()], before)

    def test_other_settings_do_not_add_to_the_shards_of_an_earlier_run(self) -> None:
        self.write("in.txt", lines(30))
        self.ok(*self.arguments("--shard-rows", "10"))
        self.fails("mismatch", *self.arguments("--shard-rows", "10", "--dim", "8"), says=["out.npy.manifest.json"])

    def test_ctrl_c_keeps_complete_shards_says_how_to_go_on_and_exits_130(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                for old in self.folder.glob("out*"):
                    old.unlink()
                process = self.held_job(2)
                stderr = self.let_go(process, number)
                self.assertEqual(process.returncode, EXIT["cancelled"])
                self.assertIn("same command again", stderr)
                shards = self.shards()
                self.assertGreaterEqual(len(shards), 2)
                self.assertTrue(all(len(read_npy(s)) == 500 for s in shards))
                self.assertEqual(list(self.folder.glob("*.tmp-*")), [])
                self.assertFalse(json.loads((self.folder / "out.npy.manifest.json").read_text())["complete"])
        stdout, _ = self.ok(*self.arguments("--shard-rows", "500", "--json"))
        self.assertEqual(json.loads(stdout)["rows"], 60_000)

    def test_a_signal_that_arrives_twice_is_one_request(self) -> None:
        # As `timeout` sends it: to the process, and at once to its group. Two of one number would become one while the
        # process stands still.
        process = self.held_job(1)
        stderr = self.let_go(process, signal.SIGINT, signal.SIGTERM)
        self.assertEqual(process.returncode, EXIT["cancelled"])
        self.assertIn("same command again", stderr)
        self.assertEqual(list(self.folder.glob("*.tmp-*")), [])

    def test_ctrl_c_without_shards_leaves_nothing_half_written(self) -> None:
        self.write("in.txt", lines(100_000))
        process = self.held_from_start()
        self.let_go(process, signal.SIGINT)
        self.assertEqual(process.returncode, EXIT["cancelled"])
        self.assertEqual([p.name for p in self.folder.glob("out*") if p.suffix != ".lock"], [])

    def test_ctrl_c_ends_a_job_that_waits_for_stdin(self) -> None:
        process = subprocess.Popen(
            [PROGRAM, "embed", "-"], cwd=self.folder, env=environment(self.home),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.addCleanup(process.kill)
        self.wait_until(lambda: catches(process, signal.SIGINT), process)
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, EXIT["cancelled"])
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()

    def test_a_second_process_on_the_same_output_is_refused(self) -> None:
        process = self.held_job(1)
        self.fails("io", *self.arguments("--shard-rows", "500"), says=["out"])
        self.let_go(process, signal.SIGINT)


class Outputs(CliTest):
    def test_a_reader_that_goes_away_ends_the_job_silently(self) -> None:
        self.write("in.txt", lines(50_000))
        for command in (["embed", "in.txt"], ["tokenize", "in.txt", "--json"]):
            with self.subTest(command[0]):
                process = subprocess.Popen(
                    [PROGRAM, *command], cwd=self.folder, env=environment(self.home),
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                )  # fmt: skip
                self.addCleanup(process.kill)
                assert process.stdout is not None and process.stderr is not None
                self.assertTrue(json.loads(process.stdout.readline()))
                process.stdout.close()
                stderr = process.stderr.read()
                process.stderr.close()
                self.assertEqual(process.wait(timeout=PATIENCE_S), -signal.SIGPIPE, stderr)
                self.assertEqual(stderr, b"")

    def test_a_full_disk_is_one_error_and_leaves_no_file(self) -> None:
        self.write("in.txt", lines(20_000))
        limit = 64 * 1024

        def small_files() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        done = self.run_program("embed", "in.txt", "-o", "out.npy", preexec_fn=small_files)
        self.assertEqual(done.returncode, EXIT["io"], done.stderr.decode())
        self.assertIn("cannot write", done.stderr.decode())
        self.assertIn("out.", done.stderr.decode())
        self.assertEqual([p.name for p in self.folder.glob("out*") if p.suffix != ".lock"], [])

    def test_a_full_device_on_stdout_is_an_error(self) -> None:
        self.write("in.txt", lines(2_000))
        for command in (["embed", "in.txt"], ["tokenize", "in.txt"], ["similarity", "a", "b"], ["--help"]):
            with self.subTest(command[0]), Path("/dev/full").open("wb") as full:
                done = subprocess.run(
                    [PROGRAM, *command],
                    cwd=self.folder,
                    env=environment(self.home),
                    stdout=full,
                    stderr=subprocess.PIPE,
                    check=False,
                )
                self.assertEqual(done.returncode, EXIT["no_space"], done.stderr.decode())

    def test_an_output_in_a_folder_that_is_not_there(self) -> None:
        self.write("in.txt", "a\n")
        done = self.run_program("embed", "in.txt", "-o", "no/such/out.npy")
        self.assertIn(done.returncode, (EXIT["io"], EXIT["not_found"]))
        self.assertIn("no/such/out.npy", done.stderr.decode())

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_an_output_in_a_folder_that_may_not_be_written(self) -> None:
        self.write("in.txt", "a\n")
        closed = self.folder / "closed"
        closed.mkdir(mode=0o555)
        self.fails("io", "embed", "in.txt", "-o", "closed/out.npy", says=["closed/out.npy"])


if __name__ == "__main__":
    unittest.main()
