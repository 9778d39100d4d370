"""Record the measures of scikit-learn, scipy and pytrec_eval on small data, for tests/unit/analysis.

Run: python tools/goldens/measures_record.py   (scikit-learn, scipy, numpy, pytrec-eval-terrier)

Ties, single groups, queries without relevant documents and equal scores are among the cases, since that is where
implementations differ. Measures without a reference library (mean relative rank errors, overlap, continuity) are
written out here from the papers' formulae, over complete rank matrices.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytrec_eval
import scipy
import sklearn
from scipy import stats
from sklearn import metrics
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.manifold import trustworthiness

TARGET = Path(__file__).resolve().parents[2] / "tests" / "golden" / "measures" / "measures.json"
Case = dict[str, Any]


def correlations(random: np.random.Generator) -> list[Case]:
    """Columns with and without ties."""
    cases = []
    for name, a, b in [
        ("plain", random.normal(size=40), random.normal(size=40)),
        ("ties", random.integers(0, 5, 60).astype(float), random.integers(0, 4, 60).astype(float)),
        ("one_sided_ties", np.sort(random.normal(size=50)), np.floor(np.linspace(0, 6, 50))),
        ("two_rows", np.array([1.0, 2.0]), np.array([5.0, 3.0])),
    ]:
        cases.append(
            {
                "name": name,
                "a": a.tolist(),
                "b": b.tolist(),
                "pearson": float(stats.pearsonr(a, b).statistic),
                "spearman": float(stats.spearmanr(a, b).statistic),
                "kendall": float(stats.kendalltau(a, b).statistic),
            }
        )
    return cases


def binary(random: np.random.Generator) -> list[Case]:
    """Scores of rows that belong or do not."""
    cases = []
    for name, scores, labels in [
        ("plain", random.normal(size=50), random.integers(0, 2, 50)),
        ("ties", random.integers(0, 6, 60) / 5.0, random.integers(0, 2, 60)),
        ("rare", random.normal(size=40), (np.arange(40) % 13 == 0).astype(int)),
    ]:
        # A cut between equal scores is none.
        cuts = [np.inf, *np.unique(scores)]
        cases.append(
            {
                "name": name,
                "scores": scores.tolist(),
                "labels": labels.tolist(),
                "average_precision": float(metrics.average_precision_score(labels, scores)),
                "roc_area": float(metrics.roc_auc_score(labels, scores)),
                "best_accuracy": max(float(metrics.accuracy_score(labels, scores >= c)) for c in cuts),
                "best_f1": max(float(metrics.f1_score(labels, scores >= c, zero_division=0)) for c in cuts),
            }
        )
    return cases


def classes(random: np.random.Generator) -> list[Case]:
    """Said against true classes; some that occur on one side alone."""
    cases = []
    for name, truth, said in [
        ("plain", random.integers(0, 4, 80), random.integers(0, 4, 80)),
        ("said_only", random.integers(0, 3, 30), random.integers(0, 5, 30)),
        ("perfect", np.arange(12) % 3, np.arange(12) % 3),
    ]:
        labels = sorted({*truth.tolist(), *said.tolist()})
        cases.append(
            {
                "name": name,
                "truth": truth.tolist(),
                "said": said.tolist(),
                "matrix": metrics.confusion_matrix(truth, said, labels=range(max(labels) + 1)).ravel().tolist(),
                "accuracy": float(metrics.accuracy_score(truth, said)),
                "balanced_accuracy": float(
                    np.mean([np.mean(said[truth == c] == c) for c in labels if np.any(truth == c)])
                ),
                "macro_f1": float(metrics.f1_score(truth, said, average="macro", zero_division=0)),
            }
        )
    return cases


def groups(random: np.random.Generator) -> list[Case]:
    """Two ways to group the same rows, degenerate ones among them."""
    truth = random.integers(0, 5, 120)
    cases = []
    for name, a, b in [
        ("chance", truth, random.integers(0, 7, 120)),
        ("alike", truth, np.where(random.random(120) < 0.8, (truth + 2) % 5, random.integers(0, 5, 120))),
        ("same", truth, (truth + 3) % 5),
        ("one_group", truth, np.zeros(120, dtype=int)),
        ("one_group_each", np.zeros(9, dtype=int), np.zeros(9, dtype=int)),
        ("every_row_its_own", truth, np.arange(120)),
        ("all_alone", np.arange(8), np.arange(8)),
    ]:
        homogeneity, completeness, v_measure = metrics.homogeneity_completeness_v_measure(a, b)
        cases.append(
            {
                "name": name,
                "truth": a.tolist(),
                "groups": b.tolist(),
                "homogeneity": float(homogeneity),
                "completeness": float(completeness),
                "v_measure": float(v_measure),
                "nmi": float(metrics.normalized_mutual_info_score(a, b)),
                "ami": float(metrics.adjusted_mutual_info_score(a, b)),
                "ari": float(metrics.adjusted_rand_score(a, b)),
            }
        )
    return cases


def silhouettes(random: np.random.Generator) -> list[Case]:
    """Grouped rows, one of them alone in its group, in both metrics."""
    rows = random.normal(size=(40, 6)).astype(np.float32)
    labels = np.concatenate([random.integers(0, 3, 39), [3]])
    rows += 1.5 * labels[:, None].astype(np.float32)
    return [
        {
            "metric": metric,
            "dim": 6,
            "data": [float(v) for v in rows.ravel()],
            "labels": labels.tolist(),
            "values": metrics.silhouette_samples(rows.astype(np.float64), labels, metric=metric).tolist(),
        }
        for metric in ("euclidean", "cosine")
    ]


def ranks_of(rows: np.ndarray) -> np.ndarray:
    """Rank of each row by distance from each, from 1; 0 of itself."""
    distances = np.sqrt(((rows[:, None, :] - rows[None, :, :]) ** 2).sum(axis=2))
    np.fill_diagonal(distances, -1.0)
    return np.argsort(np.argsort(distances, axis=1, kind="stable"), axis=1)


def neighborhood(rows: int, dim: int, k: int, random: np.random.Generator) -> Case:
    """Rows and their first two columns with noise."""
    a = random.normal(size=(rows, dim)).astype(np.float32)
    b = (a[:, :2] + 0.3 * random.normal(size=(rows, 2))).astype(np.float32)
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    rank_a, rank_b = ranks_of(wide_a), ranks_of(wide_b)
    near_a, near_b = (rank_a >= 1) & (rank_a <= k), (rank_b >= 1) & (rank_b <= k)
    scale = sum(abs(rows - 2 * i + 1) / i for i in range(1, k + 1))
    relative = np.abs(rank_a - rank_b)
    off = ~np.eye(rows, dtype=bool)
    labels = random.integers(0, 3, rows)
    same = labels[:, None] == labels[None, :]
    distances = [np.sqrt(((m[:, None, :] - m[None, :, :]) ** 2).sum(axis=2)) for m in (wide_a, wide_b)]
    return {
        "rows": rows,
        "dim": dim,
        "k": k,
        "a": [float(v) for v in a.ravel()],
        "b": [float(v) for v in b.ravel()],
        "labels": labels.tolist(),
        "trustworthiness": float(trustworthiness(wide_a, wide_b, n_neighbors=k)),
        "continuity": float(trustworthiness(wide_b, wide_a, n_neighbors=k)),
        "overlap": ((near_a & near_b).sum(axis=1) / k).tolist(),
        "mrre_false": [float((relative[i][near_b[i]] / rank_a[i][near_b[i]]).sum() / scale) for i in range(rows)],
        "mrre_missing": [float((relative[i][near_a[i]] / rank_b[i][near_a[i]]).sum() / scale) for i in range(rows)],
        "distance_rank_correlation": [
            float(stats.spearmanr(distances[0][i][off[i]], distances[1][i][off[i]]).statistic) for i in range(rows)
        ],
        "label_agreement_a": ((near_a & same).sum(axis=1) / k).tolist(),
        "label_agreement_b": ((near_b & same).sum(axis=1) / k).tolist(),
    }


def retrieval(random: np.random.Generator) -> list[Case]:
    """Runs with equal scores, few answers, graded, negative and missing judgements."""
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for number in range(12):
        documents = [f"d{i}" for i in random.permutation(40)[:15]]
        qrels[f"q{number}"] = {d: int(random.integers(-1, 4)) for d in documents}
        count = 25 if number % 3 else 4
        answers = [f"d{i}" for i in random.permutation(40)[:count]]
        # Scores of one digit: many are equal.
        run[f"q{number}"] = {d: float(np.round(random.random(), 1)) for d in answers}
    qrels["none_relevant"] = {"d1": 0, "d2": 0}
    run["none_relevant"] = {"d1": 0.5, "d3": 0.4}
    k = 10
    names = {
        "ndcg": f"ndcg_cut_{k}",
        "recall": f"recall_{k}",
        "precision": f"P_{k}",
        "average_precision": f"map_cut_{k}",
        "r_precision": "Rprec",
    }
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut", "recall", "P", "map_cut", "Rprec", "recip_rank"})
    results = evaluator.evaluate(run)
    cases = []
    for query, found in run.items():
        reciprocal = float(results[query]["recip_rank"])
        cases.append(
            {
                "query": query,
                "k": k,
                "run": found,
                "qrels": qrels[query],
                **{ours: float(results[query][theirs]) for ours, theirs in names.items()},
                # pytrec_eval's has no cut.
                "reciprocal_rank": reciprocal if reciprocal >= 1.0 / k - 1e-12 else 0.0,
            }
        )
    return cases


def bootstraps(random: np.random.Generator) -> list[Case]:
    """The resampled values of scipy, and the intervals that it makes of them."""
    cases = []
    for name, sample in [("skewed", random.exponential(size=30)), ("plain", random.normal(size=25))]:
        for method in ("percentile", "BCa"):
            result = stats.bootstrap(
                (sample,), np.mean, n_resamples=300, method=method, confidence_level=0.9, rng=random, vectorized=True
            )
            cases.append(
                {
                    "name": name,
                    "method": method,
                    "level": 0.9,
                    "sample": sample.tolist(),
                    "replicates": result.bootstrap_distribution.tolist(),
                    "low": float(result.confidence_interval.low),
                    "high": float(result.confidence_interval.high),
                }
            )
    return cases


def quantiles() -> list[Case]:
    """The normal distribution's inverse, far into the tails."""
    shares = [1e-300, 1e-20, 1e-9, 1e-3, 0.025, 0.0751, 0.3, 0.5, 0.6, 0.925, 0.975, 0.999, 1 - 1e-9]
    return [{"share": p, "z": float(scipy.special.ndtri(p))} for p in shares]


def tfidf() -> Case:
    """Small texts; word counts differ, so that the most frequent words are no tie."""
    texts = [
        "red shoes and blue shoes and red hats",
        "football boots and red football socks",
        "blue hats and blue socks",
        "",
        "and and and football",
    ]
    vectorizer = TfidfVectorizer(max_features=4)
    rows = vectorizer.fit_transform(texts).toarray()
    return {
        "texts": [text.split() for text in texts],
        "term_count_max": 4,
        "terms": vectorizer.get_feature_names_out().tolist(),
        "rows": rows.ravel().tolist(),
    }


def main() -> None:
    """Write the golden file."""
    random = np.random.default_rng(8)
    golden = {
        "recorded_with": {
            "scikit-learn": sklearn.__version__,
            "scipy": scipy.__version__,
            "numpy": np.__version__,
            "pytrec-eval-terrier": "0.5.11",
        },
        "script": "tools/goldens/measures_record.py",
        "correlations": correlations(random),
        "binary": binary(random),
        "classes": classes(random),
        "groups": groups(random),
        "silhouettes": silhouettes(random),
        "neighborhoods": [neighborhood(40, 6, 5, random), neighborhood(25, 3, 12, random)],
        "retrieval": retrieval(random),
        "bootstraps": bootstraps(random),
        "quantiles": quantiles(),
        "tfidf": tfidf(),
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
