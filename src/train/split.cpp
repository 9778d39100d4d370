#include "train/split.hpp"

#include <fmt/format.h>

#include <charconv>
#include <span>
#include <string>

#include "base/sha256.hpp"

namespace asterism {

double split_position(std::string_view key, std::uint64_t seed) {
  const std::string name = fmt::format("{}:{}", seed, key);
  const std::string digest = sha256_hex(std::as_bytes(std::span(name)));
  constexpr std::size_t kHexDigits = 13;  // 52 bits
  std::uint64_t bits = 0;
  std::from_chars(digest.data(), digest.data() + kHexDigits, bits, 16);
  return static_cast<double>(bits) * 0x1p-52;
}

Split split_of(std::string_view key, const SplitShares& shares) {
  const double position = split_position(key, shares.seed);
  if (position < shares.test) {
    return Split::kTest;
  }
  return position < shares.test + shares.validation ? Split::kValidation : Split::kTrain;
}

}  // namespace asterism
