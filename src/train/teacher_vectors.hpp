// What a teacher makes of the pictures: its vectors of some fixed views of each, computed once and kept in files.
//
// View 0 is the picture as it is; the others are crops and flips that depend on the seed, the row and the view alone.
// The student is shown the same view (Beyer et al. 2022: a teacher that sees what the student sees).
// The files hold kTeacherPartViewCount views each and appear whole, so a run that was stopped goes on with the next.
// They belong to the teacher, the views and the pictures as they are: a picture of another size or time of change is
// another one. Ownership: the vectors are mapped from the files. Thread-safety: immutable. Cost: one run of the teacher
// over the rows x views that are not there yet; memory a window of pictures.
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

inline constexpr std::int64_t kTeacherPartViewCount = 2048;

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
    std::filesystem::path folder;  // of the files
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
  std::vector<Tensor> parts_;         // [rows * views, dim], cut into files
  std::vector<std::int64_t> places_;  // by row of the index; -1 = none
  TeacherViewOptions views_;
  std::int64_t dim_ = 0;
};

}  // namespace asterism
