// Rows and runs that the tests of several analyses need.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "analysis/rows_view.hpp"
#include "base/counter_random.hpp"
#include "base/json.hpp"

namespace asterism {

// tests/golden/analysis/structure.json, recorded by tools/goldens/structure_record.py.
inline Json structure_golden() {
  auto json = read_json_file(std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/analysis/structure.json");
  return json ? *json : Json::object();
}

// `group_count` round groups of `group_size` rows, `apart` from each other in units of their own spread.
inline std::vector<float> grouped_rows(std::size_t group_count, std::size_t group_size, std::size_t dim, double apart,
                                       std::uint64_t seed = 1) {
  const CounterRandom places(seed, 1);
  const CounterRandom noise(seed, 2);
  std::vector<float> rows(group_count * group_size * dim);
  for (std::size_t r = 0; r < group_count * group_size; ++r) {
    // Groups take turns, so that none is one run of rows.
    const std::size_t group = r % group_count;
    for (std::size_t d = 0; d < dim; ++d) {
      rows[r * dim + d] = static_cast<float>(apart * places.normal(group * dim + d) + noise.normal(r * dim + d));
    }
  }
  return rows;
}

inline RowsView view_of(const std::vector<float>& values, std::size_t dim) {
  return {.values = values, .row_count = values.size() / dim, .dim = dim};
}

}  // namespace asterism
