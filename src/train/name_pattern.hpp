// What a pattern takes of a file's name: "{}_#" takes "Claude_Monet" of "Claude_Monet_12".
//
//   {}  what is taken: one character or more, as few as the rest allows; once in a pattern
//   #   one digit or more      *   anything, or nothing
//
// Everything else stands for itself, and the whole name has to match. Thread-safety: immutable. Cost: the lengths of
// name and pattern multiplied, for each wildcard at most.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

class NamePattern {
 public:
  // `key` names the setting in errors. kInvalidArgument without exactly one {}, or with more than kWildcardCountMax
  // wildcards.
  static Result<NamePattern> parse(std::string_view pattern, std::string_view key);

  // Nothing where the name does not match.
  std::optional<std::string> take(std::string_view name) const;

  static constexpr std::size_t kWildcardCountMax = 4;

 private:
  explicit NamePattern(std::string pattern) : pattern_(std::move(pattern)) {}
  std::string pattern_;
};

}  // namespace asterism
