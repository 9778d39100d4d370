// Checksums (CRC-32C) of blocks of a part of a file: a table written behind the data, checked block by block.
//
// Thread-safety: a writer belongs to one thread; checking is a pure function.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/crc32c.hpp"

namespace asterism {

constexpr std::size_t block_count_of(std::size_t size_bytes, std::size_t block_bytes) noexcept {
  return size_bytes / block_bytes + (size_bytes % block_bytes == 0 ? 0 : 1);
}

// Collects the checksums of bytes that pass by in pieces.
class BlockChecksums {
 public:
  explicit BlockChecksums(std::size_t block_bytes) : block_bytes_(block_bytes) {}

  void update(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::size_t taken = std::min(bytes.size(), block_bytes_ - filled_bytes_);
      if (filled_bytes_ == 0) {
        table_.push_back(0);
      }
      table_.back() = crc32c(bytes.first(taken), table_.back());
      filled_bytes_ = (filled_bytes_ + taken) % block_bytes_;
      bytes = bytes.subspan(taken);
    }
  }

  std::span<const std::byte> table() const noexcept { return std::as_bytes(std::span(table_)); }

 private:
  std::size_t block_bytes_;
  std::size_t filled_bytes_ = 0;
  std::vector<std::uint32_t> table_;
};

// Whether block `block` of `part` has the checksum that `table` says; `table` has one for every block.
inline bool block_is_whole(std::span<const std::byte> part, std::size_t block_bytes, std::span<const std::byte> table,
                           std::size_t block) noexcept {
  std::uint32_t expected = 0;
  std::memcpy(&expected, table.data() + block * sizeof expected, sizeof expected);
  const auto bytes = part.subspan(block * block_bytes);
  return crc32c(bytes.first(std::min(block_bytes, bytes.size()))) == expected;
}

}  // namespace asterism
