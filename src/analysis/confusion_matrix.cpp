#include "analysis/confusion_matrix.hpp"

#include <algorithm>
#include <limits>

namespace asterism {
namespace {

double ratio(double of, double all) {
  return all > 0.0 ? of / all : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(std::span<const std::int32_t> truth, std::span<const std::int32_t> said) {
  for (const auto labels : {truth, said}) {
    if (!labels.empty()) {
      class_count_ = std::max(class_count_, static_cast<std::size_t>(std::ranges::max(labels)) + 1);
    }
  }
  counts_.resize(class_count_ * class_count_);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    ++counts_[static_cast<std::size_t>(truth[i]) * class_count_ + static_cast<std::size_t>(said[i])];
  }
}

ConfusionMatrix::ClassCounts ConfusionMatrix::counts_of(std::size_t of_class) const noexcept {
  ClassCounts counts{.right = count(of_class, of_class)};
  for (std::size_t other = 0; other < class_count_; ++other) {
    counts.truth += count(of_class, other);
    counts.said += count(other, of_class);
  }
  return counts;
}

double ConfusionMatrix::accuracy() const noexcept {
  double right = 0.0;
  double all = 0.0;
  for (std::size_t i = 0; i < class_count_; ++i) {
    const ClassCounts counts = counts_of(i);
    right += static_cast<double>(counts.right);
    all += static_cast<double>(counts.truth);
  }
  return ratio(right, all);
}

double ConfusionMatrix::balanced_accuracy() const noexcept {
  double sum = 0.0;
  double classes = 0.0;
  for (std::size_t i = 0; i < class_count_; ++i) {
    if (const ClassCounts counts = counts_of(i); counts.truth > 0) {
      sum += static_cast<double>(counts.right) / static_cast<double>(counts.truth);
      classes += 1.0;
    }
  }
  return ratio(sum, classes);
}

double ConfusionMatrix::macro_f1() const noexcept {
  double sum = 0.0;
  double classes = 0.0;
  for (std::size_t i = 0; i < class_count_; ++i) {
    if (const ClassCounts counts = counts_of(i); counts.truth + counts.said > 0) {
      sum += 2.0 * static_cast<double>(counts.right) / static_cast<double>(counts.truth + counts.said);
      classes += 1.0;
    }
  }
  return ratio(sum, classes);
}

}  // namespace asterism
