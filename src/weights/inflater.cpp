#include "weights/inflater.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace asterism {
namespace {

constexpr std::size_t kPieceSizeBytesMax = std::numeric_limits<uInt>::max();

int window_bits(DeflateForm form) noexcept {
  constexpr int kGzipOnly = 16;
  return form == DeflateForm::kGzip ? MAX_WBITS + kGzipOnly : form == DeflateForm::kZlib ? MAX_WBITS : -MAX_WBITS;
}

std::string_view form_name(DeflateForm form) noexcept {
  return form == DeflateForm::kGzip ? "gzip" : form == DeflateForm::kZlib ? "zlib" : "deflate";
}

}  // namespace

struct Inflater::State {
  explicit State(DeflateForm form) : ready(inflateInit2(&stream, window_bits(form)) == Z_OK) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { inflateEnd(&stream); }

  z_stream stream{};
  bool ready = false;
};

Inflater::Inflater(DeflateForm form, std::string name)
    : state_(std::make_unique<State>(form)), form_(form), name_(std::move(name)) {}
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;
Inflater::~Inflater() = default;

Error Inflater::damage(std::string_view what) const {
  return {.code = ErrorCode::kCorrupt,
          .message = fmt::format("{}: expected {} data, found {} behind byte {} of what it holds", name_,
                                 form_name(form_), what, unpacked_size_bytes_),
          .hint = {}};
}

Result<std::size_t> Inflater::skip_padding(std::span<const std::byte> packed) {
  if (stream_count_ == 0 || packed.empty()) {
    return 0;
  }
  const auto end = std::ranges::find_if(packed, [](std::byte b) { return b != std::byte{0}; });
  const auto zero_count = static_cast<std::size_t>(end - packed.begin());
  padded_ = padded_ || zero_count > 0;
  const bool more = zero_count < packed.size();
  if (form_ != DeflateForm::kGzip || (padded_ && more)) {
    return std::unexpected(damage("other bytes after its end"));
  }
  return zero_count;
}

Result<Inflater::Step> Inflater::step(std::span<const std::byte> packed, std::span<std::byte> out) {
  z_stream& stream = state_->stream;
  if (!state_->ready) {
    return fail(ErrorCode::kInternal, fmt::format("{}: zlib cannot be started", name_));
  }
  Step done;
  while (!error_ && done.written_size_bytes < out.size()) {
    if (!inside_) {
      const auto padding = skip_padding(packed.subspan(done.read_size_bytes));
      if (!padding) {
        error_ = padding.error();
        break;
      }
      done.read_size_bytes += *padding;
      inside_ = done.read_size_bytes < packed.size();
      if (!inside_) {
        break;
      }
    }
    const std::size_t in_size = std::min(packed.size() - done.read_size_bytes, kPieceSizeBytesMax);
    const std::size_t room = std::min(out.size() - done.written_size_bytes, kPieceSizeBytesMax);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + done.read_size_bytes));
    stream.avail_in = static_cast<uInt>(in_size);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + done.written_size_bytes);
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_NO_FLUSH);
    done.read_size_bytes += in_size - stream.avail_in;
    done.written_size_bytes += room - stream.avail_out;
    unpacked_size_bytes_ += room - stream.avail_out;
    if (status == Z_STREAM_END) {
      inside_ = false;
      ++stream_count_;
      state_->ready = inflateReset(&stream) == Z_OK;
    } else if (status == Z_BUF_ERROR) {
      break;  // it needs more of `packed`
    } else if (status != Z_OK) {
      const bool no_member = stream_count_ > 0 && stream.total_out == 0 && stream.total_in <= 2;
      error_ = damage(no_member               ? "other bytes after its end"
                      : stream.msg == nullptr ? "damage"
                                              : fmt::format("damage ({})", stream.msg));
    }
  }
  if (error_ && done.written_size_bytes == 0) {
    return std::unexpected(*error_);
  }
  return done;
}

Result<void> Inflater::finish() const {
  if (error_) {
    return std::unexpected(*error_);
  }
  return inside_ ? fail(ErrorCode::kCorrupt,
                        fmt::format("{}: expected the end of the {} data, found that of the file: it is cut short",
                                    name_, form_name(form_)))
                 : Result<void>{};
}

void Inflater::restart() {
  state_->ready = state_->ready && inflateReset(&state_->stream) == Z_OK;
  unpacked_size_bytes_ = 0;
  stream_count_ = 0;
  inside_ = false;
  padded_ = false;
  error_.reset();
}

}  // namespace asterism
