#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "analysis/direction_options.hpp"
#include "analysis/estimator_state.hpp"
#include "analysis/linear_estimator.hpp"
#include "analysis/linear_methods.hpp"
#include "analysis/pca.hpp"

namespace asterism {
namespace {

constexpr std::string_view kName = "pca";
constexpr std::string_view kVariances = "explained_variances";
constexpr std::string_view kRatios = "explained_variance_ratios";
// Of the largest variance: what is below is rounding of float rows, and whitening would blow it up to 1.
constexpr double kVarianceShareMin = 1e-10;

// Directions as rows of float, each over its deviation where whitened; one along which nothing varies places all at 0.
std::vector<float> weight_of(const Pca& pca, bool whiten) {
  std::vector<float> weight;
  weight.reserve(pca.components().size());
  for (std::size_t k = 0; k < pca.component_count(); ++k) {
    const double variance = pca.explained_variances()[k];
    const bool varies = variance > 0.0 && variance > kVarianceShareMin * pca.explained_variances().front();
    const double scale = !whiten ? 1.0 : varies ? 1.0 / std::sqrt(variance) : 0.0;
    for (const double entry : pca.components().subspan(k * pca.dim(), pca.dim())) {
      weight.push_back(static_cast<float>(entry * scale));
    }
  }
  return weight;
}

Result<FittedEstimator> fit_pca(const FitRequest& request, const AnalysisRun& run) {
  auto pca = Pca::fit(request.rows, direction_options(request.options), run);
  if (!pca) {
    return std::unexpected(pca.error());
  }
  const auto count = static_cast<std::int64_t>(pca->component_count());
  std::vector<EstimatorState::Array> details;
  details.push_back(state_array(std::string(kVariances), {count}, pca->explained_variances()));
  details.push_back(state_array(std::string(kRatios), {count}, pca->explained_variance_ratios()));
  AffineMap map({pca->mean().begin(), pca->mean().end()}, weight_of(*pca, option_flag(request.options, "whiten")));
  return fitted_linear(kName, request, std::move(map), std::move(details), run);
}

Result<std::unique_ptr<Estimator>> load_pca(const EstimatorState& state, std::string_view source) {
  return load_linear(kName, {{.name = kVariances}, {.name = kRatios}}, state, source);
}

}  // namespace

EstimatorMethod pca_method() {
  return {.name = kName,
          .summary = "principal components: the directions in which the rows vary most",
          .options = with_direction_options({{.name = "whiten",
                                              .kind = OptionKind::kFlag,
                                              .default_value = false,
                                              .text = "scale each component to variance 1"}}),
          .fit = &fit_pca,
          .load = &load_pca};
}

}  // namespace asterism
