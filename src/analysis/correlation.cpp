#include "analysis/correlation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>

namespace asterism {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<std::size_t> ascending_order(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(values[i], i); });
  return order;
}

double pair_count(std::uint64_t count) {
  return 0.5 * static_cast<double>(count) * (static_cast<double>(count) - 1.0);
}

// Pairs of equal elements in a sequence whose equal elements stand together.
template <typename Equal>
double tied_pair_count(std::size_t count, Equal equal) {
  double pairs = 0.0;
  for (std::size_t begin = 0; begin < count;) {
    std::size_t end = begin + 1;
    while (end < count && equal(begin, end)) {
      ++end;
    }
    pairs += pair_count(end - begin);
    begin = end;
  }
  return pairs;
}

// Sorts, and counts the exchanges of neighbours that it takes: pairs that stand the wrong way round.
std::uint64_t sort_and_count(std::vector<double>& values) {
  std::vector<double> merged(values.size());
  std::uint64_t exchanges = 0;
  for (std::size_t width = 1; width < values.size(); width *= 2) {
    for (std::size_t begin = 0; begin < values.size(); begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, values.size());
      const std::size_t end = std::min(begin + 2 * width, values.size());
      std::size_t left = begin;
      std::size_t right = middle;
      for (std::size_t out = begin; out < end; ++out) {
        if (right == end || (left < middle && values[left] <= values[right])) {
          merged[out] = values[left++];
        } else {
          exchanges += middle - left;
          merged[out] = values[right++];
        }
      }
    }
    values.swap(merged);
  }
  return exchanges;
}

}  // namespace

std::vector<double> average_ranks(std::span<const double> values) {
  const std::vector<std::size_t> order = ascending_order(values);
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) {
      ++end;
    }
    for (std::size_t i = begin; i < end; ++i) {
      ranks[order[i]] = 0.5 * static_cast<double>(begin + 1 + end);
    }
    begin = end;
  }
  return ranks;
}

double pearson_correlation(std::span<const double> a, std::span<const double> b) {
  const std::size_t count = a.size();
  if (count < 2) {
    return kNone;
  }
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / static_cast<double>(count);
  const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / static_cast<double>(count);
  double product = 0.0;
  double square_a = 0.0;
  double square_b = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    product += (a[i] - mean_a) * (b[i] - mean_b);
    square_a += (a[i] - mean_a) * (a[i] - mean_a);
    square_b += (b[i] - mean_b) * (b[i] - mean_b);
  }
  if (!(square_a > 0.0) || !(square_b > 0.0)) {
    return kNone;
  }
  return std::clamp(product / std::sqrt(square_a) / std::sqrt(square_b), -1.0, 1.0);
}

double spearman_correlation(std::span<const double> a, std::span<const double> b) {
  return pearson_correlation(average_ranks(a), average_ranks(b));
}

double kendall_correlation(std::span<const double> a, std::span<const double> b) {
  const std::size_t count = a.size();
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(a[i], b[i]); });
  const double ties_a = tied_pair_count(count, [&](auto i, auto j) { return a[order[i]] == a[order[j]]; });
  const double ties_both =
      tied_pair_count(count, [&](auto i, auto j) { return a[order[i]] == a[order[j]] && b[order[i]] == b[order[j]]; });
  std::vector<double> values;
  values.reserve(count);
  for (const std::size_t i : order) {
    values.push_back(b[i]);
  }
  const auto discordant = static_cast<double>(sort_and_count(values));
  const double ties_b = tied_pair_count(count, [&](auto i, auto j) { return values[i] == values[j]; });
  const double all = pair_count(count);
  if (!(all > ties_a) || !(all > ties_b)) {
    return kNone;
  }
  const double concordant_less_discordant = all - ties_a - ties_b + ties_both - 2.0 * discordant;
  return std::clamp(concordant_less_discordant / std::sqrt(all - ties_a) / std::sqrt(all - ties_b), -1.0, 1.0);
}

}  // namespace asterism
