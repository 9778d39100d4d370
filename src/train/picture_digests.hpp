// What tells the data of one run from the data of another, without reading pictures: a digest of each thing that the
// index knows of its rows, so that a checkpoint can say what is not as it was.
//
// Thread-safety: pure. Cost: a file_size() and some bytes of SHA-256 a row.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "train/picture_index.hpp"

namespace asterism {

// By what it is of: "names" (relative to `root`, where they are below it), "labels" (with the names of the classes),
// "splits", "sizes" (bytes of files, edges of sheets). A picture drawn over in as many bytes is not noticed.
std::map<std::string, std::string> digests_of(const PictureIndex& index, const std::filesystem::path& root);

}  // namespace asterism
