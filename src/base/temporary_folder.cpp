#include "base/temporary_folder.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace asterism {

namespace fs = std::filesystem;

Result<TemporaryFolder> TemporaryFolder::make(std::string_view name) {
  std::error_code failure;
  const fs::path place = fs::temp_directory_path(failure);
  if (failure) {
    return fail(ErrorCode::kIo, fmt::format("no folder for temporary files: {}", failure.message()), "set TMPDIR");
  }
  std::string pattern = (place / fmt::format("{}-XXXXXX", name)).string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return fail(ErrorCode::kIo,
                fmt::format("{}: {}", place.string(), std::error_code(errno, std::generic_category()).message()),
                "set TMPDIR to a folder that may be written to");
  }
  return TemporaryFolder(fs::path(pattern));
}

TemporaryFolder::~TemporaryFolder() {
  if (!path_.empty()) {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
}

}  // namespace asterism
