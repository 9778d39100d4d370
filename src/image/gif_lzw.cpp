#include "image/gif_lzw.hpp"

#include <algorithm>
#include <array>

#include "image/byte_reader.hpp"

namespace asterism {
namespace {

constexpr std::uint32_t kCodeBitsMax = 12;
constexpr std::size_t kTableSize = std::size_t{1} << kCodeBitsMax;

// Bits of the blocks, least significant first. A block counts only when it is there whole.
class BlockBits {
 public:
  explicit BlockBits(std::span<const std::byte> blocks) : blocks_(blocks) {}

  bool read(std::uint32_t bit_count, std::uint32_t& code) {
    while (held_ < bit_count) {
      if (left_in_block_ == 0) {
        if (!next_block()) {
          return false;
        }
        continue;
      }
      bits_ |= byte_at(blocks_, at_) << held_;
      ++at_;
      --left_in_block_;
      held_ += 8;
    }
    code = bits_ & ((1U << bit_count) - 1U);
    bits_ >>= bit_count;
    held_ -= bit_count;
    return true;
  }

 private:
  bool next_block() {
    if (!has_bytes(blocks_, at_, 1)) {
      return false;
    }
    const std::size_t size_bytes = byte_at(blocks_, at_);
    if (!has_bytes(blocks_, at_ + 1, size_bytes)) {
      return false;
    }
    ++at_;
    left_in_block_ = size_bytes;
    return true;
  }

  std::span<const std::byte> blocks_;
  std::size_t at_ = 0;
  std::size_t left_in_block_ = 0;
  std::uint32_t bits_ = 0;
  std::uint32_t held_ = 0;
};

// Strings are kept as (last pixel, string without it), and as where in the output they stood first.
class LzwDecoder {
 public:
  LzwDecoder(std::uint32_t code_bits, std::span<std::uint8_t> out)
      : code_bits_(code_bits), clear_(1U << code_bits), out_(out) {
    reset();
  }

  LzwOutcome decode(BlockBits bits);

 private:
  void reset() {
    next_ = clear_ + 2;
    width_ = code_bits_ + 1;
    is_first_ = true;
  }
  bool take(std::uint32_t code);
  void add_string(std::uint8_t first_pixel);
  void emit(std::uint8_t pixel) {
    if (count_ < out_.size()) {
      out_[count_] = pixel;
    }
    ++count_;
  }

  std::uint32_t code_bits_;
  std::uint32_t clear_;
  std::span<std::uint8_t> out_;
  std::size_t count_ = 0;
  std::uint32_t next_ = 0;
  std::uint32_t width_ = 0;
  bool is_first_ = true;
  std::uint32_t last_code_ = 0;
  std::uint8_t last_first_pixel_ = 0;
  std::array<std::uint8_t, kTableSize> pixel_{};
  std::array<std::uint16_t, kTableSize> rest_{};
  std::array<std::uint8_t, kTableSize> string_{};  // one string, last pixel first
};

void LzwDecoder::add_string(std::uint8_t first_pixel) {
  if (next_ >= kTableSize) {
    return;
  }
  pixel_[next_] = first_pixel;
  rest_[next_] = static_cast<std::uint16_t>(last_code_);
  // The code behind the last of this width is one bit wider.
  if (next_ == (1U << width_) - 1U && width_ < kCodeBitsMax) {
    ++width_;
  }
  ++next_;
}

bool LzwDecoder::take(std::uint32_t code) {
  if (is_first_) {
    if (code > clear_) {
      return false;
    }
    last_code_ = code;
    last_first_pixel_ = static_cast<std::uint8_t>(code);
    is_first_ = false;
    emit(last_first_pixel_);
    return true;
  }
  if (code > next_ || code >= kTableSize) {
    return false;
  }
  std::size_t length = 0;
  std::uint32_t rest = code;
  // The string that is only being made: the last one and its own first pixel.
  if (code == next_) {
    string_[length] = last_first_pixel_;
    ++length;
    rest = last_code_;
  }
  while (rest >= clear_) {
    if (length + 1 >= kTableSize) {
      return false;
    }
    string_[length] = pixel_[rest];
    ++length;
    rest = rest_[rest];
  }
  const auto first_pixel = static_cast<std::uint8_t>(rest);
  emit(first_pixel);
  while (length > 0) {
    --length;
    emit(string_[length]);
  }
  last_first_pixel_ = first_pixel;
  add_string(first_pixel);
  last_code_ = code;
  return true;
}

LzwOutcome LzwDecoder::decode(BlockBits bits) {
  std::uint32_t code = 0;
  while (count_ < out_.size()) {
    if (!bits.read(width_, code)) {
      return {LzwEnd::kCut, count_};
    }
    if (code == clear_) {
      reset();
    } else if (code == clear_ + 1) {
      return {LzwEnd::kComplete, count_};
    } else if (!take(code)) {
      return {LzwEnd::kDamaged, count_};
    }
  }
  return {LzwEnd::kComplete, out_.size()};
}

}  // namespace

LzwOutcome decode_gif_lzw(std::span<const std::byte> blocks, std::uint32_t code_bits, std::span<std::uint8_t> out) {
  if (code_bits >= kCodeBitsMax) {
    return {LzwEnd::kDamaged, 0};
  }
  return LzwDecoder(code_bits, out).decode(BlockBits(blocks));
}

}  // namespace asterism
