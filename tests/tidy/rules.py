"""All rules by name."""

from __future__ import annotations

from collections.abc import Callable

from tests.tidy import cpp_rules, docs_rules, layer_rules, text_rules, tool_rules
from tests.tidy.tree import Finding, Tree

Rule = Callable[[Tree], list[Finding]]

RULES: dict[str, Rule] = {
    "layers": layer_rules.check_layers,
    "foreign_headers": layer_rules.check_foreign_headers,
    "public_headers": layer_rules.check_public_headers,
    "module_list": layer_rules.check_module_list,
    "banned_calls": cpp_rules.check_banned_calls,
    "using_namespace": cpp_rules.check_using_namespace,
    "header_guard": cpp_rules.check_header_guard,
    "own_header_first": cpp_rules.check_own_header_first,
    "file_length": cpp_rules.check_file_length,
    "function_length": cpp_rules.check_function_length,
    "names": cpp_rules.check_names,
    "dead_files": cpp_rules.check_dead_files,
    "whitespace": text_rules.check_whitespace,
    "markers": text_rules.check_markers,
    "machine_paths": text_rules.check_machine_paths,
    "file_size": text_rules.check_file_size,
    "pins": text_rules.check_pins,
    "doc_links": docs_rules.check_doc_links,
    "docs_map": docs_rules.check_docs_map,
    "documents": docs_rules.check_documents,
    "decisions": docs_rules.check_decisions,
    "cpp_format": tool_rules.check_cpp_format,
    "python_lint": tool_rules.check_python_lint,
    "python_types": tool_rules.check_python_types,
    "shell": tool_rules.check_shell,
}
