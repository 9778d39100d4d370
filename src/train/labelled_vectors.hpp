// Vectors with the labels of their rows: what quality is measured on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace asterism {

struct LabelledVectors {
  std::vector<float> values;  // [rows, dim]
  std::size_t dim = 0;
  std::vector<std::int32_t> labels;  // a row each; -1 = none, which counts nowhere

  std::size_t row_count() const noexcept { return labels.size(); }
};

}  // namespace asterism
