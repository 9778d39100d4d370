// The files of TensorBoard's projector as items: vectors with their metadata.
//
// projector_config.json names `tensorPath` (a .tsv of numbers, or raw little-endian float32 with `tensorShape`) and maybe
// `metadataPath` (a .tsv; its first line is a heading where it has several columns). Format: TensorBoard's
// projector_config.proto and projector plugin. Paths are relative to the file; addresses are never fetched. Ids are row
// numbers from 0; the text is the column "text", "label", "name", "word" or "title", or else the first.
// Thread-safety: pure but for the files. Memory: the files. The reader trusts nothing.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"

namespace asterism::service {

inline constexpr std::size_t kProjectorFileSizeBytesMax = std::size_t{4} << 30;

struct ProjectorItems {
  std::size_t dim = 0;
  std::vector<Item> items;
};

// kNotFound, kCorrupt naming file and line; kUnsupported for an address; kMismatch where vectors and metadata have other
// numbers of rows.
Result<ProjectorItems> read_projector(const std::string& config_path);

// [rows, dim] of tab-separated numbers. kCorrupt names the line.
Result<std::vector<float>> parse_vectors_tsv(std::string_view text, std::string_view source, std::size_t& dim);

}  // namespace asterism::service
