#include "index/file_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/crc32c.hpp"

namespace asterism {
namespace {

constexpr std::size_t kVersionOffset = 8;
constexpr std::size_t kChecksumOffset = 12;

std::uint32_t checksum_of(std::span<const std::byte> header) {
  const std::uint32_t before = crc32c(header.first(kChecksumOffset));
  return crc32c(header.subspan(kFileFieldsOffset), before);
}

}  // namespace

FileHeader seal_file_header(const FileFormat& format, std::span<const std::byte> fields) {
  FileHeader header{};
  std::memcpy(header.data(), format.magic.data(), format.magic.size());
  std::memcpy(header.data() + kVersionOffset, &format.version, sizeof format.version);
  std::ranges::copy(fields, header.begin() + kFileFieldsOffset);
  const std::uint32_t checksum = checksum_of(header);
  std::memcpy(header.data() + kChecksumOffset, &checksum, sizeof checksum);
  return header;
}

Result<std::span<const std::byte>> open_file_header(const FileFormat& format, std::span<const std::byte> file,
                                                    std::size_t field_bytes, const std::filesystem::path& path) {
  if (file.size() < kFileHeaderBytes || std::memcmp(file.data(), format.magic.data(), format.magic.size()) != 0) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected {} {}, found {} bytes of something else", path.string(),
                                                 format.name == "index file" ? "an" : "a", format.name, file.size()));
  }
  const auto header = file.first(kFileHeaderBytes);
  std::uint32_t version = 0;
  std::uint32_t checksum = 0;
  std::memcpy(&version, header.data() + kVersionOffset, sizeof version);
  std::memcpy(&checksum, header.data() + kChecksumOffset, sizeof checksum);
  if (checksum != checksum_of(header)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: the header of the {} is damaged: expected checksum {:08x}, found "
                                                 "{:08x}",
                                                 path.string(), format.name, checksum, checksum_of(header)));
  }
  if (version != format.version) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected version {} of the format, found {}", path.string(), format.version, version));
  }
  return header.subspan(kFileFieldsOffset, field_bytes);
}

Result<std::span<const std::byte>> file_part(std::span<const std::byte> file, std::uint64_t offset, std::uint64_t size,
                                             std::string_view part, const std::filesystem::path& path) {
  if (offset > file.size() || size > file.size() - offset) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected {} bytes of {} at {}, found a file of {} bytes",
                                                 path.string(), size, part, offset, file.size()));
  }
  return file.subspan(offset, size);
}

}  // namespace asterism
