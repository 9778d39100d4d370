// safetensors files: read by mapping, written atomically.
//
// Format: https://github.com/huggingface/safetensors#format. The reader trusts nothing: header length, dtype, shape
// against byte range, overlaps, holes, offsets past the end and duplicate names are errors that name file and tensor.
// Ownership: tensors share the mapping and outlive the file object. Thread-safety: reads from many threads.
// Cost: the header is parsed; the values are not touched until somebody reads them. A file that another process cuts
// short while it is mapped ends this one (SIGBUS), as with every mapping: replace files by renaming, as this module
// does.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// As the original implementation: a header may hold at most 100 MB of JSON.
inline constexpr std::size_t kSafetensorsHeaderSizeBytesMax = 100'000'000;

struct SafetensorsFile {
  // Values start wherever the header ends: aligned to 8 bytes in files of the original writer and of ours, maybe not in
  // others.
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

// kNotFound, kCorrupt (a lying file), kUnsupported (a dtype that DType does not have).
Result<SafetensorsFile> read_safetensors(const std::filesystem::path& path);

// The same on bytes in memory: the tensors point into `bytes` and keep `owner` alive. `source` names them in errors.
Result<SafetensorsFile> parse_safetensors(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                          std::string_view source);

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// Byte for byte what the original library writes for the same tensors (largest element type first, then by name; the
// header padded with spaces to 8 bytes). kInvalidArgument for a duplicate name, "__metadata__" as a name, or broken
// UTF-8.
Result<void> write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                               const std::map<std::string, std::string>& metadata = {});

}  // namespace asterism
