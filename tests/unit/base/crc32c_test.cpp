#include "base/crc32c.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

namespace asterism {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Crc32c, has_the_check_value_of_the_catalogue) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c_tables(bytes_of("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c({}), 0U);
  // RFC 3720, B.4: 32 bytes of zeros.
  const std::vector<std::byte> zeros(32);
  EXPECT_EQ(crc32c(zeros), 0x8A9136AAU);
}

TEST(Crc32c, instruction_and_tables_agree_at_every_length_and_in_pieces) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(300);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random());
  }
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const auto whole = std::span(bytes).first(length);
    EXPECT_EQ(crc32c(whole), crc32c_tables(whole));
    const auto half = whole.first(length / 3);
    EXPECT_EQ(crc32c(whole.subspan(length / 3), crc32c(half)), crc32c(whole));
  }
}

TEST(Crc32c, sees_every_flipped_bit) {
  std::vector<std::byte> bytes(64, std::byte{7});
  const std::uint32_t before = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_NE(crc32c(bytes), before);
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
}

}  // namespace
}  // namespace asterism
