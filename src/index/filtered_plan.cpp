#include "index/graph_index.hpp"

namespace asterism {
namespace {

// Scoring so few rows costs no more than scoring the candidates of a walk.
constexpr std::size_t kExactCountMax = 64;
// Below this share the allowed rows within two steps are too few to find the way among them.
constexpr double kGraphShareMin = 0.05;
// Comparing so many codes takes as long as a walk.
constexpr std::size_t kCodeScanCountMax = 12000;

}  // namespace

FilteredPlan filtered_plan(std::size_t allowed_count, std::size_t row_count) noexcept {
  if (allowed_count <= kExactCountMax) {
    return {.way = FilteredPlan::Way::kExactScan, .reason = "so few rows pass that all are compared exactly"};
  }
  if (allowed_count <= kCodeScanCountMax) {
    return {.way = FilteredPlan::Way::kCodeScan, .reason = "comparing the codes of the rows that pass is fastest"};
  }
  if (static_cast<double>(allowed_count) < kGraphShareMin * static_cast<double>(row_count)) {
    return {.way = FilteredPlan::Way::kCodeScan,
            .reason = "the share of rows that pass is too small to walk among them"};
  }
  return {.way = FilteredPlan::Way::kGraph, .reason = "the graph is walked, stepping over rows that do not pass"};
}

}  // namespace asterism
