// Deflated bytes that are at hand whole, unpacked into memory: files in gzip, bodies in gzip or deflate.
//
// src/dataset/gzip_source.hpp unpacks what comes piece by piece; both through weights/inflater.hpp. Thread-safety:
// pure. Cost: one pass; memory is what comes out.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "weights/inflater.hpp"

namespace asterism {

bool is_gzip(std::span<const std::byte> bytes) noexcept;

// kCorrupt for damage and for a file that is cut short, kLimitExceeded for more than `size_bytes_max`; `source` names
// the file.
Result<std::string> inflate_all(DeflateForm form, std::span<const std::byte> packed, std::size_t size_bytes_max,
                                std::string_view source);
Result<std::string> unpack_gzip(std::span<const std::byte> packed, std::size_t size_bytes_max, std::string_view source);

// Its first bytes, at most so many; what can be had of a damaged file.
std::string gzip_beginning(std::span<const std::byte> packed, std::size_t size_bytes);

}  // namespace asterism
