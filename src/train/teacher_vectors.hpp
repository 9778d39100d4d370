// What a teacher makes of the pictures: its vectors of some fixed views of each, computed once and kept in a file.
//
// View 0 is the picture as it is; the others are crops and flips that depend on the seed, the row and the view alone.
// The student is shown the same view (Beyer et al. 2022: a teacher that sees what the student sees).
// Ownership: the vectors are mapped from the file. Thread-safety: immutable. Cost: one run of the teacher over rows x
// views when the file is not there yet; memory a window of pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "asterism/error.hpp"
#include "image/preprocess.hpp"
#include "tensor/tensor.hpp"
#include "train/picture_store.hpp"
#include "train/recipe.hpp"
#include "train/task.hpp"

namespace asterism {

struct TeacherViewOptions {
  std::int64_t view_count = 8;
  AugmentationRecipe geometry;  // of views from 1 on: crops and flips
  std::uint64_t seed = 0;
};

// The whole picture or a crop of it, of the picture's own pixels, for the teacher to resize as it likes.
Result<Image> teacher_view(const Image& image, std::int64_t row, std::int64_t view, const TeacherViewOptions& options);

class TeacherVectors {
 public:
  struct Request {
    std::string teacher;           // as for `asterism embed --model`
    std::filesystem::path folder;  // of the file
    TeacherViewOptions views;
    std::size_t thread_count = 0;
  };
  // Vectors of `rows` of the store.
  static Result<TeacherVectors> make(const PictureStore& store, const std::vector<std::int64_t>& rows,
                                     const Request& request, const TaskWatch& watch);

  std::int64_t dim() const noexcept { return dim_; }
  const TeacherViewOptions& views() const noexcept { return views_; }
  // NaN where the row could not be read.
  std::span<const float> vector(std::int64_t row, std::int64_t view) const;

 private:
  Tensor values_;                     // [rows * views, dim]
  std::vector<std::int64_t> places_;  // by row of the index; -1 = none
  TeacherViewOptions views_;
  std::int64_t dim_ = 0;
};

}  // namespace asterism
