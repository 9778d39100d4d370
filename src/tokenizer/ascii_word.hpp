// Eight bytes at a time: how many are ASCII letters or digits, and their lower case.
//
// Plain 64-bit arithmetic, so it is as fast on any processor. Thread-safety: pure functions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace asterism::tok {

inline constexpr std::size_t kBlockSizeBytes = sizeof(std::uint64_t);

namespace detail {

constexpr std::uint64_t every_byte(std::uint64_t byte) {
  return 0x0101010101010101ULL * byte;
}

inline constexpr std::uint64_t kHighBits = every_byte(0x80);

// High bit of each byte: whether it lies in [first, last]. All bytes are below 0x80, so no sum carries into its
// neighbour.
inline std::uint64_t in_range(std::uint64_t bytes, std::uint8_t first, std::uint8_t last) noexcept {
  const std::uint64_t reaches = bytes + every_byte(0x80U - first);
  const std::uint64_t passes = bytes + every_byte(0x7FU - last);
  return reaches & ~passes & kHighBits;
}

}  // namespace detail

struct AsciiBlock {
  std::uint64_t bytes;          // letters and digits from the front, zero behind them
  std::size_t word_size_bytes;  // how many; 8 = the word may go on
};

// The letters and digits that `data` starts with, of at most eight bytes; lower-cased where asked for.
inline AsciiBlock read_ascii_block(const char* data, std::size_t size_bytes, bool lowercase) noexcept {
  static_assert(std::endian::native == std::endian::little, "the first byte must be the lowest");
  std::uint64_t bytes = 0;
  if (size_bytes >= kBlockSizeBytes) {
    std::memcpy(&bytes, data, kBlockSizeBytes);
  } else {
    std::memcpy(&bytes, data, size_bytes);
  }
  const std::uint64_t ascii = bytes & ~detail::kHighBits;
  const std::uint64_t upper = detail::in_range(ascii, 'A', 'Z');
  const std::uint64_t letters = upper | detail::in_range(ascii, 'a', 'z');
  const std::uint64_t others = ~(letters | detail::in_range(ascii, '0', '9')) | bytes;
  const std::uint64_t stops = others & detail::kHighBits;
  const auto count = static_cast<std::size_t>(std::countr_zero(stops)) / 8;
  const std::uint64_t lowered = bytes | (lowercase ? upper >> 2U : 0);
  const std::uint64_t kept = count == kBlockSizeBytes ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * count)) - 1;
  return {lowered & kept, count};
}

}  // namespace asterism::tok
