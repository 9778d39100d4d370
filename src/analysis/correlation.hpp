// How two columns of numbers go together: Pearson's r, Spearman's rho and Kendall's tau-b.
//
// As scipy.stats.pearsonr, spearmanr and kendalltau (variant "b"): equal values share the mean of their ranks, and
// count as ties for tau. In double. NaN where the columns are shorter than 2 rows or one of them never changes: there
// is no correlation then. Thread-safety: pure functions. Cost: one pass; n log n for the rank correlations (Knight
// 1966, "A Computer Method for Calculating Kendall's Tau with Ungrouped Data").
#pragma once

#include <span>
#include <vector>

namespace asterism {

// Ranks from 1, equal values the mean of theirs: scipy.stats.rankdata(method="average"). Values are finite.
std::vector<double> average_ranks(std::span<const double> values);

// The spans have one length.
double pearson_correlation(std::span<const double> a, std::span<const double> b);
double spearman_correlation(std::span<const double> a, std::span<const double> b);
double kendall_correlation(std::span<const double> a, std::span<const double> b);

}  // namespace asterism
