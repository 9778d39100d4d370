// Bytes as text (RFC 4648, section 4): for data URIs and JSON. Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace asterism {

std::string base64(std::string_view bytes);
// Nothing for a text that base64() does not write.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace asterism
