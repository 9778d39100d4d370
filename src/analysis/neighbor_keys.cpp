#include "analysis/neighbor_keys.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace asterism {

LinearWeight rows_as_weight(std::span<const float> rows, std::size_t dim) {
  const LinearPart part{.weight = rows, .bias = {}};
  return {std::span(&part, 1), dim};
}

void neighbor_keys(const NeighborSpace& space, std::span<const std::uint32_t> queries, std::span<float> keys,
                   ThreadPool& pool) {
  const std::size_t dim = space.dim();
  const std::size_t row_count = space.row_count();
  std::vector<float> asked(queries.size() * dim);
  for (std::size_t q = 0; q < queries.size(); ++q) {
    std::ranges::copy(space.row(queries[q]), asked.begin() + static_cast<std::ptrdiff_t>(q * dim));
  }
  pool.parallel_for((row_count + kKeyColumns - 1) / kKeyColumns, 1, [&](std::size_t block, std::size_t end) {
    std::vector<float> products(kLinearRowBlock * kKeyColumns);
    for (; block < end; ++block) {
      const std::size_t first = block * kKeyColumns;
      const std::size_t width = std::min(kKeyColumns, row_count - first);
      const LinearWeight weight = rows_as_weight(std::span(space.values).subspan(first * dim, width * dim), dim);
      for (std::size_t from = 0; from < queries.size(); from += kLinearRowBlock) {
        const std::size_t count = std::min(kLinearRowBlock, queries.size() - from);
        linear({.weight = &weight, .x = asked.data() + from * dim, .residual = nullptr, .y = products.data()},
               {0, count, 0, weight.panel_count()});
        for (std::size_t q = 0; q < count; ++q) {
          float* const out = keys.data() + (from + q) * row_count + first;
          for (std::size_t c = 0; c < width; ++c) {
            out[c] = space.squares[first + c] - 2.0F * products[q * width + c];
          }
        }
      }
    }
  });
  for (std::size_t q = 0; q < queries.size(); ++q) {
    keys[q * row_count + queries[q]] = std::numeric_limits<float>::infinity();
  }
}

}  // namespace asterism
