// A temporary file without a name: for bytes that must wait until it is known where they go. Nothing is left of it,
// however the process ends.
//
// Ownership: owns its descriptor. Thread-safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "asterism/error.hpp"

namespace asterism {

class SpoolFile {
 public:
  // On the file system of `folder`, where there is room for what is written there in the end.
  static Result<SpoolFile> create(const std::filesystem::path& folder);
  SpoolFile(SpoolFile&& other) noexcept;
  SpoolFile& operator=(SpoolFile&& other) noexcept;
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;
  ~SpoolFile();

  Result<void> write(std::span<const std::byte> bytes);
  // Calls `take` with everything written, piece by piece, in order; ends with its first error.
  Result<void> read(const std::function<Result<void>(std::span<const std::byte>)>& take) const;

 private:
  SpoolFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  std::unexpected<Error> failure(const char* doing, int error_number) const;

  int fd_ = -1;
  std::string name_;  // for messages
  std::uint64_t size_bytes_ = 0;
};

}  // namespace asterism
