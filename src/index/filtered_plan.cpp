#include <algorithm>
#include <cmath>

#include "index/graph_index.hpp"

namespace asterism {
namespace {

// Scoring so few rows costs no more than scoring the candidates of a walk.
constexpr std::size_t kExactCountMax = 64;
// Below this share the allowed rows within two steps are too few to find the way among them.
constexpr double kGraphShareMin = 0.05;
// From this share on a walk needs places only for the rows that lie before the k-th which passes, so many for each:
// they are passed on the way, and the walk need not be surer of them. Below it as many places as would pass without a
// filter are wanted for each (decision 227).
constexpr double kFewPlacesShareMin = 0.25;
constexpr double kPlacesForPassed = 3.0;

// What a search takes, in sketches compared meanwhile (decision 0192 has the measurements): some at once, and more for
// each row or each place of the beam.
struct Cost {
  double once;
  double each;
  double of(double count) const noexcept { return once + each * count; }
};
constexpr Cost kSketchCost{.once = 8000.0, .each = 1.0};
constexpr Cost kCodeCost{.once = 3000.0, .each = 3.3};
constexpr Cost kWideWalkCost{.once = 5000.0, .each = 225.0};
constexpr Cost kStepOverCost{.once = 11000.0, .each = 720.0};

}  // namespace

std::size_t wide_expansion(const WalkSize& size, double share_that_passes) noexcept {
  const auto places = static_cast<double>(size.expansion);
  const double for_all = places / share_that_passes;
  const double passed_by = static_cast<double>(size.k) * (1.0 / share_that_passes - 1.0);
  const double wanted =
      share_that_passes < kFewPlacesShareMin ? for_all : std::min(for_all, places + kPlacesForPassed * passed_by);
  return static_cast<std::size_t>(std::min(static_cast<double>(kExpansionMax), std::ceil(wanted)));
}

FilteredPlan filtered_plan(std::size_t allowed_count, std::size_t row_count, const WalkSize& size,
                           bool has_sketches) noexcept {
  using Way = FilteredPlan::Way;
  if (allowed_count <= kExactCountMax) {
    return {.way = Way::kExactScan, .reason = "so few rows pass that all are compared exactly"};
  }
  const auto count = static_cast<double>(allowed_count);
  const double share = std::min(1.0, count / static_cast<double>(std::max<std::size_t>(1, row_count)));
  const double sketches = kSketchCost.of(count);
  const double codes = kCodeCost.of(count);
  const double wide = kWideWalkCost.of(static_cast<double>(wide_expansion(size, share)));
  const double step_over = kStepOverCost.of(static_cast<double>(size.expansion));
  const bool by_sketches = has_sketches && sketches < codes;
  if (share >= kGraphShareMin && std::min(wide, step_over) < (by_sketches ? sketches : codes)) {
    return wide < step_over
               ? FilteredPlan{.way = Way::kWideGraph, .reason = "so many rows pass that the graph is walked as without"}
               : FilteredPlan{.way = Way::kGraph, .reason = "the graph is walked, stepping over rows that do not pass"};
  }
  if (by_sketches) {
    return {.way = Way::kSketchScan,
            .reason = "comparing sketches of the rows that pass, then codes of the nearest, is fastest"};
  }
  return {.way = Way::kCodeScan,
          .reason = share < kGraphShareMin ? "the share of rows that pass is too small to walk among them"
                                           : "comparing the codes of the rows that pass is fastest"};
}

}  // namespace asterism
