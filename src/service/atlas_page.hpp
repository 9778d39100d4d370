// The page of an atlas inside the program: one HTML file, made of web/. Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"

namespace asterism::service {

// The page with `data` in it, which says where the atlas is: {"mode": "server", "base": "/v1/collections/NAME/atlas"} or
// {"mode": "export"}. Nothing where the program was built without the page.
std::optional<std::string> atlas_page(const Json& data);

// The same of any page with the place for it, which is `null` in its element of id "asterism-data". Nothing without
// that place.
std::optional<std::string> page_with_data(std::string_view page, const Json& data);

}  // namespace asterism::service
