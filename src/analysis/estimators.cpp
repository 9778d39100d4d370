#include "analysis/estimators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "analysis/estimator_options.hpp"
#include "analysis/linear_methods.hpp"
#include "analysis/pacmap.hpp"
#include "analysis/rows_check.hpp"
#include "analysis/tsne.hpp"
#include "analysis/umap.hpp"

namespace asterism {
namespace {

Result<void> check_labels(const EstimatorMethod& method, const FitRequest& request) {
  const std::size_t label_count = request.labels.size();
  if (label_count == 0) {
    return method.labels != LabelUse::kRequired
               ? Result<void>()
               : fail(ErrorCode::kInvalidArgument,
                      fmt::format("{}: expected a label for each of {} rows, found none", method.name,
                                  request.rows.row_count),
                      "--labels names a file or a column");
  }
  if (method.labels == LabelUse::kIgnored) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected no labels, which it does not use", method.name),
                "leave --labels out, or choose a method that learns from labels: lda, umap");
  }
  if (label_count != request.rows.row_count) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected a label for each of {} rows, found {}",
                                                         method.name, request.rows.row_count, label_count));
  }
  const auto bad = std::ranges::find_if(request.labels, [](std::int32_t label) { return label < kNoLabel; });
  if (bad != request.labels.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: row {}: expected a class from 0 on, or {} for none, found {}", method.name,
                            bad - request.labels.begin(), kNoLabel, *bad));
  }
  return {};
}

Result<void> check_targets(const EstimatorMethod& method, const FitRequest& request) {
  if (request.targets.empty()) {
    return {};
  }
  if (!method.takes_targets) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected no numbers to learn from, which it does not use", method.name),
                "leave --targets out, or choose a method that learns from numbers: umap");
  }
  if (request.targets.size() != request.rows.row_count || !request.labels.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                request.labels.empty() ? fmt::format("{}: expected a number for each of {} rows, found {}", method.name,
                                                     request.rows.row_count, request.targets.size())
                                       : fmt::format("{}: expected labels or numbers, found both", method.name));
  }
  if (std::ranges::none_of(request.targets, [](float v) { return std::isfinite(v); })) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected numbers to learn from, found none", method.name));
  }
  return {};
}

Result<void> check_initial(const EstimatorMethod& method, const FitRequest& request) {
  if (request.initial.empty()) {
    return {};
  }
  const std::size_t components = option_count(request.options, kComponentsOption);
  if (!method.takes_initial) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected no places to start from, which it does not use", method.name));
  }
  if (request.initial.size() != request.rows.row_count * components) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected {} x {} values to start from, found {}", method.name, request.rows.row_count,
                            components, request.initial.size()));
  }
  return {};
}

}  // namespace

std::span<const EstimatorMethod> estimator_methods() {
  static const std::vector<EstimatorMethod> methods{
      umap_method(),
      tsne_method(),
      pacmap_method(),
      pca_method(),
      svd_method(),
      lda_method(),
      random_projection_method(),
  };
  return methods;
}

Result<const EstimatorMethod*> find_estimator_method(std::string_view name) {
  const auto methods = estimator_methods();
  const auto found = std::ranges::find(methods, name, &EstimatorMethod::name);
  if (found != methods.end()) {
    return &*found;
  }
  std::vector<std::string_view> names;
  for (const EstimatorMethod& method : methods) {
    names.push_back(method.name);
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("expected a method of reduction, found '{}'", name.substr(0, 64)),
              nearest_name_hint(name, names));
}

Result<FittedEstimator> fit_estimator(std::string_view name, FitRequest request, const AnalysisRun& run) {
  const auto method = find_estimator_method(name);
  if (!method) {
    return std::unexpected(method.error());
  }
  auto options = complete_options(**method, request.options, name);
  if (!options) {
    return std::unexpected(options.error());
  }
  request.options = *std::move(options);
  if (request.rows.row_count == 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected rows, found none", name));
  }
  if (auto ok = expect_finite_rows(request.rows, name, run); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = check_labels(**method, request); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = check_targets(**method, request); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = check_initial(**method, request); !ok) {
    return std::unexpected(ok.error());
  }
  return (*method)->fit(request, run);
}

}  // namespace asterism
