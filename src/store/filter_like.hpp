// Patterns of `like`: % stands for any characters, _ for one, a backslash before %, _ or itself for that character.
// Case matters, as in PostgreSQL; characters are code points of UTF-8.
//
// SQLite's own LIKE ignores the case of ASCII letters, so a pattern runs there as a GLOB, which does not.
// Ownership: values. Thread-safety: const use from any number of threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

// SQLite refuses longer patterns (SQLITE_MAX_LIKE_PATTERN_LENGTH is 50,000), and a GLOB spells a character in up to
// three bytes.
inline constexpr std::size_t kLikeSizeBytesMax = 16'000;

class LikePattern {
 public:
  // kUsage when it ends in a backslash or has one before another character; kLimitExceeded.
  static Result<LikePattern> parse(std::string_view pattern);

  // Cost: the product of both lengths at worst, their sum for up to one %.
  bool matches(std::string_view text) const;

  // The same pattern for SQLite's GLOB.
  std::string to_glob() const;
  // What every match begins with.
  std::string prefix() const;

 private:
  enum class Kind : std::uint8_t { kByte, kOne, kAny };
  struct Piece {
    Kind kind = Kind::kByte;
    char byte = 0;
  };
  std::vector<Piece> pieces_;
};

}  // namespace asterism
