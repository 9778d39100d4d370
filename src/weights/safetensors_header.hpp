// The JSON header of a safetensors file: parsed strictly, before anything is believed about the data behind it.
//
// Thread-safety: pure functions. Internal to the module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "tensor/dtype.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// The 64-bit header length before the JSON.
inline constexpr std::size_t kSafetensorsPrefixSizeBytes = 8;
// The header's one reserved key.
inline constexpr std::string_view kSafetensorsMetadataKey = "__metadata__";

struct SafetensorsEntry {
  DType dtype = DType::kF32;
  Shape shape;
  // Byte range in the data section, end exclusive.
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

// "F32", "BF16", "BOOL": the format's own words.
std::string_view safetensors_dtype_name(DType dtype) noexcept;
std::optional<DType> safetensors_dtype(std::string_view name) noexcept;

// Structure only (keys, types, duplicates, dtypes): ranges are checked against the file by parse_safetensors.
Result<SafetensorsHeader> parse_safetensors_header(std::string_view json, std::string_view source);

}  // namespace asterism
