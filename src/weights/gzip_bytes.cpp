#include "weights/gzip_bytes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "weights/inflater.hpp"

namespace asterism {
namespace {

constexpr std::size_t kStepSizeBytes = std::size_t{1} << 20U;
constexpr std::size_t kMemberSizeBytesMin = 18;  // header and trailer

// Appends the next of `packed`, which is shortened by what was read: at most `room` bytes. False at its end.
Result<bool> append(Inflater& inflater, std::span<const std::byte>& packed, std::string& out, std::size_t room) {
  const std::size_t before = out.size();
  out.resize(before + std::min(room, kStepSizeBytes));
  const auto done = inflater.step(packed, std::as_writable_bytes(std::span(out).subspan(before)));
  out.resize(before + (done ? done->written_size_bytes : 0));
  if (!done) {
    return std::unexpected(done.error());
  }
  packed = packed.subspan(done->read_size_bytes);
  return done->written_size_bytes > 0;
}

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= kMemberSizeBytesMin && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

Result<std::string> inflate_all(DeflateForm form, std::span<const std::byte> packed, std::size_t size_bytes_max,
                                std::string_view source) {
  Inflater inflater(form, std::string(source));
  std::string out;
  for (bool more = true; more;) {
    // One byte more than may be there shows that there is more.
    auto appended = append(inflater, packed, out, size_bytes_max + 1 - out.size());
    if (!appended) {
      return std::unexpected(std::move(appended.error()));
    }
    if (out.size() > size_bytes_max) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("{}: expected at most {} bytes unpacked, found more", source, size_bytes_max),
                  "unpack it first, where it is meant to be so large");
    }
    more = *appended;
  }
  auto whole = inflater.finish();
  return whole ? Result<std::string>(std::move(out)) : std::unexpected(std::move(whole.error()));
}

Result<std::string> unpack_gzip(std::span<const std::byte> packed, std::size_t size_bytes_max,
                                std::string_view source) {
  return inflate_all(DeflateForm::kGzip, packed, size_bytes_max, source);
}

std::string gzip_beginning(std::span<const std::byte> packed, std::size_t size_bytes) {
  Inflater inflater(DeflateForm::kGzip, {});
  std::string out;
  while (out.size() < size_bytes && append(inflater, packed, out, size_bytes - out.size()).value_or(false)) {
  }
  return out;
}

}  // namespace asterism
