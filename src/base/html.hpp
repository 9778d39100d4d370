// What pages that hold everything themselves are made of. Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace asterism {

// Text as the content of an element or of an attribute in quotes.
std::string escape_html(std::string_view text);

}  // namespace asterism
