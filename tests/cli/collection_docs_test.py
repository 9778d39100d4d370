"""docs/collections.md: every command of it works, in its order, as a reader would type it."""

from __future__ import annotations

import re
import shlex
import unittest

from support import ROOT, CliTest


class Tutorial(CliTest):
    def test_every_command_of_the_tutorial_works(self) -> None:
        (self.folder / "examples").symlink_to(ROOT / "examples")
        text = (ROOT / "docs" / "collections.md").read_text(encoding="utf-8")
        commands = [
            line
            for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
            for line in block.splitlines()
            if line.strip()
        ]
        self.assertGreater(len(commands), 20)
        for command in commands:
            program, *arguments = shlex.split(command, comments=True)
            self.assertEqual(program, "asterism", command)
            with self.subTest(command):
                stdout, _ = self.ok(*arguments)
                if arguments[0] == "search":
                    self.assertNotIn("nothing found", stdout)

    def test_the_output_that_is_shown_is_what_comes(self) -> None:
        (self.folder / "examples").symlink_to(ROOT / "examples")
        text = (ROOT / "docs" / "collections.md").read_text(encoding="utf-8")
        shown = re.search(r"```\n(score: .*?)```", text, re.DOTALL)
        assert shown is not None
        self.ok("add", "notes/", "examples/data/texts.jsonl")
        query = ("a small bright thing in the sky", "--filter", "category = 'astronomy'", "-k", "3")
        self.assertEqual(self.ok("search", "notes/", *query)[0], shown.group(1))


if __name__ == "__main__":
    unittest.main()
