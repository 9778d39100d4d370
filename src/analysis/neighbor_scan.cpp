#include "analysis/neighbor_scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "analysis/neighbor_keys.hpp"
#include "base/thread_pool.hpp"
#include "kernels/linear.hpp"

namespace asterism {
namespace {

constexpr std::size_t kWeightBytesMax = std::size_t{128} << 20;  // of the rows laid out at a time
constexpr double kProductsPerStep = 2e10;                        // between two looks at the cancel flag

// Keys of query `query` to columns [0, products.size()), whose rows' numbers are first, first + 1, ...
void offer_row(std::span<const float> products, const float* squares, std::size_t first, std::size_t query,
               std::size_t skipped, NeighborLists& lists) {
  float worst = lists.worst(query);
  for (std::size_t c = 0; c < products.size(); ++c) {
    const float key = squares[c] - 2.0F * products[c];
    if (key < worst && first + c != skipped) {
      lists.offer(query, key, static_cast<std::uint32_t>(first + c));
      worst = lists.worst(query);
    }
  }
}

// Rows [first, first + weights x kKeyColumns) laid out for products.
struct LaidOutRows {
  std::size_t first = 0;
  std::vector<std::unique_ptr<LinearWeight>> weights;
};

LaidOutRows lay_out_rows(const NeighborSpace& rows, std::size_t first, std::size_t count, ThreadPool& pool) {
  LaidOutRows laid_out{first, {}};
  laid_out.weights.resize((count + kKeyColumns - 1) / kKeyColumns);
  pool.parallel_for(laid_out.weights.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t w = begin; w < end; ++w) {
      const std::size_t from = w * kKeyColumns;
      const std::size_t width = std::min(kKeyColumns, count - from);
      const auto values = std::span(rows.values).subspan((first + from) * rows.dim(), width * rows.dim());
      laid_out.weights[w] = std::make_unique<LinearWeight>(rows_as_weight(values, rows.dim()));
    }
  });
  return laid_out;
}

void scan_block(const NeighborSpace& queries, std::size_t begin, std::size_t end, const NeighborSpace& rows,
                const LaidOutRows& laid_out, bool skips_itself, NeighborLists& lists) {
  std::vector<float> products((end - begin) * kKeyColumns);
  std::size_t first = laid_out.first;
  for (const auto& weight : laid_out.weights) {
    const LinearProblem problem{.weight = weight.get(),
                                .x = queries.values.data() + begin * queries.dim(),
                                .residual = nullptr,
                                .y = products.data()};
    linear(problem, {0, end - begin, 0, weight->panel_count()});
    for (std::size_t q = begin; q < end; ++q) {
      offer_row(std::span(products).subspan((q - begin) * weight->out(), weight->out()), rows.squares.data() + first,
                first, q, skips_itself ? q : rows.row_count(), lists);
    }
    first += weight->out();
  }
}

}  // namespace

Result<void> scan_neighbors(const NeighborSpace& queries, const NeighborSpace& rows, bool skips_itself,
                            NeighborLists& lists, const AnalysisRun& run) {
  const std::size_t row_bytes = rows.dim() * sizeof(float);
  const std::size_t rows_at_once = std::max(kKeyColumns, kWeightBytesMax / row_bytes);
  for (std::size_t first = 0; first < rows.row_count(); first += rows_at_once) {
    const std::size_t count = std::min(rows_at_once, rows.row_count() - first);
    const LaidOutRows laid_out = lay_out_rows(rows, first, count, run.pool);
    const double query_cost = static_cast<double>(count) * static_cast<double>(rows.dim());
    const auto step = std::max(kLinearRowBlock * 2 * run.pool.thread_count(),
                               static_cast<std::size_t>(kProductsPerStep / query_cost));
    for (std::size_t begin = 0; begin < queries.row_count(); begin += step) {
      if (run.is_cancelled()) {
        return fail(ErrorCode::kCancelled, "neighbours: stopped");
      }
      const std::size_t end = std::min(queries.row_count(), begin + step);
      run.pool.parallel_for(end - begin, kLinearRowBlock, [&](std::size_t from, std::size_t to) {
        scan_block(queries, begin + from, begin + to, rows, laid_out, skips_itself, lists);
      });
      if (run.progress && first + count == rows.row_count()) {
        run.progress("neighbors", end, queries.row_count());
      }
    }
  }
  return {};
}

void MemberScan::operator()(const NeighborSpace& space, std::span<const std::uint32_t> members, NeighborLists& lists) {
  const std::size_t dim = space.dim();
  gathered_.resize(members.size() * dim);
  for (std::size_t m = 0; m < members.size(); ++m) {
    std::ranges::copy(space.row(members[m]), gathered_.begin() + static_cast<std::ptrdiff_t>(m * dim));
  }
  const LinearWeight weight = rows_as_weight(gathered_, dim);
  products_.resize(kLinearRowBlock * members.size());
  for (std::size_t begin = 0; begin < members.size(); begin += kLinearRowBlock) {
    const std::size_t end = std::min(members.size(), begin + kLinearRowBlock);
    linear({.weight = &weight, .x = gathered_.data() + begin * dim, .residual = nullptr, .y = products_.data()},
           {0, end - begin, 0, weight.panel_count()});
    for (std::size_t m = begin; m < end; ++m) {
      const float* const products = products_.data() + (m - begin) * members.size();
      const std::uint32_t row = members[m];
      float worst = lists.worst(row);
      for (std::size_t c = 0; c < members.size(); ++c) {
        const float key = space.squares[members[c]] - 2.0F * products[c];
        if (key <= worst && c != m) {
          lists.offer(row, key, members[c]);
          worst = lists.worst(row);
        }
      }
    }
  }
}

}  // namespace asterism
