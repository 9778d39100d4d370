// SHA-256 of bytes and files, as lower-case hex (OpenSSL's EVP underneath).
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "asterism/error.hpp"

namespace asterism {

// Incremental: update() any number of times, then hex() once. One thread.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::byte> bytes);
  std::string hex();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string sha256_hex(std::span<const std::byte> bytes);
// Streams the file: memory is constant.
Result<std::string> sha256_file(const std::filesystem::path& path);

}  // namespace asterism
