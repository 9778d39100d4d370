// Pictures that stand in two splits under different names: what a network has learnt by heart would count as skill.
//
// Same means same bytes of the file, or same pixels of an array or a sheet. A held-out row never moves and never goes:
// its copy is taken from the rows that are learnt from. Only files whose size another file has are read, so a folder of
// photographs costs little more than a look at its names; many small files of few sizes cost reading them once.
// Thread-safety: pure function.
#pragma once

#include <cstdint>
#include <vector>

#include "train/picture_index.hpp"

namespace asterism {

struct PictureCopy {
  std::int64_t row = 0;       // to leave out
  std::int64_t original = 0;  // the row of a split that goes before it: test, then validation, then train
};

// In the order of the rows. A file that cannot be read is a copy of nothing.
std::vector<PictureCopy> copies_across_splits(const PictureIndex& index);

}  // namespace asterism
