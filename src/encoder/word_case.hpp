// Lower case of words, character by character, as Python's str.lower() has it for all but final sigma.
//
// Thread-safety: pure functions. Cost: one pass; ASCII takes no table.
#pragma once

#include <string>
#include <string_view>

namespace asterism {

bool is_lower_case(std::string_view word) noexcept;
// Bytes that are no UTF-8 become U+FFFD.
std::string to_lower_case(std::string_view word);

}  // namespace asterism
