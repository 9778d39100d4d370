"""The list of metrics (deploy/metrics.txt), and what queries ask for that is not in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import support
from support import DEPLOY

LIST = DEPLOY / "metrics.txt"
# Of a histogram, by the form of text that Prometheus reads.
HISTOGRAM_SUFFIXES = ("_bucket", "_sum", "_count")
# Added by Prometheus and by its discovery of pods.
TARGET_LABELS = {"job", "instance", "namespace", "pod"}
OF_PROMETHEUS = {"up"}
# Of Grafana, with a value that may stand there.
VARIABLES = {"$__rate_interval": "5m", "$instance": ".*"}


@dataclass
class Metric:
    """What /metrics gives under one name."""

    type: str
    labels: set[str] = field(default_factory=set)


def lines() -> list[list[str]]:
    """Name, type and labels, as they are listed."""
    text = LIST.read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def read_list() -> dict[str, Metric]:
    """By the names that queries use: a histogram has three."""
    found: dict[str, Metric] = {}
    for name, kind, *labels in lines():
        if kind not in ("counter", "gauge", "histogram"):
            raise ValueError(f"{LIST}: {name}: expected counter, gauge or histogram, found '{kind}'")
        if kind == "histogram":
            for suffix in HISTOGRAM_SUFFIXES:
                found[name + suffix] = Metric("counter", {*labels, *(["le"] if suffix == "_bucket" else [])})
        else:
            found[name] = Metric(kind, set(labels))
    return found


def selectors(expression: Any) -> list[Any]:
    """The vector selectors of a parsed query."""
    found: list[Any] = []
    if hasattr(expression, "matchers"):
        found.append(expression)
    for part in ("vector_selector", "lhs", "rhs", "expr"):
        if hasattr(expression, part):
            found += selectors(getattr(expression, part))
    for argument in getattr(expression, "args", []):
        found += selectors(argument)
    return found


def grouped_labels(expression: Any) -> set[str]:
    """Labels named by `by`, `without`, `on` and `ignoring` anywhere in a parsed query."""
    found: set[str] = set()
    modifier = getattr(expression, "modifier", None)
    if modifier is not None:
        found |= set(getattr(modifier, "labels", None) or [])
    for part in ("lhs", "rhs", "expr"):
        if hasattr(expression, part):
            found |= grouped_labels(getattr(expression, part))
    for argument in getattr(expression, "args", []):
        found |= grouped_labels(argument)
    return found


def problems(query: str, known: dict[str, Metric]) -> list[str]:
    """What a query asks for that no metric gives; a query that does not parse is one problem."""
    parse = support.library("promql_parser").parse
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    try:
        expression = parse(query)
    except ValueError as error:
        return [f"{query}: {error}"]
    asked = selectors(expression)
    found = [] if asked else [f"{query}: asks for no metric"]
    there: set[str] = set(TARGET_LABELS)
    for selector in asked:
        if selector.name in OF_PROMETHEUS:
            continue
        metric = known.get(selector.name)
        if metric is None:
            found.append(f"{selector.name} is not in {LIST.name}")
            continue
        there |= metric.labels
        labels = {matcher.name for matcher in selector.matchers.matchers}
        found += [f"{selector.name} has no label {label}" for label in sorted(labels - metric.labels - TARGET_LABELS)]
    found += [f"{query}: no metric has the label {label}" for label in sorted(grouped_labels(expression) - there)]
    return found
