"""A worker's side of the protocol: one command a line on stdin, one answer a line on stdout, until `quit`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeAlias

# The answer to (command, argument), without the leading "ok ".
Answer: TypeAlias = Callable[[str, str], str]


def serve(load: Callable[[], Answer]) -> None:
    # Libraries print to stdout while they load; the protocol keeps the real one.
    protocol = sys.stdout
    sys.stdout = sys.stderr
    answer = load()
    print("ok ready", file=protocol, flush=True)
    for line in sys.stdin:
        command, _, argument = line.rstrip("\n").partition(" ")
        if command == "quit":
            break
        try:
            print("ok " + answer(command, argument), file=protocol, flush=True)
        except Exception as error:
            print(f"error {type(error).__name__}: {error}".replace("\n", " "), file=protocol, flush=True)
