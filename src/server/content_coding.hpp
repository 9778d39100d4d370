// gzip, deflate and zstd of bodies. Thread-safety: pure functions; a source is of one thread. Cost: one pass; memory is
// bounded by the limit given, of sources by a window of zstd (8 MiB).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "dataset/byte_source.hpp"

namespace asterism::server {

// `coding` as in Content-Encoding: "gzip", "deflate", "zstd", "identity" or several of them, the last applied last.
// kUnsupported for others, kCorrupt for a broken body, kLimitExceeded past `size_bytes_max`.
Result<std::string> decode_content(std::string_view body, std::string_view coding, std::size_t size_bytes_max);

// The same of a body that is read while it arrives, gzip and zstd alone. kCorrupt comes where the stream breaks.
Result<std::unique_ptr<ByteSource>> make_decoded_source(std::unique_ptr<ByteSource> body, std::string_view coding);

// The coding of those that `accepted` (Accept-Encoding) allows: "zstd", "gzip" or "" for none.
std::string_view choose_coding(std::string_view accepted);
Result<std::string> encode_content(std::string_view body, std::string_view coding);

}  // namespace asterism::server
