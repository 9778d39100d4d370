// How far apart two words are, for "did you mean ...?".
#pragma once

#include <cstddef>
#include <string_view>

namespace asterism {

// Edits (insert, delete, replace, swap neighbours) that turn one word into the other: optimal string alignment, Damerau
// 1964 with each substring edited once. Cost: the product of the lengths; cut what a stranger sent first.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace asterism
