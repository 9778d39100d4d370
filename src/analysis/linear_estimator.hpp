// An estimator that places rows by one matrix: PCA, truncated SVD, LDA and random projection once they are fitted.
//
// What sets them apart is how the matrix is found (linear_methods.hpp). Arrays in files: `shift` f64 [dim], `weight`
// f32 [components, dim], and what the method says about them (explained variances). Ownership: values. Thread-safety:
// immutable. Cost: that of affine_map.hpp.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "analysis/affine_map.hpp"
#include "analysis/estimator.hpp"
#include "analysis/estimator_method.hpp"
#include "base/json.hpp"

namespace asterism {

class LinearEstimator final : public Estimator {
 public:
  // `method` is a literal. `details` are arrays that only people and files read.
  LinearEstimator(std::string_view method, Json options, AffineMap map, std::vector<EstimatorState::Array> details);

  std::string_view method() const noexcept override { return method_; }
  std::size_t dim() const noexcept override { return map_.dim(); }
  std::size_t component_count() const noexcept override { return map_.component_count(); }
  Result<std::vector<float>> transform(const RowsView& rows, const AnalysisRun& run) const override;
  EstimatorState state() const override;

 private:
  std::string_view method_;
  Json options_;
  AffineMap map_;
  std::vector<EstimatorState::Array> details_;
};

// What a detail array must be like in a file.
struct LinearDetail {
  std::string_view name;  // f64
  bool per_component = true;
};

// The estimator over `map`, and where it places the fitted rows.
Result<FittedEstimator> fitted_linear(std::string_view method, const FitRequest& request, AffineMap map,
                                      std::vector<EstimatorState::Array> details, const AnalysisRun& run);

// kCorrupt where `shift`, `weight` or a detail is missing or has another shape than the rest.
Result<std::unique_ptr<Estimator>> load_linear(std::string_view method, const std::vector<LinearDetail>& details,
                                               const EstimatorState& state, std::string_view source);

}  // namespace asterism
