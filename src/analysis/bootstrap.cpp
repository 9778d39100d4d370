#include "analysis/bootstrap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "analysis/normal_distribution.hpp"
#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kJackknifeGroupCountMax = 200;
// Apart from those of replicates.
constexpr std::uint64_t kGroupStream = 1ULL << 40U;

std::vector<std::uint32_t> all_rows(std::size_t row_count) {
  std::vector<std::uint32_t> rows(row_count);
  std::iota(rows.begin(), rows.end(), 0U);
  return rows;
}

std::vector<double> finite_of(std::span<const double> values) {
  std::vector<double> out;
  std::ranges::copy_if(values, std::back_inserter(out), [](double v) { return std::isfinite(v); });
  return out;
}

// Between the two that are nearest to `share` of the way from the smallest to the largest. `sorted` is not empty.
double quantile(std::span<const double> sorted, double share) {
  const double place = std::clamp(share, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

// The finite ones in ascending order; nothing where they are half or fewer.
std::vector<double> usable(std::span<const double> replicates) {
  std::vector<double> sorted = finite_of(replicates);
  if (2 * sorted.size() <= replicates.size()) {
    return {};
  }
  std::ranges::sort(sorted);
  return sorted;
}

// How skewed the statistic's dependence on single rows is; 0 where it does not depend on them.
double acceleration(std::span<const double> jackknife) {
  const std::vector<double> values = finite_of(jackknife);
  if (values.empty()) {
    return 0.0;
  }
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  double squares = 0.0;
  double cubes = 0.0;
  for (const double value : values) {
    squares += (mean - value) * (mean - value);
    cubes += (mean - value) * (mean - value) * (mean - value);
  }
  return squares > 0.0 ? cubes / (6.0 * std::pow(squares, 1.5)) : 0.0;
}

Result<void> check(std::size_t row_count, const BootstrapOptions& options) {
  if (row_count == 0 || options.replicate_count == 0 || !(options.level > 0.0 && options.level < 1.0)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("bootstrap: expected rows, replicates and a level between 0 and 1, found {} rows, {} "
                            "replicates and {}",
                            row_count, options.replicate_count, options.level));
  }
  return {};
}

}  // namespace

Result<std::vector<double>> bootstrap_replicates(std::size_t row_count, const RowStatistic& statistic,
                                                 const BootstrapOptions& options, const AnalysisRun& run) {
  if (auto checked = check(row_count, options); !checked) {
    return std::unexpected(checked.error());
  }
  std::vector<double> replicates(options.replicate_count);
  run.pool.parallel_for(replicates.size(), 1, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint32_t> rows(row_count);
    for (std::size_t r = begin; r < end && !run.is_cancelled(); ++r) {
      const CounterRandom random(options.seed, r);
      for (std::size_t i = 0; i < row_count; ++i) {
        rows[i] = random.below(i, static_cast<std::uint32_t>(row_count));
      }
      replicates[r] = statistic(rows);
    }
  });
  if (run.is_cancelled()) {
    return fail(ErrorCode::kCancelled, "stopped");
  }
  return replicates;
}

std::vector<double> jackknife_values(std::size_t row_count, const RowStatistic& statistic, std::size_t group_count_max,
                                     std::uint64_t seed, const AnalysisRun& run) {
  const std::size_t group_count = std::min(row_count, group_count_max);
  // Rows of a file are often sorted by what they are: neighbours would leave together.
  std::vector<std::uint32_t> order = all_rows(row_count);
  const CounterRandom random(seed, kGroupStream);
  std::ranges::sort(order, {}, [&](std::uint32_t row) { return std::pair(random.bits(row), row); });
  std::vector<double> values(group_count, kNone);
  run.pool.parallel_for(group_count, 1, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint32_t> rows;
    for (std::size_t g = begin; g < end && !run.is_cancelled(); ++g) {
      const auto first = order.begin() + static_cast<std::ptrdiff_t>(g * row_count / group_count);
      const auto last = order.begin() + static_cast<std::ptrdiff_t>((g + 1) * row_count / group_count);
      rows.assign(order.begin(), first);
      rows.insert(rows.end(), last, order.end());
      values[g] = rows.empty() ? kNone : statistic(rows);
    }
  });
  return values;
}

Interval percentile_interval(std::span<const double> replicates, double level) {
  const std::vector<double> sorted = usable(replicates);
  if (sorted.empty()) {
    return {kNone, kNone};
  }
  return {quantile(sorted, 0.5 * (1.0 - level)), quantile(sorted, 0.5 * (1.0 + level))};
}

Interval bca_interval(std::span<const double> replicates, double estimate, std::span<const double> jackknife,
                      double level) {
  const std::vector<double> sorted = usable(replicates);
  if (sorted.empty()) {
    return {kNone, kNone};
  }
  const auto [below, not_above] = std::ranges::equal_range(sorted, estimate);
  const double less = static_cast<double>(below - sorted.begin());
  const double not_more = less + static_cast<double>(not_above - below);
  const double bias = normal_quantile(0.5 * (less + not_more) / static_cast<double>(sorted.size()));
  if (!std::isfinite(bias)) {
    return percentile_interval(replicates, level);
  }
  const double a = acceleration(jackknife);
  const auto corrected = [&](double share) {
    const double z = bias + normal_quantile(share);
    return normal_probability(bias + z / (1.0 - a * z));
  };
  return {quantile(sorted, corrected(0.5 * (1.0 - level))), quantile(sorted, corrected(0.5 * (1.0 + level)))};
}

Result<Interval> bootstrap_interval(std::size_t row_count, const RowStatistic& statistic,
                                    const BootstrapOptions& options, const AnalysisRun& run) {
  const auto replicates = bootstrap_replicates(row_count, statistic, options, run);
  if (!replicates) {
    return std::unexpected(replicates.error());
  }
  if (options.method == IntervalMethod::kPercentile) {
    return percentile_interval(*replicates, options.level);
  }
  const std::vector<double> jackknife =
      jackknife_values(row_count, statistic, kJackknifeGroupCountMax, options.seed, run);
  return bca_interval(*replicates, statistic(all_rows(row_count)), jackknife, options.level);
}

Interval JackknifeEstimate::interval(double level) const {
  const double reach = normal_quantile(0.5 * (1.0 + level)) * deviation;
  return {value - reach, value + reach};
}

double JackknifeEstimate::p_value() const {
  if (deviation == 0.0) {
    return value == 0.0 ? 1.0 : 0.0;
  }
  return 2.0 * normal_probability(-std::abs(value) / deviation);
}

Result<JackknifeEstimate> jackknife_estimate(std::size_t row_count, const RowStatistic& statistic, std::uint64_t seed,
                                             const AnalysisRun& run) {
  JackknifeEstimate out{.value = statistic(all_rows(row_count)), .deviation = kNone};
  const std::vector<double> values = jackknife_values(row_count, statistic, kJackknifeGroupCountMax, seed, run);
  if (run.is_cancelled()) {
    return fail(ErrorCode::kCancelled, "stopped");
  }
  if (values.size() < 2) {
    return out;
  }
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - mean) * (value - mean);
  }
  out.deviation = std::sqrt((count - 1.0) / count * squares);
  return out;
}

double bootstrap_p_value(std::span<const double> difference_replicates) {
  const std::vector<double> finite = usable(difference_replicates);
  if (finite.empty()) {
    return kNone;
  }
  const auto count = [&](auto holds) { return static_cast<double>(std::ranges::count_if(finite, holds)); };
  const double smaller = std::min(count([](double d) { return d <= 0.0; }), count([](double d) { return d >= 0.0; }));
  return std::min(1.0, 2.0 * (smaller + 1.0) / (static_cast<double>(finite.size()) + 1.0));
}

Result<double> permutation_p_value(std::size_t row_count, const SwapStatistic& difference,
                                   const BootstrapOptions& options, const AnalysisRun& run) {
  if (auto checked = check(row_count, options); !checked) {
    return std::unexpected(checked.error());
  }
  // Sums in another order differ in their last bits: what is equal but for those is as far from 0.
  constexpr double kRounding = 1e-12;
  const double observed = std::abs(difference(std::vector<std::uint8_t>(row_count)));
  std::vector<double> differences(options.replicate_count);
  run.pool.parallel_for(differences.size(), 1, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint8_t> swapped(row_count);
    for (std::size_t r = begin; r < end && !run.is_cancelled(); ++r) {
      const CounterRandom random(options.seed, r);
      for (std::size_t i = 0; i < row_count; ++i) {
        swapped[i] = static_cast<std::uint8_t>(random.bits(i) >> 63U);
      }
      differences[r] = difference(swapped);
    }
  });
  if (run.is_cancelled()) {
    return fail(ErrorCode::kCancelled, "stopped");
  }
  const auto as_far =
      std::ranges::count_if(differences, [&](double d) { return std::abs(d) >= observed * (1.0 - kRounding); });
  return (static_cast<double>(as_far) + 1.0) / (static_cast<double>(options.replicate_count) + 1.0);
}

}  // namespace asterism
