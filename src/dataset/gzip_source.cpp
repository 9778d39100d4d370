#include "dataset/gzip_source.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "weights/inflater.hpp"

namespace asterism {
namespace {

constexpr std::size_t kPackedBufferSizeBytes = std::size_t{64} << 10;
constexpr std::size_t kSkipChunkSizeBytes = std::size_t{64} << 10;

class GzipSource final : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> packed, std::string name)
      : packed_(std::move(packed)), inflater_(DeflateForm::kGzip, std::move(name)), buffer_(kPackedBufferSizeBytes) {}

  Result<std::size_t> read(std::span<char> out) override {
    while (!out.empty()) {
      const auto done = inflater_.step(waiting_, std::as_writable_bytes(out));
      if (!done) {
        return std::unexpected(done.error());
      }
      waiting_ = waiting_.subspan(done->read_size_bytes);
      if (done->written_size_bytes > 0) {
        return done->written_size_bytes;
      }
      const auto size = packed_->read(buffer_);
      if (!size) {
        return size;
      }
      if (*size == 0) {
        auto whole = inflater_.finish();
        return whole ? Result<std::size_t>(0) : std::unexpected(std::move(whole.error()));
      }
      waiting_ = std::as_bytes(std::span(buffer_).first(*size));
    }
    return 0;
  }

  Result<void> seek(std::uint64_t offset) override {
    if (offset < inflater_.unpacked_size_bytes()) {
      if (auto rewound = packed_->seek(0); !rewound) {
        return rewound;
      }
      inflater_.restart();
      waiting_ = {};
    }
    std::vector<char> skipped(kSkipChunkSizeBytes);
    while (inflater_.unpacked_size_bytes() < offset) {
      const std::uint64_t left = offset - inflater_.unpacked_size_bytes();
      auto n = read(std::span(skipped).first(std::min<std::uint64_t>(skipped.size(), left)));
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
  std::unique_ptr<ByteSource> packed_;
  Inflater inflater_;
  std::vector<char> buffer_;
  std::span<const std::byte> waiting_;  // of `buffer_`
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
