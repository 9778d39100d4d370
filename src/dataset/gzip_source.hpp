// The unpacked bytes of a gzip stream (RFC 1952), member after member.
#pragma once

#include <memory>

#include "dataset/byte_source.hpp"

namespace asterism {

// What a stream of bytes is packed with, by its first bytes.
enum class Packing : std::uint8_t { kNone, kGzip, kZstd, kBzip2, kXz };
Packing packing_of(std::string_view first_bytes);
// "zstd".
std::string_view packing_name(Packing packing) noexcept;

// `name` is for messages. kCorrupt for a stream that is damaged or ends early. seek() forward reads over the bytes
// between; backward it begins again, where `packed` can.
std::unique_ptr<ByteSource> make_gzip_source(std::unique_ptr<ByteSource> packed, std::string name);

}  // namespace asterism
