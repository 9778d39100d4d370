// Learned position embeddings, fitted to the grid of patches that will be used: private to src/models.
#pragma once

#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "graph/graph.hpp"
#include "models/grid_resample.hpp"

namespace asterism {

struct PositionFit {
  std::string name = {};          // [1, rows, dim] or [rows, dim] in the checkpoint
  std::int64_t prefix_count = 0;  // rows at the front that belong to no patch
  Grid trained = {};              // what the configuration says; a square grid is found from the rows alone
  Grid wanted = {};
  Resampling resampling = Resampling::kBicubic;
};

// Makes the parameter [1, prefix_count + wanted.area(), dim]. Where the grid is the trained one the values stay as they
// are. kMismatch where the table cannot be of such a grid.
Result<void> fit_position_table(ParameterMap& parameters, const PositionFit& fit, std::string_view source);

// The grid that a table of `patch_count` rows was trained on: `configured` where it has as many, else a square.
// {0, 0} where there is none.
Grid trained_grid(std::int64_t patch_count, const Grid& configured) noexcept;

}  // namespace asterism
