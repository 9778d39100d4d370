// Errors of files as clients may see them: where things lie on this machine is no business of theirs.
// Thread-safety: pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "asterism/error.hpp"

namespace asterism::server {

// `path` replaced by `name` wherever it stands in the error.
inline Error without_path(Error error, std::string_view path, std::string_view name) {
  for (std::string* text : {&error.message, &error.hint}) {
    std::size_t at = 0;
    while (!path.empty() && (at = text->find(path, at)) != std::string::npos) {
      text->replace(at, path.size(), name);
      at += name.size();
    }
  }
  return error;
}

}  // namespace asterism::server
