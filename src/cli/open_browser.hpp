// Shows an address in the user's browser, where there is a desktop.
#pragma once

#include <string>

namespace asterism::cli {

// Starts xdg-open and does not wait. False where there is no desktop or no such program.
bool open_browser(const std::string& address);

}  // namespace asterism::cli
