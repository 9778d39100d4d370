// A folder that goes away with the object.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

namespace asterism {

class ScratchFolder {
 public:
  explicit ScratchFolder(std::string_view name = "test") {
    std::string pattern =
        (std::filesystem::temp_directory_path() / ("asterism-" + std::string(name) + "-XXXXXX")).string();
    const char* made = ::mkdtemp(pattern.data());
    path_ = made == nullptr ? "" : made;
  }
  ~ScratchFolder() {
    std::error_code failure;
    std::filesystem::remove_all(path_, failure);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  std::size_t entry_count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace asterism
