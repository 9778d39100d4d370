#include "dataset/gzip_source.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace asterism {
namespace {

constexpr std::size_t kPackedBufferSizeBytes = std::size_t{64} << 10;
constexpr std::size_t kSkipChunkSizeBytes = std::size_t{64} << 10;
// zlib: the largest window, and the gzip wrapper only.
constexpr int kGzipWindowBits = 15 + 16;

class GzipSource final : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> packed, std::string name)
      : packed_(std::move(packed)), name_(std::move(name)), buffer_(kPackedBufferSizeBytes) {
    ready_ = ::inflateInit2(&stream_, kGzipWindowBits) == Z_OK;
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;
  ~GzipSource() override { ::inflateEnd(&stream_); }

  Result<std::size_t> read(std::span<char> out) override {
    if (!ready_) {
      return fail(ErrorCode::kInternal, fmt::format("{}: zlib cannot be started", name_));
    }
    if (damage_) {
      return std::unexpected(*damage_);
    }
    if (out.empty()) {
      return 0;
    }
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(out.size(), kPackedBufferSizeBytes * 16));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room) {
      auto more = refill();
      if (!more) {
        return std::unexpected(more.error());
      }
      if (!*more) {
        return at_end();
      }
      if (auto inflated = inflate_some(); !inflated) {
        // What came before the damage is sound, however much of the stream was at hand.
        damage_ = std::move(inflated.error());
        if (stream_.avail_out == room) {
          return std::unexpected(*damage_);
        }
      }
    }
    offset_ += room - stream_.avail_out;
    return room - stream_.avail_out;
  }

  Result<void> seek(std::uint64_t offset) override {
    if (offset < offset_) {
      if (auto rewound = packed_->seek(0); !rewound) {
        return rewound;
      }
      ready_ = ::inflateReset(&stream_) == Z_OK;
      stream_.avail_in = 0;
      in_member_ = false;
      damage_.reset();
      offset_ = 0;
    }
    std::vector<char> skipped(kSkipChunkSizeBytes);
    while (offset_ < offset) {
      auto n = read(std::span(skipped).first(std::min<std::uint64_t>(skipped.size(), offset - offset_)));
      if (!n) {
        return std::unexpected(n.error());
      }
      if (*n == 0) {
        return {};  // nothing more, as behind the end of a file
      }
    }
    return {};
  }

 private:
  // False at the end of the packed bytes.
  Result<bool> refill() {
    if (stream_.avail_in > 0) {
      return true;
    }
    auto n = packed_->read(buffer_);
    if (!n) {
      return std::unexpected(n.error());
    }
    stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_in = static_cast<uInt>(*n);
    return *n > 0;
  }

  Result<void> inflate_some() {
    in_member_ = true;
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      in_member_ = false;
      ready_ = ::inflateReset(&stream_) == Z_OK;  // another member may follow
      return {};
    }
    if (status != Z_OK && status != Z_BUF_ERROR) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: expected gzip data, found damage behind byte {}: {}", name_,
                                                   offset_, stream_.msg == nullptr ? "unknown" : stream_.msg));
    }
    return {};
  }

  Result<std::size_t> at_end() const {
    if (in_member_) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: expected the end of the gzip data, found that of the file: it is cut short", name_));
    }
    return 0;
  }

  std::unique_ptr<ByteSource> packed_;
  std::string name_;
  std::vector<char> buffer_;
  z_stream stream_{};
  bool ready_ = false;
  bool in_member_ = false;
  std::optional<Error> damage_;  // to be told once what came before it was read
  std::uint64_t offset_ = 0;     // unpacked
};

}  // namespace

Packing packing_of(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1F\x8B")) {
    return Packing::kGzip;
  }
  if (first_bytes.starts_with("\x28\xB5\x2F\xFD")) {
    return Packing::kZstd;
  }
  if (first_bytes.starts_with("BZh")) {
    return Packing::kBzip2;
  }
  return first_bytes.starts_with(std::string_view("\xFD"
                                                  "7zXZ\0",
                                                  6))
             ? Packing::kXz
             : Packing::kNone;
}

std::string_view packing_name(Packing packing) noexcept {
  // Indexed by the enumerators.
  constexpr std::array<std::string_view, 5> kNames{"none", "gzip", "zstd", "bzip2", "xz"};
  return kNames[static_cast<std::size_t>(packing)];
}

std::unique_ptr<ByteSource> make_gzip_source(std::unique_ptr<ByteSource> packed, std::string name) {
  return std::make_unique<GzipSource>(std::move(packed), std::move(name));
}

}  // namespace asterism
