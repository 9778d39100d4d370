"""Compute figures of a report again with scipy and scikit-learn, from the values of the rows that it holds.

Run: python bench/evaluation/check_report.py REPORT.json   (scipy, scikit-learn)
Prints every figure beside theirs; ends with status 1 where one differs by more than 1e-6.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from scipy import stats
from sklearn import metrics

Column = Sequence[float]
# Measure to the columns that it is computed from, and the function that does.
MEASURES: dict[str, tuple[str, str, Callable[[Column, Column], float]]] = {
    "spearman": ("score", "gold", lambda a, b: float(stats.spearmanr(a, b).statistic)),
    "pearson": ("score", "gold", lambda a, b: float(stats.pearsonr(a, b).statistic)),
    "kendall": ("score", "gold", lambda a, b: float(stats.kendalltau(a, b).statistic)),
    "average_precision": ("gold", "score", lambda a, b: float(metrics.average_precision_score(a, b))),
    "roc_area": ("gold", "score", lambda a, b: float(metrics.roc_auc_score(a, b))),
    "accuracy": ("label", "predicted", lambda a, b: float(metrics.accuracy_score(a, b))),
    "macro_f1": ("label", "predicted", lambda a, b: float(metrics.f1_score(a, b, average="macro", zero_division=0))),
    "balanced_accuracy": ("label", "predicted", lambda a, b: float(metrics.balanced_accuracy_score(a, b))),
    "v_measure": ("label", "cluster", lambda a, b: float(metrics.v_measure_score(a, b))),
    "homogeneity": ("label", "cluster", lambda a, b: float(metrics.homogeneity_score(a, b))),
    "completeness": ("label", "cluster", lambda a, b: float(metrics.completeness_score(a, b))),
    "nmi": ("label", "cluster", lambda a, b: float(metrics.normalized_mutual_info_score(a, b))),
    "ami": ("label", "cluster", lambda a, b: float(metrics.adjusted_mutual_info_score(a, b))),
    "ari": ("label", "cluster", lambda a, b: float(metrics.adjusted_rand_score(a, b))),
}


def main() -> int:
    """Check the report that the command line names."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    worst = 0.0
    for task in report["tasks"]:
        for system in task["systems"]:
            columns = {**task["columns"], **system["columns"]}
            for name, measure in system["measures"].items():
                if name in MEASURES:
                    first, second, function = MEASURES[name]
                    theirs = function(columns[first], columns[second])
                    difference = abs(theirs - measure["value"])
                    worst = max(worst, difference)
                    print(f"{task['task']:<12} {system['name']:<20} {name:<18} {measure['value']:.8f} {theirs:.8f}")
    print(f"largest difference: {worst:.1e}")
    return 0 if worst <= 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())
