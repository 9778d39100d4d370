#include "analysis/linear_estimator.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "analysis/estimator_state.hpp"
#include "analysis/rows_check.hpp"

namespace asterism {
namespace {

constexpr std::string_view kShift = "shift";
constexpr std::string_view kWeight = "weight";

}  // namespace

LinearEstimator::LinearEstimator(std::string_view method, Json options, AffineMap map,
                                 std::vector<EstimatorState::Array> details)
    : method_(method), options_(std::move(options)), map_(std::move(map)), details_(std::move(details)) {}

Result<std::vector<float>> LinearEstimator::transform(const RowsView& rows, const AnalysisRun& run) const {
  if (auto ok = expect_rows_of(dim(), rows, method_, run); !ok) {
    return std::unexpected(ok.error());
  }
  return map_.apply(rows, method_, run);
}

EstimatorState LinearEstimator::state() const {
  const auto dim = static_cast<std::int64_t>(map_.dim());
  const auto components = static_cast<std::int64_t>(map_.component_count());
  EstimatorState state{.options = options_, .arrays = details_};
  state.arrays.push_back(state_array(std::string(kShift), {dim}, map_.shift()));
  state.arrays.push_back(state_array(std::string(kWeight), {components, dim}, map_.weight()));
  return state;
}

Result<FittedEstimator> fitted_linear(std::string_view method, const FitRequest& request, AffineMap map,
                                      std::vector<EstimatorState::Array> details, const AnalysisRun& run) {
  auto embedding = map.apply(request.rows, method, run);
  if (!embedding) {
    return std::unexpected(embedding.error());
  }
  return FittedEstimator{
      .estimator = std::make_unique<LinearEstimator>(method, request.options, std::move(map), std::move(details)),
      .embedding = *std::move(embedding)};
}

Result<std::unique_ptr<Estimator>> load_linear(std::string_view method, const std::vector<LinearDetail>& details,
                                               const EstimatorState& state, std::string_view source) {
  auto shift = state_values<double>(state, kShift, {-1}, source);
  if (!shift) {
    return std::unexpected(shift.error());
  }
  auto weight = state_values<float>(state, kWeight, {-1, shift->shape[0]}, source);
  if (!weight) {
    return std::unexpected(weight.error());
  }
  const std::int64_t components = weight->shape[0];
  const std::size_t asked = option_count(state.options, kComponentsOption);
  if (asked != 0 && asked != static_cast<std::size_t>(components)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: array '{}': expected {} components, as the options say, found {}",
                                                 source, kWeight, asked, components));
  }
  std::vector<EstimatorState::Array> kept;
  for (const LinearDetail& detail : details) {
    const auto values = state_values<double>(state, detail.name, {detail.per_component ? components : -1}, source);
    if (!values) {
      return std::unexpected(values.error());
    }
    kept.push_back(state_array(std::string(detail.name), values->shape, std::span<const double>(values->values)));
  }
  return std::make_unique<LinearEstimator>(
      method, state.options, AffineMap(std::move(shift->values), std::move(weight->values)), std::move(kept));
}

}  // namespace asterism
