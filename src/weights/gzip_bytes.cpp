#include "weights/gzip_bytes.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

namespace asterism {
namespace {

// zlib: the largest window, and the gzip wrapper only.
constexpr int kGzipWindowBits = 15 + 16;
constexpr std::size_t kStepSizeBytes = std::size_t{1} << 20U;
constexpr std::size_t kMemberSizeBytesMin = 18;  // header and trailer

class GzipReader {
 public:
  explicit GzipReader(std::span<const std::byte> packed)
      : left_(packed), ready_(inflateInit2(&stream_, kGzipWindowBits) == Z_OK) {}
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;
  ~GzipReader() { inflateEnd(&stream_); }

  enum class Status { kMore, kEnd, kDamaged, kCutShort };

  // Appends at most `room` bytes.
  Status read(std::string& out, std::size_t room) {
    const std::size_t before = out.size();
    const std::size_t step = std::min(room, kStepSizeBytes);
    out.resize(before + step);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream_.avail_out = static_cast<uInt>(step);
    const Status status = fill();
    out.resize(out.size() - stream_.avail_out);
    return status;
  }

 private:
  Status fill() {
    while (ready_ && stream_.avail_out > 0) {
      if (stream_.avail_in == 0) {
        const std::size_t size = std::min<std::size_t>(left_.size(), std::numeric_limits<uInt>::max());
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(left_.data()));
        stream_.avail_in = static_cast<uInt>(size);
        left_ = left_.subspan(size);
      }
      if (stream_.avail_in == 0) {
        return in_member_ ? Status::kCutShort : Status::kEnd;
      }
      in_member_ = true;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        in_member_ = false;
        ready_ = inflateReset(&stream_) == Z_OK;  // another member may follow
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        return Status::kDamaged;
      }
    }
    return ready_ ? Status::kMore : Status::kDamaged;
  }

  std::span<const std::byte> left_;
  z_stream stream_{};
  bool ready_ = false;
  bool in_member_ = false;
};

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= kMemberSizeBytesMin && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

Result<std::string> unpack_gzip(std::span<const std::byte> packed, std::size_t size_bytes_max,
                                std::string_view source) {
  GzipReader reader(packed);
  std::string out;
  for (;;) {
    // One byte more than may be there shows that there is more.
    switch (reader.read(out, size_bytes_max + 1 - out.size())) {
      case GzipReader::Status::kMore:
        break;
      case GzipReader::Status::kEnd:
        return out;
      case GzipReader::Status::kDamaged:
        return fail(
            ErrorCode::kCorrupt,
            fmt::format("{}: expected gzip data, found damage behind byte {} of what it holds", source, out.size()),
            "fetch it again");
      case GzipReader::Status::kCutShort:
        return fail(
            ErrorCode::kCorrupt,
            fmt::format("{}: expected the end of the gzip data, found that of the file: it is cut short", source),
            "fetch it again");
    }
    if (out.size() > size_bytes_max) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("{}: expected at most {} bytes unpacked, found more", source, size_bytes_max),
                  "unpack it first, where it is meant to be so large");
    }
  }
}

std::string gzip_beginning(std::span<const std::byte> packed, std::size_t size_bytes) {
  GzipReader reader(packed);
  std::string out;
  while (out.size() < size_bytes && reader.read(out, size_bytes - out.size()) == GzipReader::Status::kMore) {
  }
  return out;
}

}  // namespace asterism
