// One page of a Python package index: where the files of a package are.
//
// Formats: PEP 503 (HTML) and PEP 691 (JSON). Thread-safety: pure functions. Internal to the module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

struct IndexFile {
  std::string name;
  std::string url;     // absolute
  std::string sha256;  // empty when the index does not say
};

// Lower case, with runs of '-', '_' and '.' as one '-' (PEP 503).
std::string normalised_package_name(std::string_view name);

// `page_url` is where `body` came from: relative links count from there.
Result<std::vector<IndexFile>> parse_index_page(std::string_view body, std::string_view content_type,
                                                std::string_view page_url);

}  // namespace asterism
