// safetensors files: read by mapping, written atomically.
//
// Format: https://github.com/huggingface/safetensors#format. The reader trusts nothing: header length, dtype, shape
// against byte range, overlaps, holes, offsets past the end and duplicate names are errors that name file and tensor.
// Ownership: tensors share the mapping and outlive the file object. Thread-safety: reads from many threads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// As the original implementation: a header may hold at most 100 MB of JSON.
inline constexpr std::size_t kSafetensorsHeaderSizeBytesMax = 100'000'000;

struct SafetensorsFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

Result<SafetensorsFile> read_safetensors(const std::filesystem::path& path);

struct NamedTensor {
  std::string name;
  Tensor tensor;
};
Result<void> write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                               const std::map<std::string, std::string>& metadata = {});

// All tensors of a model folder: `model.safetensors`, or the shards that `model.safetensors.index.json` lists (each
// tensor must be in the shard that the index names; a shard outside the folder is refused).
// kNotFound names what was looked for, and says what to do when only pytorch_model.bin is there.
Result<std::map<std::string, Tensor>> read_checkpoint(const std::filesystem::path& folder);

}  // namespace asterism
