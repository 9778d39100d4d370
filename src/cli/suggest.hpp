// "Did you mean ...?" for commands and options.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace asterism::cli {

// The candidate nearest to `word`, when near enough to be a likely slip (about one edit in three letters) or when one
// is the beginning of the other.
std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates);

}  // namespace asterism::cli
