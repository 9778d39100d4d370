// Rows of images: files, folders, patterns, tar archives, lists and columns of paths, stdin; and preprocessed arrays.
//
//   a.jpg            that file, whatever its extension
//   photos           every image below the folder, by extension (folder_files.hpp)
//   photos/**/*.jpg  what the pattern matches (path_pattern.hpp); an existing file of that name comes first
//   shards.tar       the images in it (tar_rows.hpp); a pattern that ends in .tar stands for the archives it matches
//   table.csv        the files that the column names, relative to the table's own folder
//   -                one image on stdin
//
// An input that is missing is an error at once; whatever cannot be read later on costs its row.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/row_reader.hpp"
#include "dataset/text_reader.hpp"

namespace asterism {

struct ImageReaderOptions {
  std::vector<std::string> inputs = {};
  // A file with a path a line, relative to the working directory (as those that `find` writes), or "-" for stdin.
  // Instead of inputs.
  std::string list = {};
  TextFormat format = TextFormat::kAuto;  // of tables of paths
  std::string column = {};                // of tables of paths; empty = "path". Preprocessed: name of the tensor
  std::string id_column = {};             // of tables of paths
  MetadataColumns metadata = {};          // of tables of paths: what rows keep beside path and id
  std::function<bool()> interrupted = {};
};

inline constexpr std::string_view kPathColumn = "path";

Result<std::unique_ptr<RowReader>> open_image_reader(ImageReaderOptions options);

// Arrays [rows, channels, height, width] (tensor_rows.hpp).
Result<std::unique_ptr<RowReader>> open_tensor_reader(ImageReaderOptions options);

}  // namespace asterism
