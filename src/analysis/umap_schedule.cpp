#include "analysis/umap_schedule.hpp"

#include <algorithm>
#include <utility>

namespace asterism {

UmapSchedule::UmapSchedule(const SparseGraph& graph, std::vector<std::uint32_t> order, std::size_t epoch_count,
                           Heaviest heaviest)
    : rows_(std::move(order)) {
  const float of_all = graph.weights.empty() ? 0.0F : std::ranges::max(graph.weights);
  begin_.reserve(rows_.size() + 1);
  neighbors_.reserve(graph.edge_count());
  rates_.reserve(graph.edge_count());
  for (const std::uint32_t row : rows_) {
    const auto weights = graph.weights_of(row);
    const float most = heaviest == Heaviest::kOfAll || weights.empty() ? of_all : std::ranges::max(weights);
    for (std::size_t e = 0; e < weights.size(); ++e) {
      const double rate = static_cast<double>(weights[e]) / static_cast<double>(most);
      if (rate * static_cast<double>(epoch_count) >= 1.0) {
        neighbors_.push_back(graph.columns_of(row)[e]);
        rates_.push_back(due_rate(rate));
      }
    }
    degree_max_ = std::max(degree_max_, neighbors_.size() - begin_.back());
    begin_.push_back(neighbors_.size());
  }
}

}  // namespace asterism
