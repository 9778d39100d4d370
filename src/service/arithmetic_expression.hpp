// The language of sums over words, texts, pictures and items: "king - man + woman", "0.5*red + @coat.jpg - #A17".
//
//   expression = [sign] term { sign term }        sign = "+" | "-"
//   term       = [number "*"] operand             number above 0: 2, 0.5
//   operand    = word | text | "@" path | "#" id
//   word       = anything without space, quote or "*"; a sign inside it is part of it: "well-known", "c++"
//   text       = '"' ... '"', with \" and \\ inside; path and id may be quoted alike
// White space parts terms and signs; a sign may touch what follows it. Thread-safety: pure functions. Cost: one pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism::service {

// Limits; one past each is kLimitExceeded.
inline constexpr std::size_t kArithmeticSizeBytesMax = std::size_t{64} << 10U;
inline constexpr std::size_t kArithmeticTermCountMax = 64;
inline constexpr double kArithmeticWeightMax = 1e6;

enum class OperandKind : std::uint8_t { kText, kImage, kId };

struct ArithmeticTerm {
  double weight = 1.0;  // below 0 where it is taken away
  OperandKind kind = OperandKind::kText;
  std::string value = {};  // the text, the picture's path, or the item's id
  friend bool operator==(const ArithmeticTerm&, const ArithmeticTerm&) = default;
};

// kUsage names the column (of the character, from 1), what was expected there and what was found.
Result<std::vector<ArithmeticTerm>> parse_arithmetic(std::string_view expression);

// An expression that parses to these terms.
std::string arithmetic_text(const std::vector<ArithmeticTerm>& terms);

}  // namespace asterism::service
