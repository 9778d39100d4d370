#include "base/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace asterism {
namespace {

static_assert(std::endian::native == std::endian::little);

// Eight tables: a byte at each place of a 64-bit word (Kounavis and Berry 2008, "slicing by 8").
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
    }
    tables[0][byte] = value;
  }
  for (std::size_t place = 1; place < 8; ++place) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t value = tables[place - 1][byte];
      tables[place][byte] = (value >> 8) ^ tables[0][value & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_instruction(std::span<const std::byte> bytes,
                                                                   std::uint32_t before) noexcept {
  std::uint64_t crc = ~before;
  const std::byte* p = bytes.data();
  std::size_t rest = bytes.size();
  for (; rest >= 8; rest -= 8, p += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  for (; rest > 0; --rest, ++p) {
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), static_cast<std::uint8_t>(*p));
  }
  return ~static_cast<std::uint32_t>(crc);
}
#endif

}  // namespace

std::uint32_t crc32c_tables(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
  std::uint32_t crc = ~before;
  const std::byte* p = bytes.data();
  std::size_t rest = bytes.size();
  for (; rest >= 8; rest -= 8, p += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, sizeof word);
    word ^= crc;
    crc = 0;
    for (std::size_t place = 0; place < 8; ++place) {
      crc ^= kTables[7 - place][(word >> (8 * place)) & 0xFF];
    }
  }
  for (; rest > 0; --rest, ++p) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<std::uint32_t>(*p)) & 0xFF];
  }
  return ~crc;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) {
    return crc32c_instruction(bytes, before);
  }
#endif
  return crc32c_tables(bytes, before);
}

}  // namespace asterism
