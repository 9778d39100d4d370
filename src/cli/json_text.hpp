// JSON as the commands print it.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"

namespace asterism::cli {

// One line with its end; invalid UTF-8 becomes U+FFFD.
std::string json_line(const Json& json);
// Appends `text` with its quotes and escapes; invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace asterism::cli
