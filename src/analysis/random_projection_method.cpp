#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "analysis/linear_estimator.hpp"
#include "analysis/linear_methods.hpp"
#include "base/counter_random.hpp"

namespace asterism {
namespace {

constexpr std::string_view kName = "random-projection";
constexpr std::string_view kDistortion = "distortion";
constexpr std::size_t kComponentsMax = 65536;

// So many directions keep all squared distances within 1 +- distortion (Dasgupta and Gupta 2003, "An elementary proof
// of a theorem of Johnson and Lindenstrauss").
std::size_t johnson_lindenstrauss_count(std::size_t row_count, double distortion) {
  const double denominator = distortion * distortion / 2.0 - distortion * distortion * distortion / 3.0;
  return static_cast<std::size_t>(4.0 * std::log(static_cast<double>(row_count)) / denominator);
}

Result<std::size_t> count_of(const FitRequest& request) {
  const std::size_t asked = option_count(request.options, kComponentsOption);
  if (asked != 0) {
    return asked;
  }
  const double distortion = option_number(request.options, kDistortion);
  const std::size_t count = johnson_lindenstrauss_count(request.rows.row_count, distortion);
  if (count == 0 || count > request.rows.dim) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: {} rows kept within a distortion of {} take {} components, and the rows have {} values", kName,
                    request.rows.row_count, distortion, count, request.rows.dim),
        "say how many components (--dim), or allow more distortion (--set distortion=0.3)");
  }
  return count;
}

// [count, dim]
std::vector<float> gaussian_weight(std::size_t count, std::size_t dim, std::uint64_t seed) {
  const CounterRandom random(seed);
  const double scale = 1.0 / std::sqrt(static_cast<double>(count));
  std::vector<float> weight(count * dim);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    weight[i] = static_cast<float>(random.normal(i) * scale);
  }
  return weight;
}

// [count, dim], 1 in sqrt(dim) of them not zero.
std::vector<float> sparse_weight(std::size_t count, std::size_t dim, std::uint64_t seed) {
  const CounterRandom random(seed);
  const double density = 1.0 / std::sqrt(static_cast<double>(dim));
  const auto value = static_cast<float>(std::sqrt(1.0 / (density * static_cast<double>(count))));
  std::vector<float> weight(count * dim);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const double draw = random.uniform(i);
    weight[i] = draw >= density ? 0.0F : draw < density / 2.0 ? value : -value;
  }
  return weight;
}

Result<FittedEstimator> fit_random_projection(const FitRequest& request, const AnalysisRun& run) {
  const auto count = count_of(request);
  if (!count) {
    return std::unexpected(count.error());
  }
  const std::size_t dim = request.rows.dim;
  const std::uint64_t seed = option_count(request.options, kSeedOption);
  auto weight = option_word(request.options, "kind") == "sparse" ? sparse_weight(*count, dim, seed)
                                                                 : gaussian_weight(*count, dim, seed);
  return fitted_linear(kName, request, AffineMap(std::vector<double>(dim), std::move(weight)), {}, run);
}

Result<std::unique_ptr<Estimator>> load_random_projection(const EstimatorState& state, std::string_view source) {
  return load_linear(kName, {}, state, source);
}

}  // namespace

EstimatorMethod random_projection_method() {
  EstimatorOption components = components_option(0, 0);
  components.text = "values of a place; 0: as many as keep distances within `distortion`";
  components.max = kComponentsMax;
  return {.name = kName,
          .summary = "random directions, which keep distances without learning anything",
          .options = {std::move(components),
                      {.name = "kind",
                       .kind = OptionKind::kWord,
                       .default_value = "gaussian",
                       .text = "normal numbers, or signs of which all but 1 in sqrt(dim) are zero",
                       .words = {"gaussian", "sparse"}},
                      {.name = kDistortion,
                       .kind = OptionKind::kNumber,
                       .default_value = 0.1,
                       .text = "of squared distances, where the number of components is chosen by it",
                       .min = 0.01,
                       .max = 0.99},
                      seed_option()},
          .fit = &fit_random_projection,
          .load = &load_random_projection};
}

}  // namespace asterism
