// y = W (x - shift): what every linear reduction does to a row once it is fitted.
//
// Rows are shifted in double, rounded to float and multiplied by the kernel of kernels/linear.hpp: a row's values do
// not depend on the rows beside it nor on the number of threads. Ownership: values; the weight is kept twice, by rows
// for files and laid out for the kernel. Thread-safety: immutable. Cost: rows x dim x components multiplications.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"
#include "kernels/linear.hpp"

namespace asterism {

class AffineMap {
 public:
  // shift [dim], weight [components, dim]; neither is empty.
  AffineMap(std::vector<double> shift, std::vector<float> weight);

  std::size_t dim() const noexcept { return shift_.size(); }
  std::size_t component_count() const noexcept { return weight_.size() / shift_.size(); }
  std::span<const double> shift() const noexcept { return shift_; }
  std::span<const float> weight() const noexcept { return weight_; }

  // [row_count, component_count]. The rows were checked. kCancelled where the run was stopped; `who` starts the
  // message.
  Result<std::vector<float>> apply(const RowsView& rows, std::string_view who, const AnalysisRun& run) const;

 private:
  std::vector<double> shift_;
  std::vector<float> weight_;
  LinearWeight layout_;
};

}  // namespace asterism
