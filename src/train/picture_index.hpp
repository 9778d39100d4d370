// The rows of a data set of pictures: where each is, its label and its split; no pixels.
//
//   photos/cat/1.jpg        a folder: the label is the first folder below it, or what label_pattern takes of the name
//   table.csv, table.jsonl  image_column names the files, relative to the table (or to image_folder beside it)
//   digits.npy              u8 [rows, height, width] or [rows, height, width, 3]; labels_file holds a label a row
//   sprite.png              with tile_size: equal square tiles, row by row; labels_file likewise
//
// Ownership: values; arrays are mapped, a sprite sheet is held decoded. Thread-safety: immutable once read.
// Cost: names and labels of all rows in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "image/image.hpp"
#include "tensor/tensor.hpp"
#include "train/recipe.hpp"
#include "train/task.hpp"

namespace asterism {

// What rows without a file of their own are cut from.
struct PictureSheet {
  std::optional<Tensor> array;  // u8, as above
  Image sprite;                 // where there is no array
  std::int64_t tile_size = 0;   // of the sprite
};

struct PictureRow {
  std::string name;           // the file's path; "digits.npy, row 7" of an array
  std::int32_t sheet = -1;    // -1 = a file
  std::int64_t position = 0;  // in the sheet
  std::int32_t label = -1;    // index of class_names; -1 = none
  Split split = Split::kTrain;
};

struct PictureIndex {
  std::vector<PictureRow> rows;
  std::vector<PictureSheet> sheets;
  std::vector<std::string> class_names;  // sorted
  std::int64_t missing_count = 0;        // files that a table names and that are not there: no rows
  std::vector<std::string> missing;      // the first few: "FILE: why"
  std::vector<std::string> warnings;     // folders of classes without a picture
};

// Only what the inputs as such have wrong is an error: a missing file or column, a pattern that does not parse, labels
// that do not match the rows, no rows at all. Whether a picture can be decoded shows when it is read; files of a table
// are looked for here, so that batches are not made of rows that were never there.
Result<PictureIndex> read_picture_index(const Recipe& recipe);
// The same of the recipe's [evaluation].
Result<PictureIndex> read_evaluated_index(const Recipe& recipe);

// Adds the rows of `evaluated` behind those of `index`, whose labels go: the classes are those of `evaluated`. Gives
// the number of the first row added.
std::int64_t append_evaluated(PictureIndex& index, PictureIndex evaluated);

}  // namespace asterism
