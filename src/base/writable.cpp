#include "base/writable.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace asterism {

namespace fs = std::filesystem;

Result<void> expect_writable(const fs::path& path) {
  if (path.empty()) {
    return {};
  }
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a file to write, found a directory", path.string()));
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: expected the folder {} to exist, found none", path.string(), folder.string()),
                "create the folder first");
  }
  if (::access(folder.c_str(), W_OK) != 0) {
    return fail(ErrorCode::kIo, fmt::format("{}: cannot create: {}", path.string(), std::strerror(errno)),
                "name a folder that can be written to");
  }
  return {};
}

}  // namespace asterism
