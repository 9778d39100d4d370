#include "encoder/batch_plan.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <queue>
#include <utility>

namespace asterism {
namespace {

using Batches = std::vector<std::vector<std::uint32_t>>;

std::size_t divide_up(std::size_t value, std::size_t by) {
  return value / by + (value % by == 0 ? 0 : 1);
}

std::vector<std::uint32_t> longest_first(std::span<const std::size_t> token_counts) {
  std::vector<std::uint32_t> order(token_counts.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::uint32_t text) { return token_counts[text]; });
  return order;
}

// One after the other, each filled as far as it goes.
Batches filled_batches(std::span<const std::size_t> token_counts, std::span<const std::uint32_t> order,
                       const BatchLimits& limits) {
  Batches batches(1);
  std::size_t used = 0;
  for (const std::uint32_t text : order) {
    if (used + token_counts[text] > limits.token_count_max || batches.back().size() == limits.text_count_max) {
      batches.emplace_back();
      used = 0;
    }
    batches.back().push_back(text);
    used += token_counts[text];
  }
  return batches;
}

// Each text, longest first, to the batch that has the fewest tokens (Graham 1969, "Bounds on multiprocessing timing
// anomalies"). Nothing where a limit is then passed.
std::optional<Batches> even_batches(std::span<const std::size_t> token_counts, std::span<const std::uint32_t> order,
                                    const BatchLimits& limits, std::size_t batch_count) {
  using Load = std::pair<std::size_t, std::size_t>;  // tokens, batch
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  Batches batches(batch_count);
  for (std::size_t i = 0; i < batch_count; ++i) {
    loads.emplace(0, i);
  }
  for (const std::uint32_t text : order) {
    if (loads.empty()) {
      return std::nullopt;
    }
    const auto [used, batch] = loads.top();
    loads.pop();
    const std::size_t sum = used + token_counts[text];
    if (sum > limits.token_count_max) {
      return std::nullopt;
    }
    batches[batch].push_back(text);
    if (batches[batch].size() < limits.text_count_max) {
      loads.emplace(sum, batch);
    }
  }
  return batches;
}

// Of texts that are no longer than the limit.
Batches batches_of_fitting(std::span<const std::size_t> token_counts, std::span<const std::uint32_t> order,
                           const BatchLimits& limits) {
  const std::size_t total =
      std::accumulate(order.begin(), order.end(), std::size_t{0},
                      [&](std::size_t sum, std::uint32_t text) { return sum + token_counts[text]; });
  const std::size_t fewest = std::max(
      {divide_up(total, limits.token_count_max), divide_up(order.size(), limits.text_count_max), std::size_t{1}});
  const std::size_t shared = divide_up(fewest, limits.stream_count) * limits.stream_count;
  const bool is_shared = total / shared >= limits.shared_token_count_min;
  const std::size_t step = is_shared ? limits.stream_count : 1;
  const std::size_t first = is_shared ? shared : fewest;
  // Texts that come close to the limit may not fit evenly; a few more batches leave room.
  for (const std::size_t batch_count : {first, first + step}) {
    if (auto batches = even_batches(token_counts, order, limits, batch_count)) {
      return *std::move(batches);
    }
  }
  return filled_batches(token_counts, order, limits);
}

void append(BatchPlan& plan, const Batches& batches) {
  for (const auto& batch : batches) {
    if (!batch.empty()) {
      plan.order.insert(plan.order.end(), batch.begin(), batch.end());
      plan.ends.push_back(plan.order.size());
    }
  }
}

}  // namespace

BatchPlan plan_batches(std::span<const std::size_t> token_counts, const BatchLimits& limits) {
  if (token_counts.empty()) {
    return {};
  }
  const std::vector<std::uint32_t> order = longest_first(token_counts);
  const auto fits =
      std::ranges::find_if(order, [&](std::uint32_t text) { return token_counts[text] <= limits.token_count_max; });
  BatchPlan plan;
  for (const std::uint32_t text : std::span(order.begin(), fits)) {
    plan.order.push_back(text);
    plan.ends.push_back(plan.order.size());
  }
  if (fits != order.end()) {
    append(plan, batches_of_fitting(token_counts, std::span(fits, order.end()), limits));
  }
  return plan;
}

}  // namespace asterism
