// A folder for things that are needed for a while: made empty, and removed with all that is in it.
//
// Ownership: owns the folder; movable. Thread-safety: one thread.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include "asterism/error.hpp"

namespace asterism {

class TemporaryFolder {
 public:
  // Where the system has such things (TMPDIR), for this user alone; `name` is part of its name. kIo.
  static Result<TemporaryFolder> make(std::string_view name);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace asterism
