"""Shows that every rule fires: each is run over a small bad tree, and over the same tree mended.

usage: python3 -m tests.tidy.selftest [RULE...]     no RULE: all of them
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from tests.tidy.rules import RULES
from tests.tidy.text_rules import BINARY_SIZE_BYTES_MAX
from tests.tidy.tree import RuleSkipped, Tree

Files = dict[str, str]
EXIT_SKIPPED = 77
HEADER = "#pragma once\n"
DOCUMENTS: Files = {
    "README.md": "# A\n",
    "CONTRIBUTING.md": "# B\n",
    "CHANGELOG.md": "# C\n\n## Unreleased\n",
    "docs/map.md": "# D\n",
}
DECISION = "# Title\n\n## Context\nx\n\n## Choice\nx\n\n## Cost\nx\n\n## When to revisit\nx\n"


@dataclass(frozen=True)
class Case:
    """`bad` must give a finding whose text contains `says`; `good` must give none."""

    bad: Files
    says: str
    good: Files = field(default_factory=dict)


def long_function(line_count: int) -> str:
    body = "  int x = 0;\n" * (line_count - 2)
    return f"namespace a {{\nint f(int y) {{\n{body}}}\n}}\n"


CASES: dict[str, list[Case]] = {
    "layers": [
        Case(
            bad={"src/base/a.cpp": '#include "encoder/b.hpp"\n'},
            says="'base' may not include 'encoder'",
            good={"src/encoder/a.cpp": '#include "base/b.hpp"\n#include "asterism/error.hpp"\n'},
        ),
        Case(
            bad={"src/dataset/a.hpp": '#include "encoder/b.hpp"\n'},
            says="'dataset' may not include 'encoder'",
            good={"src/kernels/a.hpp": '#include "tensor/b.hpp"\n'},
        ),
        Case(bad={"src/unheard/a.cpp": "\n"}, says="no level"),
        Case(bad={"src/base/a.cpp": '#include "b.hpp"\n'}, says="write the path from src/"),
    ],
    "foreign_headers": [
        Case(
            bad={"src/encoder/a.cpp": "#include <openvino/runtime/core.hpp>\n"},
            says="only openvino may include it",
            good={
                "src/openvino/a.cpp": "#include <openvino/runtime/core.hpp>\n#include <vector>\n#include <sys/stat.h>\n"
            },
        ),
        Case(bad={"src/base/a.cpp": "#include <absl/any.h>\n"}, says="unknown"),
    ],
    "public_headers": [
        Case(
            bad={"include/asterism/a.hpp": "#include <fmt/format.h>\n"},
            says="not of the standard library",
            good={"include/asterism/a.hpp": '#include <vector>\n#include "asterism/error.hpp"\n'},
        ),
        Case(bad={"include/asterism/a.hpp": '#include "base/file.hpp"\n'}, says="not a public header"),
    ],
    "module_list": [
        Case(
            bad={"src/CMakeLists.txt": "asterism_module(base)\n", "src/base/a.cpp": "", "src/tensor/a.cpp": ""},
            says="src/tensor has sources but no",
            good={
                "src/CMakeLists.txt": "asterism_module(base)\nasterism_module(tensor DEPS base LIBRARIES x)\n",
                "src/base/a.cpp": "",
                "src/tensor/a.cpp": "",
            },
        ),
        Case(bad={"src/CMakeLists.txt": "asterism_module(base)\n"}, says="src/base has no sources"),
        Case(
            bad={"src/CMakeLists.txt": "asterism_module(base DEPS tensor)\n", "src/base/a.cpp": ""},
            says="'base' may not depend on 'tensor'",
        ),
        Case(bad={}, says="missing"),
    ],
    "banned_calls": [
        Case(
            bad={"src/base/a.cpp": "void f() { std::cout << 1; }\n"},
            says="std::cout",
            good={
                "src/cli/a.cpp": "void f() { std::cout << 1; }\n",
                "src/base/a.cpp": '// throw\nconst char* f() { return "assert(x) std::cout"; }\nstatic_assert(true);\n',
                "src/base/b.hpp": "struct A { A(const A&) = delete; void free_all(); std::string sprintf_like; };\n",
            },
        ),
        Case(bad={"src/base/a.cpp": "void f() { printf(1); }\n"}, says="printf"),
        Case(bad={"src/base/a.cpp": "void f() { std::exit(1); }\n"}, says="exit"),
        Case(bad={"src/base/a.cpp": "void f() { assert(1); }\n"}, says="assert"),
        Case(bad={"include/asterism/a.hpp": "void f() { throw 1; }\n"}, says="throw"),
        Case(bad={"src/base/a.cpp": "int* f() { return new int; }\n"}, says="new"),
        Case(bad={"src/base/a.cpp": "void f(int* p) { delete p; }\n"}, says="delete"),
        Case(bad={"tests/unit/base/a.cpp": "void f() { out << std::endl; }\n"}, says="std::endl"),
        Case(bad={"src/base/a.cpp": "int f() { return std::stoi(s); }\n"}, says="stoi"),
    ],
    "using_namespace": [
        Case(
            bad={"src/base/a.hpp": HEADER + "using namespace std;\n"},
            says="in a header",
            good={
                "src/base/a.cpp": "using namespace std::literals;\n",
                "src/base/a.hpp": HEADER + "using std::swap;\n",
            },
        ),
    ],
    "header_guard": [
        Case(
            bad={"src/base/a.hpp": "#ifndef A\n#define A\n#endif\n"},
            says="#pragma once",
            good={"src/base/a.hpp": "// What it is.\n#pragma once\n#include <x>\n"},
        ),
    ],
    "own_header_first": [
        Case(
            bad={"src/base/a.cpp": '#include <vector>\n#include "base/a.hpp"\n'},
            says='expected "base/a.hpp" as the first include',
            good={
                "src/base/a.cpp": '#include "base/a.hpp"\n\n#include <vector>\n',
                "src/base/b.cpp": "#include <vector>\n",
            },
        ),
    ],
    "file_length": [
        Case(
            bad={"src/base/a.cpp": "\n" * 601},
            says="601 lines",
            good={"src/base/a.cpp": "\n" * 600, "src/base/t.cpp": "// Generated by tools/x.py\n" + "\n" * 900},
        ),
    ],
    "function_length": [
        Case(
            bad={"src/base/a.cpp": long_function(71)},
            says="71 lines in 'int f(int y)'",
            good={
                "src/base/a.cpp": long_function(70),
                "src/base/b.cpp": "struct A {\n" + "  int f() { return 1; }\n" * 90 + "};\n",
            },
        ),
        Case(
            bad={"src/base/a.cpp": "A::A(int x) : x_{x}, y_(x) {\n" + "  ++x_;\n" * 80 + "}\n"},
            says="82 lines",
        ),
    ],
    "names": [
        Case(
            bad={"src/base/BadName.cpp": ""},
            says="expected snake_case",
            good={
                "src/base/good_name.cpp": "struct Good {};\nconstexpr int kGood = 1;\nstruct stat status{};\n"
                "constexpr int twice(int x) { return 2 * x; }\nclass ForwardOnly;\n"
            },
        ),
        Case(bad={"src/base/a.cpp": "struct bad_type {\n"}, says="expected PascalCase"),
        Case(bad={"src/base/a.cpp": "inline constexpr std::size_t bad = 1;\n"}, says="expected kPascalCase"),
        Case(bad={"src/base/a.cpp": "#define MAX(a, b) a\n"}, says="macro 'MAX'"),
    ],
    "dead_files": [
        Case(
            bad={"src/base/a.hpp": HEADER},
            says="no file includes this header",
            good={
                "src/base/a.hpp": HEADER,
                "src/base/a.cpp": '#include "base/a.hpp"\n',
                "tests/unit/base/a_test.cpp": "",
            },
        ),
        Case(bad={"src/base/deep/a.cpp": ""}, says="never compiled"),
        Case(bad={"tests/unit/gone/a_test.cpp": ""}, says="never compiled"),
        Case(bad={"fuzz/a_fuzz.cpp": ""}, says="expected seeds"),
    ],
    "whitespace": [
        Case(bad={"a.md": "x \n"}, says="blank or carriage return", good={"a.md": "x\n", "Makefile": "a:\n\tb\n"}),
        Case(bad={"a.cpp": "x\r\n"}, says="blank or carriage return"),
        Case(bad={"a.cpp": "\tx\n"}, says="tab"),
        Case(bad={"a.cpp": "x"}, says="one line break"),
        Case(bad={"a.cpp": "x\n\n"}, says="one line break"),
    ],
    "markers": [Case(bad={"src/a.cpp": "// TODO: x\n"}, says="'TODO'", good={"src/a.cpp": "// TODOS is a word\n"})],
    "machine_paths": [
        Case(
            bad={"a.sh": "cd /work/main\n"},
            says="a folder of one machine",
            good={"a.sh": "cd homework/main /workspace ${X}/work\n"},
        ),
        Case(bad={"a.md": "see /var/tmp/x\n"}, says="/var/tmp"),
        Case(bad={"a.md": "see /root/x\n"}, says="/root"),
    ],
    "file_size": [
        Case(
            bad={"a.bin": "x" * (BINARY_SIZE_BYTES_MAX + 1)},
            says=f"at most {BINARY_SIZE_BYTES_MAX}",
            good={"a.bin": "x" * BINARY_SIZE_BYTES_MAX},
        ),
    ],
    "pins": [
        Case(
            bad={"bench/peers/requirements.txt": "torch>=2\n"},
            says="expected NAME==VERSION",
            good={"bench/peers/requirements.txt": "# x\ntorch==2.1\n--index-url y\n"},
        ),
        Case(
            bad={"tools/setup/wheels.txt": "a==1\n"},
            says="--hash=sha256",
            good={"tools/setup/wheels.txt": "a==1 \\\n    --hash=sha256:00\n"},
        ),
    ],
    "doc_links": [
        Case(
            bad={"docs/a.md": "[x](b.md)\n"},
            says="there is no docs/b.md",
            good={
                "docs/a.md": "[x](../b.md#some-part) [y](https://example.org) [z](#own)\n\n# Own\n`[q](gone.md)`\n",
                "b.md": "# Some `part`\n",
            },
        ),
        Case(bad={"a.md": "[x](b.md#gone)\n", "b.md": "# Here\n"}, says="no such heading"),
    ],
    "docs_map": [
        Case(
            bad={"docs/map.md": "x\n", "src/base/a.cpp": ""},
            says="src/base is not in the table",
            good={
                "docs/map.md": "| `src/base` | x | `a.cpp` | `tests/unit` |\n",
                "src/base/a.cpp": "",
                "tests/unit/a": "",
            },
        ),
        Case(
            bad={"docs/map.md": "| `src/gone` | x | `a.cpp` | `tests` |\n", "tests/a": ""}, says="src/gone is not there"
        ),
        Case(
            bad={"docs/map.md": "| `src/base` | x | `gone.hpp` | `tests` |\n", "src/base/a.cpp": "", "tests/a": ""},
            says="src/base/gone.hpp is not there",
        ),
        Case(bad={}, says="missing"),
    ],
    "documents": [
        Case(bad={}, says="README.md: missing", good=DOCUMENTS),
        Case(bad={**DOCUMENTS, "CHANGELOG.md": "# C\n"}, says="Unreleased"),
    ],
    "decisions": [
        Case(
            bad={"docs/decisions/one.md": DECISION},
            says="expected NNNN-title",
            good={"docs/decisions/0001-one.md": DECISION, "docs/decisions/README.md": "x\n"},
        ),
        Case(bad={"docs/decisions/0001-a.md": DECISION, "docs/decisions/0001-b.md": DECISION}, says="is taken by"),
        Case(bad={"docs/decisions/0001-a.md": DECISION.replace("Cost", "Price")}, says="'Cost'"),
    ],
    "cpp_format": [
        Case(
            bad={".clang-format": "BasedOnStyle: Google\n", "a.cpp": "int   x ;\n"},
            says="clang-format",
            good={".clang-format": "BasedOnStyle: Google\n", "a.cpp": "int x;\n"},
        ),
    ],
    "python_lint": [Case(bad={"a.py": "import os\n"}, says="ruff", good={"a.py": "X = 1\n"})],
    "python_types": [Case(bad={"a.py": 'x: int = "a"\n'}, says="mypy", good={"a.py": "x: int = 1\n"})],
    "shell": [
        Case(
            bad={"a.sh": "#!/usr/bin/env bash\ncd $1\n"},
            says="shellcheck",
            good={"a.sh": '#!/usr/bin/env bash\ncd "$1" || exit\n'},
        ),
    ],
}
TOOL_RULES = ("cpp_format", "python_lint", "python_types", "shell")


def findings_of(rule: str, files: Files) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return [str(finding) for finding in RULES[rule](Tree(root))]


def failures_of(rule: str) -> list[str]:
    failures = []
    for case in CASES[rule]:
        found = findings_of(rule, case.bad)
        if not any(case.says in finding for finding in found):
            failures.append(f"{rule}: expected a finding with '{case.says}' in {case.bad}, found {found}")
        found = findings_of(rule, case.good) if case.good else []
        if found:
            failures.append(f"{rule}: expected no finding in {case.good}, found {found}")
    if rule in TOOL_RULES:
        failures += failure_of_missing_tool(rule)
    return failures


def failure_of_missing_tool(rule: str) -> list[str]:
    """Without its tool the rule must say that it did not run."""
    with mock.patch.dict(os.environ, {"PATH": ""}):
        try:
            findings_of(rule, CASES[rule][0].bad)
        except RuleSkipped:
            return []
    return [f"{rule}: expected to be skipped where its tool is missing"]


def main(arguments: list[str]) -> int:
    failures = [f"{rule}: has no case here" for rule in RULES if rule not in CASES]
    skipped = 0
    wanted = arguments or list(CASES)
    for rule in wanted:
        try:
            failures += failures_of(rule)
        except RuleSkipped as reason:
            print(f"skipped: {rule}: {reason}")
            skipped += 1
    print("\n".join(failures) if failures else f"{len(wanted) - skipped} rules fire where they should and only there")
    if failures:
        return 1
    return EXIT_SKIPPED if skipped == len(wanted) == 1 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
