// The image files of a folder and the folders in it, or those that a pattern matches, in the order of their paths.
//
// The order is bytewise by the path below the root. A folder's names are read and sorted when the walk enters it, and
// no file is looked at before its turn, so a large folder starts at once. Names that begin with a dot are passed over,
// as shells do; symbolic links are followed. What cannot be read or would never end (a link to a folder above) is an
// entry with an error. Cost: the names of the folders on the way to the present file.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "dataset/file_source.hpp"
#include "dataset/path_pattern.hpp"

namespace asterism {

struct FolderFilesOptions {
  std::string root = {};                    // "" is the working directory, and paths then begin below it
  std::optional<PathPattern> pattern = {};  // none: every image
  bool any_extension = false;               // with a pattern: its matches need not look like images
};

std::unique_ptr<FileSource> make_folder_files(FolderFilesOptions options);

}  // namespace asterism
