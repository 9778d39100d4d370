#include "analysis/row_products.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <utility>

#include "analysis/rows_check.hpp"
#include "base/thread_pool.hpp"
#include "kernels/column_products.hpp"
#include "kernels/linear.hpp"

namespace asterism {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Rows that are packed before their products are taken: what fits in the caches with a few hundred columns.
constexpr std::size_t kRowsPerBlock = 1024;
// Rows that one thread packs at a time.
constexpr std::size_t kRowsPerChunk = 64;
// Rows whose mean is one sum; the sums of blocks are then added in order.
constexpr std::size_t kRowsPerSum = 4096;
// Of products in double: rows of a block, and columns of a tile of the sums.
constexpr std::size_t kRowsPlain = 256;
constexpr Eigen::Index kPlainTile = 96;

// Panels of all blocks of `row_count` rows, one after the other: fill(begin, count) sets them, add(count) takes them.
Result<void> for_each_block(std::size_t row_count, std::string_view who, std::string_view stage, const AnalysisRun& run,
                            const std::function<void(std::size_t, std::size_t)>& fill,
                            const std::function<void(std::size_t)>& add) {
  for (std::size_t begin = 0; begin < row_count; begin += kRowsPerBlock) {
    if (auto ok = expect_not_cancelled(run, who); !ok) {
      return ok;
    }
    if (run.progress && begin > 0 && begin % (64 * kRowsPerBlock) == 0) {
      run.progress(stage, begin, row_count);
    }
    const std::size_t count = std::min(kRowsPerBlock, row_count - begin);
    run.pool.parallel_for((count + kRowsPerChunk - 1) / kRowsPerChunk, 1, [&](std::size_t chunk, std::size_t end) {
      for (; chunk < end; ++chunk) {
        const std::size_t first = chunk * kRowsPerChunk;
        fill(begin + first, std::min(kRowsPerChunk, count - first));
      }
    });
    add(count);
  }
  return {};
}

// All pairs of panels; of a product with itself the pairs on and below the diagonal.
void add_all(const ColumnPanels& left, const ColumnPanels& right, bool lower, std::size_t row_count,
             std::span<double> sums, ThreadPool& pool) {
  const std::size_t columns = right.panel_count();
  pool.parallel_for(left.panel_count() * columns, 1, [&](std::size_t pair, std::size_t end) {
    for (; pair < end; ++pair) {
      if (!lower || pair / columns >= pair % columns) {
        add_column_products(left, pair / columns, right, pair % columns, row_count, sums);
      }
    }
  });
}

void mirror_lower(std::vector<double>& values, std::size_t dim) {
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = i + 1; j < dim; ++j) {
      values[i * dim + j] = values[j * dim + i];
    }
  }
}

// The row's shift; null where the row is left out.
const double* shift_of(const RowShifts& shifts, std::size_t row, std::size_t dim) {
  if (shifts.of_row.empty()) {
    return shifts.values.data();
  }
  return shifts.of_row[row] < 0 ? nullptr : shifts.values.data() + static_cast<std::size_t>(shifts.of_row[row]) * dim;
}

// out [dim]: the row less its shift; zeros, which add nothing, where it is left out.
template <typename T>
void shifted_row(std::span<const float> row, const double* shift, T* out) {
  for (std::size_t d = 0; d < row.size(); ++d) {
    out[d] = shift == nullptr ? T{0} : static_cast<T>(static_cast<double>(row[d]) - shift[d]);
  }
}

double squared_norm(std::span<const float> row) {
  double sum = 0.0;
  for (const float value : row) {
    sum += static_cast<double>(value) * static_cast<double>(value);
  }
  return sum;
}

// sums += block^T block, on and below the diagonal, tile by tile on all threads.
void add_plain(const Matrix& block, Matrix& sums, ThreadPool& pool) {
  const auto tile_count = static_cast<std::size_t>((sums.rows() + kPlainTile - 1) / kPlainTile);
  pool.parallel_for(tile_count * tile_count, 1, [&](std::size_t tile, std::size_t end) {
    for (; tile < end; ++tile) {
      const Eigen::Index i = static_cast<Eigen::Index>(tile / tile_count) * kPlainTile;
      const Eigen::Index j = static_cast<Eigen::Index>(tile % tile_count) * kPlainTile;
      if (i >= j) {
        const Eigen::Index height = std::min(kPlainTile, sums.rows() - i);
        const Eigen::Index width = std::min(kPlainTile, sums.rows() - j);
        sums.block(i, j, height, width).noalias() +=
            block.middleCols(i, height).transpose() * block.middleCols(j, width);
      }
    }
  });
}

Result<std::vector<double>> plain_scatter(const RowsView& rows, const RowShifts& shifts, std::string_view who,
                                          const AnalysisRun& run) {
  const auto dim = static_cast<Eigen::Index>(rows.dim);
  Matrix sums = Matrix::Zero(dim, dim);
  Matrix block;
  for (std::size_t begin = 0; begin < rows.row_count; begin += kRowsPlain) {
    if (auto ok = expect_not_cancelled(run, who); !ok) {
      return std::unexpected(ok.error());
    }
    const std::size_t count = std::min(kRowsPlain, rows.row_count - begin);
    block.resize(static_cast<Eigen::Index>(count), dim);
    for (std::size_t r = 0; r < count; ++r) {
      shifted_row(rows.row(begin + r), shift_of(shifts, begin + r, rows.dim), block.data() + r * rows.dim);
    }
    add_plain(block, sums, run.pool);
  }
  std::vector<double> out(sums.data(), sums.data() + sums.size());
  mirror_lower(out, rows.dim);
  return out;
}

Result<std::vector<double>> plain_row_scatter(const RowsView& rows, std::span<const double> shift, std::string_view who,
                                              const AnalysisRun& run) {
  const auto row_count = static_cast<Eigen::Index>(rows.row_count);
  Matrix sums = Matrix::Zero(row_count, row_count);
  Matrix block;
  for (std::size_t begin = 0; begin < rows.dim; begin += kRowsPlain) {
    if (auto ok = expect_not_cancelled(run, who); !ok) {
      return std::unexpected(ok.error());
    }
    const std::size_t count = std::min(kRowsPlain, rows.dim - begin);
    block.resize(row_count, static_cast<Eigen::Index>(count));
    for (std::size_t row = 0; row < rows.row_count; ++row) {
      shifted_row(rows.row(row).subspan(begin, count), shift.data() + begin, block.data() + row * count);
    }
    sums.selfadjointView<Eigen::Lower>().rankUpdate(block);
  }
  std::vector<double> out(sums.data(), sums.data() + sums.size());
  mirror_lower(out, rows.row_count);
  return out;
}

}  // namespace

GroupMeans group_means(const RowsView& rows, std::span<const std::int32_t> groups, std::size_t group_count,
                       const AnalysisRun& run) {
  const std::size_t dim = rows.dim;
  const std::size_t block_count = (rows.row_count + kRowsPerSum - 1) / kRowsPerSum;
  // A few blocks at a time, so that memory does not grow with the rows.
  constexpr std::size_t kWaveValuesMax = std::size_t{1} << 22;
  const std::size_t blocks_per_wave = std::clamp<std::size_t>(kWaveValuesMax / (group_count * dim), 1, 64);
  GroupMeans out{.means = std::vector<double>(group_count * dim), .counts = std::vector<std::size_t>(group_count)};
  std::vector<double> sums;
  for (std::size_t wave = 0; wave < block_count; wave += blocks_per_wave) {
    const std::size_t wave_blocks = std::min(blocks_per_wave, block_count - wave);
    sums.assign(wave_blocks * group_count * dim, 0.0);
    run.pool.parallel_for(wave_blocks, 1, [&](std::size_t block, std::size_t block_end) {
      for (; block < block_end; ++block) {
        const std::size_t begin = (wave + block) * kRowsPerSum;
        for (std::size_t row = begin; row < std::min(rows.row_count, begin + kRowsPerSum); ++row) {
          if (!groups.empty() && groups[row] < 0) {
            continue;
          }
          const std::size_t group = groups.empty() ? 0 : static_cast<std::size_t>(groups[row]);
          double* const sum = sums.data() + (block * group_count + group) * dim;
          const auto values = rows.row(row);
          for (std::size_t d = 0; d < dim; ++d) {
            sum[d] += static_cast<double>(values[d]);
          }
        }
      }
    });
    for (std::size_t i = 0; i < sums.size(); ++i) {
      out.means[i % (group_count * dim)] += sums[i];
    }
  }
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    if (groups.empty() || groups[row] >= 0) {
      ++out.counts[groups.empty() ? 0 : static_cast<std::size_t>(groups[row])];
    }
  }
  for (std::size_t i = 0; i < out.means.size(); ++i) {
    out.means[i] /= static_cast<double>(std::max<std::size_t>(1, out.counts[i / dim]));
  }
  return out;
}

Result<std::vector<double>> scatter_of(const RowsView& rows, const RowShifts& shifts, ProductPrecision precision,
                                       std::string_view who, const AnalysisRun& run) {
  if (precision == ProductPrecision::kDouble || rows.row_count <= kPlainProductsMax / (rows.dim * rows.dim)) {
    return plain_scatter(rows, shifts, who, run);
  }
  std::vector<double> out(rows.dim * rows.dim);
  ColumnPanels panels(kRowsPerBlock, rows.dim);
  const auto fill = [&](std::size_t begin, std::size_t count) {
    std::vector<float> values(rows.dim);
    for (std::size_t row = begin; row < begin + count; ++row) {
      shifted_row(rows.row(row), shift_of(shifts, row, rows.dim), values.data());
      panels.set_row(row % kRowsPerBlock, values);
    }
  };
  const auto add = [&](std::size_t count) { add_all(panels, panels, true, count, out, run.pool); };
  if (auto ok = for_each_block(rows.row_count, who, "products", run, fill, add); !ok) {
    return std::unexpected(ok.error());
  }
  mirror_lower(out, rows.dim);
  return out;
}

Result<std::vector<double>> row_scatter_of(const RowsView& rows, std::span<const double> shift,
                                           ProductPrecision precision, std::string_view who, const AnalysisRun& run) {
  if (precision == ProductPrecision::kDouble || rows.dim <= kPlainProductsMax / (rows.row_count * rows.row_count)) {
    return plain_row_scatter(rows, shift, who, run);
  }
  std::vector<double> out(rows.row_count * rows.row_count);
  // The rows are the columns here: blocks of dimensions.
  ColumnPanels panels(kRowsPerBlock, rows.row_count);
  const auto fill = [&](std::size_t begin, std::size_t count) {
    std::vector<float> values(rows.row_count);
    for (std::size_t d = begin; d < begin + count; ++d) {
      for (std::size_t row = 0; row < rows.row_count; ++row) {
        values[row] = static_cast<float>(static_cast<double>(rows.values[row * rows.dim + d]) - shift[d]);
      }
      panels.set_row(d % kRowsPerBlock, values);
    }
  };
  const auto add = [&](std::size_t count) { add_all(panels, panels, true, count, out, run.pool); };
  if (auto ok = for_each_block(rows.dim, who, "products", run, fill, add); !ok) {
    return std::unexpected(ok.error());
  }
  mirror_lower(out, rows.row_count);
  return out;
}

Result<SubspacePass> subspace_pass(const RowsView& rows, std::span<const double> shift, std::span<const float> basis,
                                   std::string_view who, const AnalysisRun& run) {
  const std::size_t count = basis.size() / rows.dim;
  const std::array<LinearPart, 1> parts{LinearPart{.weight = basis, .bias = {}}};
  const LinearWeight weight(parts, rows.dim);
  SubspacePass out{.images = std::vector<double>(rows.dim * count), .products = std::vector<double>(count * count)};
  ColumnPanels panels(kRowsPerBlock, rows.dim);
  ColumnPanels images(kRowsPerBlock, count);
  std::vector<double> squares(kRowsPerBlock);  // of each row's values: added in the rows' order
  const auto fill = [&](std::size_t begin, std::size_t row_count) {
    std::vector<float> values(kRowsPerChunk * rows.dim);
    std::vector<float> projected(kRowsPerChunk * count);
    for (std::size_t r = 0; r < row_count; ++r) {
      shifted_row(rows.row(begin + r), shift.data(), values.data() + r * rows.dim);
      const auto row = std::span<const float>(values).subspan(r * rows.dim, rows.dim);
      panels.set_row((begin + r) % kRowsPerBlock, row);
      squares[(begin + r) % kRowsPerBlock] = squared_norm(row);
    }
    linear({.weight = &weight, .x = values.data(), .y = projected.data()},
           {.row_begin = 0, .row_end = row_count, .panel_begin = 0, .panel_end = weight.panel_count()});
    for (std::size_t r = 0; r < row_count; ++r) {
      images.set_row((begin + r) % kRowsPerBlock, std::span<const float>(projected).subspan(r * count, count));
    }
  };
  const auto add = [&](std::size_t row_count) {
    add_all(panels, images, false, row_count, out.images, run.pool);
    add_all(images, images, true, row_count, out.products, run.pool);
    out.squared_norm =
        std::accumulate(squares.begin(), squares.begin() + static_cast<std::ptrdiff_t>(row_count), out.squared_norm);
  };
  if (auto ok = for_each_block(rows.row_count, who, "iterating", run, fill, add); !ok) {
    return std::unexpected(ok.error());
  }
  mirror_lower(out.products, count);
  return out;
}

}  // namespace asterism
