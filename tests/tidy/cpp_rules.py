"""Rules about C++ text: calls, names, sizes, guards, order of includes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.tidy.layer_rules import module_of
from tests.tidy.tree import Finding, Tree, includes

FILE_LINE_COUNT_MAX = 600
FUNCTION_LINE_COUNT_MAX = 70


@dataclass(frozen=True)
class BannedCall:
    pattern: str  # over code without comments and literals
    instead: str
    allowed: str = ""  # regular expression over paths
    where: str = r"(src|include)/.*"


BANNED_CALLS = (
    BannedCall(r"\bstd::(cout|cerr|clog)\b", "return a value, or use the log sink of base/log.hpp", r"src/cli/.*"),
    BannedCall(r"(?<![\w:.>])(?:std::)?f?printf\s*\(", "return text, or use fmt and the log sink", r"src/cli/.*"),
    BannedCall(r"(?<![\w:.>])(?:std::)?puts\s*\(", "return text, or use the log sink", r"src/cli/.*"),
    BannedCall(r"\bfmt::print\s*\(", "return text, or use the log sink", r"src/cli/.*"),
    BannedCall(
        r"(?<![\w.>])(?:std::|::)?(?:_exit|exit|abort|terminate|quick_exit)\s*\(",
        "return an Error; only main decides the exit code",
        # tensor.cpp: reading a tensor as another type is a bug of the caller, as an index past the end is.
        r"src/cli/.*|src/tensor/tensor\.cpp",
    ),
    BannedCall(r"(?<!static_)\bassert\s*\(", "return an Error of kInternal, or prove it with static_assert"),
    BannedCall(r"\bthrow\b", "return fail(...); exceptions do not cross modules"),
    BannedCall(r"\b(?:malloc|calloc|realloc|free)\s*\(", "use a container or std::unique_ptr"),
    BannedCall(r"(?<!operator )\bnew\s+\w(?!.*make)", "use std::make_unique or a container"),
    BannedCall(r"(?<!= )\bdelete\s+\w", "let an owner release it"),
    BannedCall(r"\b(?:strcpy|strcat|sprintf|gets|strtok)\s*\(", "use std::string or fmt::format"),
    BannedCall(r"\b(?:atoi|atol|atof|stoi|stol|stoul|stoull|stof|stod)\s*\(", "use std::from_chars, which reports"),
    BannedCall(r"\bstd::(?:rand|srand|random_device)\b", "use a seeded std::mt19937_64"),
    BannedCall(r"\bstd::regex\b", "write a scanner; std::regex is slow and recurses on input"),
    BannedCall(r"\bstd::endl\b", "write '\\n'", where=r".*"),
)


def check_banned_calls(tree: Tree) -> list[Finding]:
    """Calls that have a better replacement here."""
    findings = []
    for name in tree.cpp_files():
        code = tree.code(name)
        for banned in BANNED_CALLS:
            if not re.fullmatch(banned.where, name) or (banned.allowed and re.fullmatch(banned.allowed, name)):
                continue
            for match in re.finditer(banned.pattern, code):
                line = code.count("\n", 0, match.start()) + 1
                findings.append(Finding(name, line, f"'{match.group().strip()}': {banned.instead}"))
    return findings


def check_using_namespace(tree: Tree) -> list[Finding]:
    """Headers open no namespace to whoever includes them; literals namespaces in functions of .cpp files are fine."""
    findings = []
    for name in tree.matching(r".*\.hpp"):
        for line, text in enumerate(tree.code(name).split("\n"), start=1):
            if re.search(r"\busing\s+namespace\b", text):
                findings.append(Finding(name, line, "'using namespace' in a header"))
    return findings


def check_header_guard(tree: Tree) -> list[Finding]:
    """Headers start with #pragma once and have no macro guard."""
    findings = []
    for name in tree.matching(r".*\.hpp"):
        code = tree.code(name)
        directives = re.findall(r"^[ \t]*#[ \t]*(\w+[^\n]*)", code, re.MULTILINE)
        if not directives or directives[0].strip() != "pragma once":
            findings.append(Finding(name, 0, "expected #pragma once before any other directive"))
    return findings


def check_own_header_first(tree: Tree) -> list[Finding]:
    """src/x/y.cpp includes "x/y.hpp" before anything else, so that the header is seen to stand alone."""
    findings = []
    for name in tree.matching(r"src/.*\.cpp"):
        own = name.removeprefix("src/").removesuffix(".cpp") + ".hpp"
        candidates = {own, f"asterism/{own.split('/')[-1]}"}
        found = includes(tree.text(name))
        named = [include.target for include in found if include.target in candidates]
        # A file compiled once per processor includes its own header inside the loop that does so.
        multi_target = any(include.target.endswith("foreach_target.h") for include in found)
        if named and not multi_target and found[0].target not in candidates:
            findings.append(Finding(name, found[0].line, f'expected "{named[0]}" as the first include'))
    return findings


def check_file_length(tree: Tree) -> list[Finding]:
    """No source file is longer than a reader can hold; generated tables are not read."""
    findings = []
    for name in tree.matching(r".*\.(cpp|hpp|py|sh|cmake|ts|tsx|mjs|css)", r"(.*/)?CMakeLists\.txt"):
        count = tree.text(name).count("\n")
        if count > FILE_LINE_COUNT_MAX and not re.match(r"// Generated by .*tools/", tree.text(name)):
            findings.append(Finding(name, 0, f"{count} lines; at most {FILE_LINE_COUNT_MAX}: split it by idea"))
    return findings


@dataclass(frozen=True)
class FunctionSpan:
    header: str
    line: int
    line_count: int


_TYPE_SCOPE = re.compile(
    r"^(?:template\s*<.*>\s*|export\s+|inline\s+|typedef\s+|\[\[.*?\]\]\s*)*(?:namespace|class|struct|union|enum|extern)\b",
    re.DOTALL,
)


def function_spans(code: str) -> list[FunctionSpan]:
    """Outermost function bodies of a file without comments and literals, by counting braces."""
    spans = []
    scopes: list[tuple[str, str, int]] = []  # kind, header, offset of the header
    header_start = 0
    code = re.sub(
        r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda match: re.sub(r"[^\n]", " ", match.group()), code, flags=re.MULTILINE
    )
    for match in re.finditer(r"[{};]", code):
        mark, offset = match.group(), match.start()
        if mark == "{":
            header = code[header_start:offset].strip()
            inside_function = any(kind == "function" for kind, _, _ in scopes)
            kind = "other"
            if not inside_function and not opens_type_scope(header) and "(" in header:
                kind = "function"
            scopes.append((kind, header, header_start + leading_space(code[header_start:offset])))
        elif mark == "}" and scopes:
            kind, header, start = scopes.pop()
            if kind == "function":
                first, last = code.count("\n", 0, start) + 1, code.count("\n", 0, offset) + 1
                spans.append(FunctionSpan(header=header, line=first, line_count=last - first + 1))
        header_start = offset + 1
    return spans


def opens_type_scope(header: str) -> bool:
    """A namespace or the definition of a type; not a function that returns `struct x`."""
    match = _TYPE_SCOPE.match(header)
    if not match:
        return False
    rest = re.sub(r"alignas\s*\([^)]*\)", "", header[match.end() :])
    return "(" not in rest


def leading_space(text: str) -> int:
    return len(text) - len(text.lstrip())


def check_function_length(tree: Tree) -> list[Finding]:
    """No function is longer than one screen and a half; tests and tables of tests are free."""
    findings = []
    for name in tree.matching(r"(src|include|fuzz|examples|bench)/.*\.(cpp|hpp)"):
        for span in function_spans(tree.code(name)):
            if span.line_count > FUNCTION_LINE_COUNT_MAX:
                title = " ".join(span.header.split())[:60]
                findings.append(
                    Finding(name, span.line, f"{span.line_count} lines in '{title}'; at most {FUNCTION_LINE_COUNT_MAX}")
                )
    return findings


def check_names(tree: Tree) -> list[Finding]:
    """Files in snake_case, types in PascalCase, constants kPascalCase, no macros beside those a library asks for."""
    findings = []
    for name in tree.cpp_files():
        base = name.split("/")[-1].rsplit(".", 1)[0]
        if not re.fullmatch(r"[a-z][a-z0-9_]*", base):
            findings.append(Finding(name, 0, "file name: expected snake_case"))
        if not re.match(r"(src|include)/", name):
            continue
        for line, text in enumerate(tree.code(name).split("\n"), start=1):
            findings += [Finding(name, line, message) for message in bad_names(text)]
    return findings


def bad_names(text: str) -> list[str]:
    messages = []
    declared = re.match(
        r"\s*(?:class|struct|union|enum(?:\s+class)?)\s+(?:alignas\([^)]*\)\s*)?(?:\[\[[^\]]*\]\]\s*)?(\w+)\s*(?:final\s*)?(?:[:{;]|$)",
        text,
    )
    if declared and not re.fullmatch(r"[A-Z][A-Za-z0-9]*", declared.group(1)):
        messages.append(f"type '{declared.group(1)}': expected PascalCase")
    constant = re.match(r"(?:inline\s+|static\s+)*constexpr\s+[\w:<>, ]+?[\s&*]+(\w+)(?:\[\w*\])?\s*(?:=|\{)", text)
    if constant and not re.fullmatch(r"k[A-Z0-9][A-Za-z0-9_]*", constant.group(1)):
        messages.append(f"constant '{constant.group(1)}': expected kPascalCase")
    macro = re.match(r"\s*#\s*define\s+(\w+)", text)
    if macro and not macro.group(1).startswith(("HWY_", "ASTERISM_")):
        messages.append(f"macro '{macro.group(1)}': use a template, constexpr or a function")
    return messages


def check_dead_files(tree: Tree) -> list[Finding]:
    """Every source belongs to a program or library, every header is included somewhere."""
    included = {include.target for name in tree.cpp_files() for include in includes(tree.text(name))}
    findings = []
    for name in tree.matching(r"src/.*\.hpp"):
        if name.removeprefix("src/") not in included:
            findings.append(Finding(name, 0, "no file includes this header"))
    for name in tree.matching(r"src/.*\.cpp"):
        if module_of(name) is None or name.count("/") != 2:
            findings.append(Finding(name, 0, "sources stand directly in src/<module>/; this one is never compiled"))
    for name in tree.matching(r"tests/unit/.*\.cpp"):
        parts = name.split("/")
        if len(parts) != 4 or not any(module_of(source) == parts[2] for source in tree.files):
            findings.append(Finding(name, 0, "tests stand in tests/unit/<module>/; this one is never compiled"))
    for name in tree.matching(r"fuzz/.*_fuzz\.cpp"):
        corpus = "fuzz/corpus/" + name.removeprefix("fuzz/").removesuffix("_fuzz.cpp") + "/"
        if not any(file.startswith(corpus) for file in tree.files):
            findings.append(Finding(name, 0, f"expected seeds in {corpus}, found none"))
    return findings
