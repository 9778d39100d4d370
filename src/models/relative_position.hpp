// Tables of relative position biases made into the one bias that attention adds: private to src/models.
//
// A table has a row for every distance between two cells of a window, (2h - 1)(2w - 1) of them, rows first, and a
// column a head; BEiT's has three more, for class to token, token to class and class to class. Source: Liu et al. 2021,
// section 3.2, and timm's get_relative_position_index and gen_relative_position_index.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "graph/graph.hpp"
#include "models/grid_resample.hpp"

namespace asterism {

// The table as float32 rows, one a distance, with what belongs to the class token apart.
struct BiasTable {
  Grid window;
  std::int64_t head_count = 0;
  std::vector<float> distances;    // [(2h - 1), (2w - 1), heads]
  std::vector<float> class_token;  // [3, heads], or empty
};

enum class ClassRows : std::uint8_t { kNone, kThree };

// Reads a table of that window; kMismatch where the tensor is not one.
Result<BiasTable> read_bias_table(const Tensor& table, std::string_view name, const Grid& window, ClassRows rows,
                                  std::string_view source);

// The window of a table when only the table is known, assumed square; {0, 0} where it cannot be.
Grid square_window(std::int64_t row_count, ClassRows rows) noexcept;

// For another window: the distances resampled as torch does (transformers), or on distances that grow geometrically
// from the middle, between which values are linear (timm: resize_rel_pos_bias_table).
enum class BiasResampling : std::uint8_t { kBilinear, kGeometric };
BiasTable resample_bias_table(const BiasTable& table, const Grid& window, BiasResampling resampling);

// [heads, n, n] with n the tokens of the window, the class token first where the table has it.
std::vector<float> spread_bias(const BiasTable& table);

}  // namespace asterism
