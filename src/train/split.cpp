#include "train/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <string>
#include <utility>

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

double thinning_position(std::string_view key, std::uint64_t split_seed) {
  constexpr std::uint64_t kThinSeed = 0x7468696E;
  return split_position(key, split_seed ^ kThinSeed);
}

std::vector<std::size_t> thinned_rows(std::span<const double> positions, std::size_t most) {
  std::vector<std::size_t> rows(positions.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  if (rows.size() > most) {
    const auto before = [&](std::size_t a, std::size_t b) {
      return std::pair(positions[a], a) < std::pair(positions[b], b);
    };
    std::ranges::nth_element(rows, rows.begin() + static_cast<std::ptrdiff_t>(most), before);
    rows.resize(most);
    std::ranges::sort(rows);
  }
  return rows;
}

Split split_of(std::string_view key, const SplitShares& shares) {
  const double position = split_position(key, shares.seed);
  if (position < shares.test) {
    return Split::kTest;
  }
  return position < shares.test + shares.validation ? Split::kValidation : Split::kTrain;
}

}  // namespace asterism
