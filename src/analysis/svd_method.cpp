#include <cmath>
#include <numeric>
#include <utility>

#include "analysis/direction_options.hpp"
#include "analysis/estimator_state.hpp"
#include "analysis/leading_directions.hpp"
#include "analysis/linear_estimator.hpp"
#include "analysis/linear_methods.hpp"
#include "analysis/row_products.hpp"

namespace asterism {
namespace {

constexpr std::string_view kName = "svd";
constexpr std::string_view kSingularValues = "singular_values";
constexpr std::string_view kRatios = "explained_variance_ratios";

// Of the variance of all rows, the part along each direction; lengths are from the origin, so their means go.
std::vector<double> variance_ratios(const LeadingDirections& found, const std::vector<double>& mean, double row_count) {
  const std::size_t dim = mean.size();
  const double total = found.total_square / row_count - std::inner_product(mean.begin(), mean.end(), mean.begin(), 0.0);
  std::vector<double> ratios;
  for (std::size_t k = 0; k < found.squares.size(); ++k) {
    const auto* direction = found.directions.data() + k * dim;
    const double along = std::inner_product(mean.begin(), mean.end(), direction, 0.0);
    const double variance = std::max(0.0, found.squares[k] / row_count - along * along);
    ratios.push_back(total > 0.0 ? variance / total : 0.0);
  }
  return ratios;
}

Result<FittedEstimator> fit_svd(const FitRequest& request, const AnalysisRun& run) {
  const std::vector<double> origin(request.rows.dim);
  const auto found = leading_directions(request.rows, origin, direction_options(request.options), kName, run);
  if (!found) {
    return std::unexpected(found.error());
  }
  std::vector<double> singular_values;
  for (const double square : found->squares) {
    singular_values.push_back(std::sqrt(square));
  }
  const auto mean = group_means(request.rows, {}, 1, run).means;
  const auto ratios = variance_ratios(*found, mean, static_cast<double>(request.rows.row_count));
  const auto count = static_cast<std::int64_t>(singular_values.size());
  std::vector<EstimatorState::Array> details;
  details.push_back(state_array(std::string(kSingularValues), {count}, std::span<const double>(singular_values)));
  details.push_back(state_array(std::string(kRatios), {count}, std::span<const double>(ratios)));
  AffineMap map(origin, {found->directions.begin(), found->directions.end()});
  return fitted_linear(kName, request, std::move(map), std::move(details), run);
}

Result<std::unique_ptr<Estimator>> load_svd(const EstimatorState& state, std::string_view source) {
  return load_linear(kName, {{.name = kSingularValues}, {.name = kRatios}}, state, source);
}

}  // namespace

EstimatorMethod svd_method() {
  return {.name = kName,
          .summary = "truncated SVD: the directions in which the rows are longest from the origin",
          .options = with_direction_options({}),
          .fit = &fit_svd,
          .load = &load_svd};
}

}  // namespace asterism
