// PCA whitening: rows moved to mean 0 and scaled to variance 1 along the directions in which they vary most.
//
// Estimator with fit and transform, as scikit-learn's PCA(whiten=True). A cosine then counts every kept direction
// alike, where that of the rows themselves sees only the few that vary most. Ownership: values. Thread-safety:
// immutable once fitted. Cost: that of pca.hpp.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "analysis/pca.hpp"
#include "asterism/error.hpp"

namespace asterism {

class Whitening {
 public:
  // Keeps the first `direction_count_max` directions, or as many as there are: fewer than the rows, no more than their
  // dimensions, and only those along which they vary. kInvalidArgument where that is none or a value is not finite.
  static Result<Whitening> fit(const RowsView& rows, std::size_t direction_count_max);

  // [row_count, direction_count]: weight * (row + shift). kInvalidArgument when dim differs.
  Result<std::vector<float>> transform(const RowsView& rows) const;

  std::size_t dim() const noexcept { return shift_.size(); }
  std::size_t direction_count() const noexcept { return weight_.size() / shift_.size(); }
  // [dim]: minus the mean of the rows.
  std::span<const float> shift() const noexcept { return shift_; }
  // [direction_count, dim]: each a direction of unit length over the deviation along it, largest variance first.
  std::span<const float> weight() const noexcept { return weight_; }

 private:
  std::vector<float> shift_;
  std::vector<float> weight_;
};

}  // namespace asterism
