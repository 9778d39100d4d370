// What was said of rows against what they are, and the scores of it: accuracy, balanced accuracy, macro F1.
//
// As scikit-learn's confusion_matrix, accuracy_score, balanced_accuracy_score and f1_score(average="macro"): classes
// are those that occur on either side; balanced accuracy is the mean recall over classes that occur in truth.
// Ownership: values. Thread-safety: immutable once made. Cost: one pass over the rows; memory classes^2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace asterism {

class ConfusionMatrix {
 public:
  // Labels are 0...; the spans have one length.
  ConfusionMatrix(std::span<const std::int32_t> truth, std::span<const std::int32_t> said);

  std::size_t class_count() const noexcept { return class_count_; }
  // Rows of class `truth` of which `said` was said.
  std::uint64_t count(std::size_t truth, std::size_t said) const noexcept {
    return counts_[truth * class_count_ + said];
  }
  // NaN without rows.
  double accuracy() const noexcept;
  double balanced_accuracy() const noexcept;
  double macro_f1() const noexcept;

 private:
  struct ClassCounts {
    std::uint64_t right = 0;
    std::uint64_t truth = 0;
    std::uint64_t said = 0;
  };
  ClassCounts counts_of(std::size_t of_class) const noexcept;

  std::size_t class_count_ = 0;
  std::vector<std::uint64_t> counts_;  // [class_count, class_count], truth by rows
};

}  // namespace asterism
