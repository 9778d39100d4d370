// Confidence intervals and comparisons by resampling rows (Efron, Tibshirani 1993; Efron 1987 for BCa).
//
// A statistic is a function of which rows count, some of them more than once. Replicate r draws its rows by (seed, r)
// alone, so that results are the same bits with any number of threads. Replicates that are NaN (a sample of one class)
// are left out; where more than half are, there is no interval. Thread-safety: pure functions; the statistic is called
// from many threads. Cost: one call of the statistic a replicate; BCa adds one a jackknife group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "analysis/estimator.hpp"
#include "asterism/error.hpp"

namespace asterism {

enum class IntervalMethod : std::uint8_t { kPercentile, kBca };

struct BootstrapOptions {
  std::size_t replicate_count = 1000;
  double level = 0.95;  // share of intervals that hold the value, in (0, 1)
  IntervalMethod method = IntervalMethod::kBca;
  std::uint64_t seed = 0;
};

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

using RowStatistic = std::function<double(std::span<const std::uint32_t> rows)>;

// [replicate_count]: of row_count rows drawn with replacement. kInvalidArgument for no row, no replicate or a level
// outside (0, 1).
Result<std::vector<double>> bootstrap_replicates(std::size_t row_count, const RowStatistic& statistic,
                                                 const BootstrapOptions& options, const AnalysisRun& run);

// The statistic without each of at most `group_count_max` equal groups of neighbouring rows; without each row where
// there are no more.
std::vector<double> jackknife_values(std::size_t row_count, const RowStatistic& statistic, std::size_t group_count_max,
                                     const AnalysisRun& run);

// Quantiles of the replicates, linear between them, as numpy.percentile.
Interval percentile_interval(std::span<const double> replicates, double level);
// Corrected for bias and for a deviation that changes with the value: scipy.stats.bootstrap(method="BCa"). The
// percentile interval where the replicates or the jackknife leave nothing to correct by.
Interval bca_interval(std::span<const double> replicates, double estimate, std::span<const double> jackknife,
                      double level);

// All of it: replicates, jackknife over at most 200 groups, interval. NaN without an interval.
Result<Interval> bootstrap_interval(std::size_t row_count, const RowStatistic& statistic,
                                    const BootstrapOptions& options, const AnalysisRun& run);

// Two-sided: the chance of a difference of the other sign, from replicates of it, doubled; at least 1 / (replicates +
// 1), at most 1.
double bootstrap_p_value(std::span<const double> difference_replicates);

// `swapped`: [row_count], 1 where the two systems change places.
using SwapStatistic = std::function<double(std::span<const std::uint8_t> swapped)>;
// Two-sided: the chance that a difference is at least as far from 0 when what belongs to which system is by chance (the
// sign-flip permutation test, as scipy.stats.permutation_test with permutation_type="samples"). At least 1 /
// (replicates
// + 1).
Result<double> permutation_p_value(std::size_t row_count, const SwapStatistic& difference,
                                   const BootstrapOptions& options, const AnalysisRun& run);

}  // namespace asterism
