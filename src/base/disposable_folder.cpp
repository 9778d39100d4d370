#include "base/disposable_folder.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "base/system_error.hpp"

namespace asterism {

namespace fs = std::filesystem;

Result<DisposableFolder> DisposableFolder::make(std::string_view name) {
  std::error_code failure;
  const fs::path place = fs::temp_directory_path(failure);
  if (failure) {
    return fail(ErrorCode::kIo, fmt::format("no folder for temporary files: {}", failure.message()), "set TMPDIR");
  }
  std::string pattern = (place / fmt::format("{}-XXXXXX", name)).string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return system_failure(place.string(), errno, "set TMPDIR to a folder that may be written to");
  }
  return DisposableFolder(fs::path(pattern));
}

DisposableFolder::~DisposableFolder() {
  if (!path_.empty()) {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
}

}  // namespace asterism
