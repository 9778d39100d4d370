#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "weights/printable.hpp"
#include "weights/zip_directory.hpp"

namespace asterism {
namespace {

// No more than this many bytes come from one byte of deflate (https://zlib.net/zlib_tech.html).
constexpr std::uint64_t kDeflateRatioMax = 1032;

class Inflater {
 public:
  Inflater() noexcept : ready_(inflateInit2(&stream_, -MAX_WBITS) == Z_OK) {}  // raw deflate, as zip has it
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (ready_) {
      inflateEnd(&stream_);
    }
  }

  // Whether `in` inflates to exactly `out` and ends there.
  bool run(std::span<const std::byte> in, std::span<std::byte> out) noexcept {
    constexpr std::size_t kStepBytes = std::numeric_limits<uInt>::max();
    std::byte extra{};  // room for the byte too many of a member that says less than it has
    int status = Z_OK;
    bool overflowed = false;
    while (ready_ && status == Z_OK) {
      if (stream_.avail_in == 0) {
        const std::size_t step = std::min(in.size(), kStepBytes);
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
        stream_.avail_in = static_cast<uInt>(step);
        in = in.subspan(step);
      }
      if (stream_.avail_out == 0) {
        if (overflowed) {
          return false;
        }
        overflowed = out.empty();
        const std::size_t step = std::min(out.size(), kStepBytes);
        stream_.next_out = reinterpret_cast<Bytef*>(overflowed ? &extra : out.data());
        stream_.avail_out = overflowed ? 1 : static_cast<uInt>(step);
        out = out.subspan(step);
      }
      status = inflate(&stream_, Z_NO_FLUSH);
    }
    const std::size_t unwritten = out.size() + (overflowed ? 0 : stream_.avail_out);
    const bool wrote_extra = overflowed && stream_.avail_out == 0;
    return status == Z_STREAM_END && unwritten == 0 && !wrote_extra && in.empty() && stream_.avail_in == 0;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

Result<std::vector<std::byte>> inflate_member(const ZipMember& member, std::string_view source) {
  const std::string where = fmt::format("{}: member '{}'", source, printable(member.name));
  if (member.size_bytes / kDeflateRatioMax > member.data.size()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected at most {} bytes from {} of deflate, found a size of {}", where,
                            member.data.size() * kDeflateRatioMax, member.data.size(), member.size_bytes));
  }
  std::vector<std::byte> out;
  try {
    out.resize(static_cast<std::size_t>(member.size_bytes));
  } catch (const std::exception&) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: no memory for its {} bytes", where, member.size_bytes));
  }
  if (!Inflater().run(member.data, out)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected deflated data of {} bytes, found something else", where, member.size_bytes),
                "the file is damaged: download it again");
  }
  const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size());
  if (crc != member.crc32) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected CRC-32 {:08x}, found {:08x}", where, member.crc32, crc),
                "the file is damaged: download it again");
  }
  return out;
}

}  // namespace asterism
