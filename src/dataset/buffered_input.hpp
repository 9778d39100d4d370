// A window over a byte source, for parsers that look at bytes before they take them.
//
// Cost: one buffer of kInputBufferSizeBytes. Thread-safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/byte_source.hpp"

namespace asterism {

inline constexpr std::size_t kInputBufferSizeBytes = std::size_t{256} << 10;

class BufferedInput {
 public:
  explicit BufferedInput(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  // The bytes at hand, reading more when there are none; empty only at the end. Valid until the next peek() or seek().
  Result<std::string_view> peek();
  // Takes `n` of the bytes that peek() showed.
  void consume(std::size_t n) noexcept { begin_ += n, offset_ += n; }
  // Bytes taken since the beginning of the source.
  std::uint64_t offset() const noexcept { return offset_; }
  Result<void> seek(std::uint64_t offset);

  // To be called once, at the beginning: takes a UTF-8 byte order mark, and refuses UTF-16, gzip and known kinds of
  // binary files by their first bytes (as text they would become garbage rows). An error of the source behind bytes
  // that came is told when they were taken. `source_name` is for the message.
  Result<void> skip_prologue(std::string_view source_name);

 private:
  Result<void> fill(std::size_t size_bytes_min);

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is at hand: buffer_[begin_, end_)
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  std::optional<Error> failure_ = {};  // of the source, behind what is at hand
};

}  // namespace asterism
