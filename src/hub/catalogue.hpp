// The catalogue's file format (TOML), read strictly: an unknown key is an error that names it.
//
// Thread-safety: pure functions. Internal to the module; the catalogue itself is catalog/models.toml, which the build
// puts into the program.
#pragma once

#include <string_view>
#include <vector>

#include "hub/hub.hpp"

namespace asterism {

// The text of catalog/models.toml, as it was at build time.
std::string_view builtin_catalogue_text() noexcept;

// `source` names the text in errors.
Result<std::vector<CatalogueEntry>> parse_catalogue(std::string_view text, std::string_view source);

}  // namespace asterism
