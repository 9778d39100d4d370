// Names from files of strangers, fit for a message.
#pragma once

#include <string>
#include <string_view>

namespace asterism {

// Printable ASCII and whole UTF-8 as they are, other bytes as \xNN, cut after a line's worth.
std::string printable(std::string_view text);

}  // namespace asterism
