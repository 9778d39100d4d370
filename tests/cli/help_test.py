"""Help texts, docs/cli.md, usage errors and what they suggest."""

from __future__ import annotations

import re
import unittest

from support import EXIT, ROOT, CliTest

COMMANDS = [
    ["embed"],
    ["similarity"],
    ["analogy"],
    ["tokenize"],
    ["models"],
    ["models", "list"],
    ["models", "show"],
    ["models", "pull"],
    ["models", "verify"],
    ["models", "layers"],
    ["distill"],
    ["doctor"],
]


class Help(CliTest):
    def test_every_command_explains_itself_with_examples_that_parse(self) -> None:
        helps = {tuple(command): self.ok(*command, "--help") for command in [[], *COMMANDS]}
        every = "".join(stdout for stdout, _ in helps.values())
        for command, (stdout, stderr) in helps.items():
            with self.subTest(command):
                self.assertEqual(stderr, "")
                self.assertIn("Usage: asterism", stdout)
                self.assertRegex(stdout, r"Examples:\n  \S")
                self.assertEqual(self.ok(*command, "-h")[0], stdout)
                self.assertLessEqual(max(len(line) for line in stdout.splitlines() if "asterism" not in line), 100)
                examples = stdout.split("Examples:\n")[1]
                for option in re.findall(
                    r"(?<=\s)(--[a-z-]+|-[a-z])(?=\s|$)", "\n".join(re.findall(r"^  \S.*", examples, re.M))
                ):
                    self.assertRegex(every, rf"{option}\b")

    def test_commands_that_print_results_take_json(self) -> None:
        for command in COMMANDS:
            if command != ["models"]:
                self.assertIn("--json", self.ok(*command, "--help")[0], command)

    def test_docs_cli_md_is_what_the_parser_says(self) -> None:
        stdout, _ = self.ok("--help-markdown")
        self.assertEqual(
            (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"),
            stdout,
            "make it again: asterism --help-markdown > docs/cli.md",
        )

    def test_no_command_shows_the_help(self) -> None:
        self.assertEqual(self.ok()[0], self.ok("--help")[0])

    def test_version(self) -> None:
        self.assertRegex(self.ok("--version")[0], r"^asterism \d+\.\d+\.\d+\n$")


class Usage(CliTest):
    def test_near_misses_are_suggested(self) -> None:
        for arguments, suggestion in [
            (["embde", "x"], "did you mean embed?"),
            (["embed", "x", "--colum", "y"], "did you mean --column?"),
            (["embed", "x", "--normalise"], "did you mean --normalize?"),
            (["models", "shwo"], "did you mean show?"),
            (["embed", "x", "--precision", "fb16"], "did you mean bf16?"),
            (["--verison"], "did you mean --version?"),
            (["similarity", "a", "b", "--model=x", "--tp", "3"], "did you mean --top?"),
        ]:
            with self.subTest(arguments):
                self.fails(
                    "usage", *arguments, says=[suggestion, "--help"] if "--precision" not in arguments else [suggestion]
                )

    def test_far_misses_are_not(self) -> None:
        text = self.fails("usage", "frobnicate")
        self.assertNotIn("did you mean", text)

    def test_what_is_missing_or_malformed_is_named(self) -> None:
        for arguments, parts in [
            (["embed"], ["INPUT is missing"]),
            (["models"], ["expected a command", "list, show, pull, verify, layers"]),
            (["models", "pull"], ["MODEL is missing"]),
            (["embed", "x", "--dim", "abc"], ["--dim", "whole number", "'abc'"]),
            (["embed", "x", "--dim", "-3"], ["--dim"]),
            (["embed", "x", "--threads", "0"], ["--threads", "at least 1", "'0'"]),
            (["embed", "x", "--dim", "99999999999999999999999"], ["--dim", "whole number"]),
            (["embed", "x", "--format", "xml"], ["--format", "auto, lines, jsonl, csv or tsv", "'xml'"]),
            (["embed", "x", "--on-error", "explode"], ["--on-error", "stop or skip", "'explode'"]),
            (["embed", "x", "--output-format", "hdf5"], ["--output-format", "npy", "'hdf5'"]),
            (["embed", "x", "--prompt", "a", "--prompt-text", "b"], ["--prompt", "found both"]),
            (["doctor", "x"], ["unknown argument 'x'"]),
        ]:
            with self.subTest(arguments):
                self.fails("usage", *arguments, says=parts)

    def test_an_option_without_its_value(self) -> None:
        done = self.run_program("embed", "x", "-o")
        self.assertEqual(done.returncode, EXIT["usage"])
        self.assertIn("--output: expected a value, found none", done.stderr.decode())

    def test_one_error_is_one_line_and_a_hint(self) -> None:
        done = self.run_program("embed", "nowhere.txt")
        lines = done.stderr.decode().splitlines()
        self.assertEqual(done.stdout, b"")
        self.assertTrue(lines[0].startswith("asterism: error: "))
        self.assertLessEqual(len(lines), 2)
        self.assertEqual(done.returncode, EXIT["not_found"])


if __name__ == "__main__":
    unittest.main()
