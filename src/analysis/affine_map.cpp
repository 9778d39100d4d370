#include "analysis/affine_map.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "analysis/rows_check.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

// Rows between two looks at cancel and progress.
constexpr std::size_t kRowsPerStep = std::size_t{1} << 16;
constexpr std::size_t kBlocksPerChunk = 4;

LinearWeight layout_of(std::span<const float> weight, std::size_t dim) {
  const std::array<LinearPart, 1> parts{LinearPart{.weight = weight, .bias = {}}};
  return {parts, dim};
}

}  // namespace

AffineMap::AffineMap(std::vector<double> shift, std::vector<float> weight)
    : shift_(std::move(shift)), weight_(std::move(weight)), layout_(layout_of(weight_, shift_.size())) {}

Result<std::vector<float>> AffineMap::apply(const RowsView& rows, std::string_view who, const AnalysisRun& run) const {
  std::vector<float> out(rows.row_count * component_count());
  const auto place = [&](std::size_t begin, std::size_t count, std::vector<float>& shifted) {
    for (std::size_t r = 0; r < count; ++r) {
      const auto row = rows.row(begin + r);
      for (std::size_t d = 0; d < dim(); ++d) {
        shifted[r * dim() + d] = static_cast<float>(static_cast<double>(row[d]) - shift_[d]);
      }
    }
    linear({.weight = &layout_, .x = shifted.data(), .y = out.data() + begin * component_count()},
           {.row_begin = 0, .row_end = count, .panel_begin = 0, .panel_end = layout_.panel_count()});
  };
  for (std::size_t step = 0; step < rows.row_count; step += kRowsPerStep) {
    if (auto ok = expect_not_cancelled(run, who); !ok) {
      return std::unexpected(ok.error());
    }
    if (run.progress && step > 0) {
      run.progress("placing", step, rows.row_count);
    }
    const std::size_t step_rows = std::min(kRowsPerStep, rows.row_count - step);
    run.pool.parallel_for((step_rows + kLinearRowBlock - 1) / kLinearRowBlock, kBlocksPerChunk,
                          [&](std::size_t block, std::size_t block_end) {
                            std::vector<float> shifted(kLinearRowBlock * dim());
                            for (; block < block_end; ++block) {
                              const std::size_t begin = block * kLinearRowBlock;
                              place(step + begin, std::min(kLinearRowBlock, step_rows - begin), shifted);
                            }
                          });
  }
  return out;
}

}  // namespace asterism
