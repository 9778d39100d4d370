// Any bytes as gzip: the same text and the same error however the input is cut into reads, whole or piece by piece, and
// again after going back; never more than was asked for.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dataset/gzip_source.hpp"
#include "weights/gzip_bytes.hpp"

namespace {

// A bomb is cut off here.
constexpr std::size_t kSizeBytesMax = std::size_t{1} << 20;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

struct Unpacked {
  std::string text;
  std::optional<asterism::ErrorCode> error;
};

Unpacked read_all(asterism::ByteSource& source, std::size_t room_size_bytes) {
  Unpacked all;
  std::string room(room_size_bytes, '\0');
  while (all.text.size() <= kSizeBytesMax) {
    const auto size = source.read(room);
    if (!size) {
      all.error = size.error().code;
      break;
    }
    require(*size <= room.size());
    if (*size == 0) {
      break;
    }
    all.text.append(room, 0, *size);
  }
  return all;
}

void require_same(const Unpacked& a, const Unpacked& b) {
  if (a.text.size() > kSizeBytesMax || b.text.size() > kSizeBytesMax) {
    const std::size_t size = std::min(a.text.size(), b.text.size());
    require(a.text.compare(0, size, b.text, 0, size) == 0);
    return;
  }
  require(a.text == b.text && a.error == b.error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto large = asterism::make_gzip_source(asterism::make_memory_source(bytes, size + 1), "fuzz");
  const Unpacked all = read_all(*large, std::size_t{64} << 10);
  const auto small = asterism::make_gzip_source(asterism::make_memory_source(bytes, 3), "fuzz");
  require_same(all, read_all(*small, 5));
  if (large->seek(0)) {
    require_same(all, read_all(*large, 1000));
  }
  const auto whole = asterism::unpack_gzip(std::as_bytes(std::span(bytes)), kSizeBytesMax, "fuzz");
  if (all.text.size() > kSizeBytesMax) {
    require(!whole && whole.error().code == asterism::ErrorCode::kLimitExceeded);
  } else {
    require(whole.has_value() == !all.error && (whole ? *whole == all.text : whole.error().code == *all.error));
  }
  return 0;
}
