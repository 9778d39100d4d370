// The first page of the module's files: magic, format version, checksum of the page, and fields of the format.
//
// Files are read by processors of the order of bytes that wrote them: little-endian alone.
// Thread-safety: pure functions.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <type_traits>

#include "asterism/error.hpp"

namespace asterism {

static_assert(std::endian::native == std::endian::little);

inline constexpr std::size_t kFileHeaderBytes = 4096;
// Fields begin behind magic (8), version (4) and checksum (4).
inline constexpr std::size_t kFileFieldsOffset = 16;

using FileHeader = std::array<std::byte, kFileHeaderBytes>;

struct FileFormat {
  std::string_view magic;  // eight characters
  std::uint32_t version = 1;
  std::string_view name;  // in errors: "index file"
};

FileHeader seal_file_header(const FileFormat& format, std::span<const std::byte> fields);

// The fields' bytes [field_bytes] of a file's header. kCorrupt for another magic or a wrong checksum, kUnsupported for
// another version.
Result<std::span<const std::byte>> open_file_header(const FileFormat& format, std::span<const std::byte> file,
                                                    std::size_t field_bytes, const std::filesystem::path& path);

// Part [offset, offset + size) of a file, or kCorrupt where it lies outside.
Result<std::span<const std::byte>> file_part(std::span<const std::byte> file, std::uint64_t offset, std::uint64_t size,
                                             std::string_view part, const std::filesystem::path& path);

}  // namespace asterism
