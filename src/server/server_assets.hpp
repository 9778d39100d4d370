// Files of assets/server inside the program: what the documentation is made of. Thread-safety: constants.
#pragma once

#include <span>
#include <string_view>

namespace asterism::server {

struct OpenApiFragment {
  std::string_view file;  // "embed.json"
  std::string_view text;  // {"schemas": {...}, "parameters": {...}, "headers": {...}}, each left out where empty
};

// A new one is a line in server_assets.cpp.
std::span<const OpenApiFragment> open_api_fragments();

// HTML that reads /openapi.json.
std::string_view docs_page();

}  // namespace asterism::server
