#include "server/public_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace asterism::server {
namespace {

struct V4Range {
  std::uint32_t first;
  unsigned prefix_bits;
};

constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c = 0, std::uint32_t d = 0) {
  return a << 24U | b << 16U | c << 8U | d;
}

constexpr std::array<V4Range, 16> kSpecialV4{{
    {v4(0, 0), 8},
    {v4(10, 0), 8},
    {v4(100, 64), 10},
    {v4(127, 0), 8},
    {v4(169, 254), 16},
    {v4(172, 16), 12},
    {v4(192, 0, 0), 24},
    {v4(192, 0, 2), 24},
    {v4(192, 88, 99), 24},
    {v4(192, 168), 16},
    {v4(198, 18), 15},
    {v4(198, 51, 100), 24},
    {v4(203, 0, 113), 24},
    {v4(224, 0), 4},
    {v4(240, 0), 4},
    {v4(255, 255, 255, 255), 32},
}};

bool is_public_v4(std::uint32_t address) {
  return std::ranges::none_of(
      kSpecialV4, [&](const V4Range& range) { return (address ^ range.first) >> (32U - range.prefix_bits) == 0; });
}

// Global unicast is 2000::/3; special within it: 2001::/23 (protocols, Teredo), 2001:db8::/32 and 3fff::/20
// (documentation), 2002::/16 (6to4).
bool is_public_v6(const std::array<std::uint8_t, 16>& address) {
  const auto word = [&](std::size_t i) { return static_cast<unsigned>(address[2 * i] << 8U | address[2 * i + 1]); };
  const unsigned first = word(0);
  const unsigned second = word(1);
  const bool global = first >> 13U == 1;
  const bool special = (first == 0x2001 && (second < 0x200 || second == 0xdb8)) || first == 0x2002 ||
                       (first == 0x3fff && second < 0x1000);
  return global && !special;
}

}  // namespace

bool is_public_address(std::string_view ip_address) {
  const std::string text(ip_address);
  std::array<std::uint8_t, 4> four{};
  if (::inet_pton(AF_INET, text.c_str(), four.data()) == 1) {
    return is_public_v4(v4(four[0], four[1], four[2], four[3]));
  }
  std::array<std::uint8_t, 16> sixteen{};
  return ::inet_pton(AF_INET6, text.c_str(), sixteen.data()) == 1 && is_public_v6(sixteen);
}

}  // namespace asterism::server
