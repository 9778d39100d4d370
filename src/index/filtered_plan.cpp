#include <algorithm>

#include "index/graph_index.hpp"

namespace asterism {

FilteredPlan filtered_plan(std::size_t allowed_count, std::size_t row_count, std::size_t k, std::size_t expansion) {
  (void)row_count;
  (void)k;
  (void)allowed_count;
  return {.way = FilteredPlan::Way::kGraph, .expansion = expansion, .reason = "measured"};
}

}  // namespace asterism
