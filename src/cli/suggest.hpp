// "Did you mean ...?" for commands and options.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace asterism::cli {

// Edits (insert, delete, replace, swap neighbours) that turn one word into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `word`, when near enough to be a likely slip (about one edit in three letters) or when one
// is the beginning of the other.
std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates);

}  // namespace asterism::cli
