#include "dataset/buffered_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "image/content.hpp"

namespace asterism {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
constexpr std::string_view kUtf16LittleMark = "\xFF\xFE";
constexpr std::string_view kUtf16BigMark = "\xFE\xFF";
constexpr std::string_view kGzipMagic = "\x1F\x8B\x08";

}  // namespace

Result<void> BufferedInput::fill(std::size_t size_bytes_min) {
  if (buffer_.empty()) {
    buffer_.resize(kInputBufferSizeBytes);
  }
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
            buffer_.begin());
  end_ -= begin_;
  begin_ = 0;
  while (end_ < size_bytes_min) {
    if (failure_) {
      return std::unexpected(*failure_);
    }
    auto n = source_->read(std::span(buffer_).subspan(end_));
    if (!n) {
      return std::unexpected(n.error());
    }
    if (*n == 0) {
      return {};
    }
    end_ += *n;
  }
  return {};
}

Result<std::string_view> BufferedInput::peek() {
  if (begin_ == end_) {
    if (auto filled = fill(1); !filled) {
      return std::unexpected(filled.error());
    }
  }
  return std::string_view(buffer_.data() + begin_, end_ - begin_);
}

Result<void> BufferedInput::seek(std::uint64_t offset) {
  begin_ = end_ = 0;
  failure_.reset();
  offset_ = offset;
  return source_->seek(offset);
}

Result<void> BufferedInput::skip_prologue(std::string_view source_name) {
  if (auto filled = fill(kContentHeadSizeBytes); !filled) {
    if (begin_ == end_) {
      return filled;
    }
    failure_ = std::move(filled.error());  // what came before it is read first
  }
  const std::string_view head(buffer_.data() + begin_, end_ - begin_);
  if (head.starts_with(kUtf8Mark)) {
    consume(kUtf8Mark.size());
    return {};
  }
  if (head.starts_with(kUtf16LittleMark) || head.starts_with(kUtf16BigMark)) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: expected UTF-8, found a UTF-16 byte order mark", source_name),
                "convert it: iconv -f UTF-16 -t UTF-8 FILE");
  }
  if (head.starts_with(kGzipMagic)) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: expected text, found gzip data", source_name),
                "unpack it: gzip -dc FILE, and read stdin (-)");
  }
  if (const auto found = describe_binary(std::as_bytes(std::span(head)))) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected text, a line, csv, tsv or jsonl record a row, found {}", source_name, *found),
                "convert it to one of these first");
  }
  return {};
}

}  // namespace asterism
