// gzip, deflate and zstd of bodies. Thread-safety: pure functions. Cost: one pass; memory is bounded by the limit
// given.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism::server {

// `coding` as in Content-Encoding: "gzip", "deflate", "zstd", "identity" or several of them, the last applied last.
// kUnsupported for others, kCorrupt for a broken body, kLimitExceeded past `size_bytes_max`.
Result<std::string> decode_content(std::string_view body, std::string_view coding, std::size_t size_bytes_max);

// The coding of those that `accepted` (Accept-Encoding) allows: "zstd", "gzip" or "" for none.
std::string_view choose_coding(std::string_view accepted);
Result<std::string> encode_content(std::string_view body, std::string_view coding);

}  // namespace asterism::server
