// The atlas page (web/) inside the program: one HTML file with all its scripts and styles, uncompressed.
// Thread-safety: constants.
#pragma once

#include <string_view>

namespace asterism {

// Empty where the program was built without the page: no Node, or no packages of web/package-lock.json.
std::string_view atlas_page() noexcept;

// What stands for the page then: HTML that says how to build it.
std::string_view atlas_page_missing() noexcept;

}  // namespace asterism
