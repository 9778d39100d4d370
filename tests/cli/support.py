"""What the end-to-end tests share: running the program, reading its files, and the recorded answers it is held to."""

from __future__ import annotations

import ast
import json
import math
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("ASTERISM_PROGRAM", str(ROOT / "build" / "release" / "bin" / "asterism"))
GOLDEN = ROOT / "tests" / "golden" / "sentence_transformers"
EXAMPLES = ROOT / "examples" / "data"

EXIT = {
    "usage": 2,
    "invalid_argument": 3,
    "not_found": 4,
    "corrupt": 5,
    "unsupported": 6,
    "mismatch": 7,
    "limit_exceeded": 8,
    "io": 9,
    "network": 10,
    "partial": 11,
    "overloaded": 12,
    "unavailable": 13,
    "timeout": 14,
    "no_space": 15,
    "internal": 70,
    "cancelled": 130,
}

Vector = list[float]

# What a slow and busy machine may need; it is only ever waited for where something is broken.
PATIENCE_S = 600


def environment(home: Path, **extra: str) -> dict[str, str]:
    """A user's environment of its own: no cache, no network, none of the variables of whoever runs the tests."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if k in ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TMPDIR")
    }
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", "HF_HUB_OFFLINE": "1", **extra}


Array = tuple[tuple[int, ...], Vector]


def read_array(path: Path) -> Array:
    """Shape and values of a .npy file."""
    data = path.read_bytes()
    assert data[:6] == b"\x93NUMPY", data[:6]
    width, form = (2, "<H") if data[6] == 1 else (4, "<I")
    (size,) = struct.unpack(form, data[8 : 8 + width])
    header = ast.literal_eval(data[8 + width : 8 + width + size].decode().strip())
    assert header["descr"] == "<f4" and not header["fortran_order"], header
    values = struct.unpack(f"<{math.prod(header['shape'])}f", data[8 + width + size :])
    return header["shape"], list(values)


def matrix(array: Array) -> list[Vector]:
    (rows, dim), values = array
    return [values[i * dim : (i + 1) * dim] for i in range(rows)]


def read_npy(path: Path) -> list[Vector]:
    return matrix(read_array(path))


def write_npy(path: Path, rows: list[Vector]) -> None:
    """Rows of float32, as numpy.save writes them."""
    header = repr({"descr": "<f4", "fortran_order": False, "shape": (len(rows), len(rows[0]))}).encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    values = [value for row in rows for value in row]
    path.write_bytes(
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack(f"<{len(values)}f", *values)
    )


def read_tensors(path: Path) -> dict[str, Array]:
    """Shape and values of each tensor of a .safetensors file."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header: dict[str, Any] = json.loads(data[8 : 8 + size])
    body = data[8 + size :]
    out: dict[str, Array] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        code = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "U8": "B"}[entry["dtype"]]
        begin, end = entry["data_offsets"]
        count = math.prod(entry["shape"])
        out[name] = (tuple(entry["shape"]), list(struct.unpack(f"<{count}{code}", body[begin:end])))
    return out


def read_safetensors(path: Path) -> dict[str, list[Vector]]:
    return {name: matrix(array) for name, array in read_tensors(path).items()}


def read_jsonl(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def read_rows(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of OUT.rows.jsonl, and the summary in its last line."""
    *rows, last = read_jsonl(path.read_text(encoding="utf-8"))
    return rows, last["summary"]


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def length(a: Sequence[float]) -> float:
    return math.sqrt(sum(x * x for x in a))


class Golden:
    """A checkpoint of tests/golden/sentence_transformers with the answers of the original library."""

    def __init__(self, name: str) -> None:
        manifest = json.loads((GOLDEN / "manifest.json").read_text(encoding="utf-8"))
        self.folder = GOLDEN / name
        self.texts: list[str] = manifest["texts"]
        case = next(c for c in manifest["cases"] if c["name"] == name)
        self.runs: dict[str, dict[str, Any]] = {run["name"]: run for run in case["runs"]}
        self.vectors = read_safetensors(self.folder / "expected.safetensors")

    def jsonl(self) -> str:
        return "".join(json.dumps({"id": f"t{i}", "text": text}) + "\n" for i, text in enumerate(self.texts))


def hold(process: subprocess.Popen[Any]) -> bool:
    """Stops a process where it stands, to be looked at in peace (SIGCONT lets it go on); False where it had ended."""
    if process.poll() is not None:
        return False
    os.kill(process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return process.poll() is None


def catches(process: subprocess.Popen[Any], number: signal.Signals) -> bool:
    """Whether it has come as far as to handle that signal."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    mask = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(mask >> (number - 1) & 1)


class CliTest(unittest.TestCase):
    """A fresh folder for each test, and the program run in it."""

    maxDiff = None

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="asterism-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.home = self.folder / "home"
        self.home.mkdir()

    def run_program(
        self, *arguments: str | Path, stdin: str | bytes = b"", env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [PROGRAM, *map(str, arguments)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=self.folder,
            env=environment(self.home, **(env or {})),
            timeout=PATIENCE_S,
            check=False,
            **options,
        )

    def ok(
        self, *arguments: str | Path, stdin: str | bytes = b"", env: dict[str, str] | None = None
    ) -> tuple[str, str]:
        """Runs; expects success; returns stdout and stderr."""
        done = self.run_program(*arguments, stdin=stdin, env=env)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr.decode()}")
        return done.stdout.decode(), done.stderr.decode()

    def fails(
        self,
        code: str,
        *arguments: str | Path,
        says: Sequence[str] = (),
        stdin: str | bytes = b"",
        env: dict[str, str] | None = None,
    ) -> str:
        """Runs; expects the error `code` as text and as JSON, the same both times; returns the text."""
        plain = self.run_program(*arguments, stdin=stdin, env=env)
        text = plain.stderr.decode()
        self.assertEqual(plain.returncode, EXIT[code], f"{arguments}: {text}")
        self.assertIn("asterism: error: ", text)
        as_json = self.run_program(*arguments, "--json", stdin=stdin, env=env)
        self.assertEqual(as_json.returncode, EXIT[code], as_json.stderr.decode())
        error = json.loads(as_json.stderr.decode().splitlines()[-1])["error"]
        self.assertEqual(error["code"], code)
        self.assertEqual(set(error), {"code", "message", "hint"})
        self.assertIn(f"asterism: error: {error['message']}", text)
        if error["hint"]:
            self.assertIn(f"  hint: {error['hint']}", text)
        for part in says:
            self.assertIn(part, text)
        return text

    def wait_until(self, wanted: Callable[[], bool], process: subprocess.Popen[Any] | None = None) -> None:
        """Until it holds, or `process` has ended."""
        deadline = time.monotonic() + PATIENCE_S
        while not wanted() and (process is None or process.poll() is None):
            self.assertLess(time.monotonic(), deadline, "it does not come")
            time.sleep(0.002)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def copy_model(self, name: str, target: str = "model") -> Path:
        """A golden's folder with its links followed, so that a test may damage it."""
        path = self.folder / target
        shutil.copytree(GOLDEN / name, path, symlinks=False)
        for file in path.rglob("*"):
            if file.is_file():
                file.chmod(0o644)
        return path

    def assert_vectors_near(self, found: Sequence[Vector], expected: Sequence[Vector], tolerance: float) -> None:
        self.assertEqual(len(found), len(expected))
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            self.assertEqual(len(a), len(b), f"row {i}")
            worst = max(abs(x - y) for x, y in zip(a, b, strict=True))
            self.assertLessEqual(worst, tolerance, f"row {i}")
