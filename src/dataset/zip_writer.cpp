#include "dataset/zip_writer.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <limits>
#include <utility>

namespace asterism {
namespace {

constexpr std::uint32_t kMemberSignature = 0x0403'4b50;
constexpr std::uint32_t kDirectorySignature = 0x0201'4b50;
constexpr std::uint32_t kEndSignature = 0x0605'4b50;
constexpr std::uint16_t kVersion = 20;       // deflate and folders
constexpr std::uint16_t kUtf8Names = 0x0800;  // of the flags
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kFirstDate = 0x0021;  // 1980-01-01
constexpr std::uint64_t kSizeBytesMax = std::numeric_limits<std::uint32_t>::max();

void put16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value & 0xFFU);
  out += static_cast<char>(value >> 8U);
}

void put32(std::string& out, std::uint32_t value) {
  put16(out, static_cast<std::uint16_t>(value & 0xFFFFU));
  put16(out, static_cast<std::uint16_t>(value >> 16U));
}

// Without zlib's header and trailer, as archives have it.
Result<std::string> deflated(std::string_view content) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(ErrorCode::kInternal, "zip: zlib does not start");
  }
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (done != Z_STREAM_END) {
    return fail(ErrorCode::kInternal, fmt::format("zip: zlib failed with {}", done));
  }
  return out;
}

}  // namespace

Result<void> ZipWriter::add(std::string_view name, std::string_view content) {
  if (content.size() > kSizeBytesMax || name.size() > std::numeric_limits<std::uint16_t>::max() ||
      member_count_ == std::numeric_limits<std::uint16_t>::max()) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("zip: expected at most {} bytes a member and 65,535 members, found {} of {} bytes",
                            kSizeBytesMax, name, content.size()));
  }
  const auto packed = deflated(content);
  if (!packed) {
    return std::unexpected(packed.error());
  }
  const bool smaller = packed->size() < content.size();
  const std::string_view data = smaller ? std::string_view(*packed) : content;
  if (bytes_.size() + data.size() + directory_.size() + 2 * name.size() + 128 > kSizeBytesMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("zip: expected at most {} bytes in all, {} is past them",
                                                       kSizeBytesMax, name));
  }
  const auto crc = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()));
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  // What the member's own header and its line in the directory share.
  std::string shared;
  put16(shared, kVersion);
  put16(shared, kUtf8Names);
  put16(shared, smaller ? kDeflated : kStored);
  put16(shared, 0);
  put16(shared, kFirstDate);
  put32(shared, crc);
  put32(shared, static_cast<std::uint32_t>(data.size()));
  put32(shared, static_cast<std::uint32_t>(content.size()));
  put16(shared, static_cast<std::uint16_t>(name.size()));
  put16(shared, 0);

  put32(bytes_, kMemberSignature);
  bytes_ += shared;
  bytes_ += name;
  bytes_ += data;

  put32(directory_, kDirectorySignature);
  put16(directory_, kVersion);
  directory_ += shared;
  directory_.append(2 + 2 + 2 + 4, '\0');  // comment, disk, attributes
  put32(directory_, offset);
  directory_ += name;
  ++member_count_;
  return {};
}

std::string ZipWriter::finish() {
  const auto directory_offset = static_cast<std::uint32_t>(bytes_.size());
  std::string out = std::exchange(bytes_, {});
  const std::string directory = std::exchange(directory_, {});
  const std::uint16_t member_count = std::exchange(member_count_, std::uint16_t{0});
  out += directory;
  put32(out, kEndSignature);
  put32(out, 0);  // the only disk
  put16(out, member_count);
  put16(out, member_count);
  put32(out, static_cast<std::uint32_t>(directory.size()));
  put32(out, directory_offset);
  put16(out, 0);
  return out;
}

}  // namespace asterism
