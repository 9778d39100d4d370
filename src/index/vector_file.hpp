// A file of vectors: a key a row, and the rows as VectorRows has them, mapped without copying.
//
//   header   one page (file_header.hpp): type, dim, counts, offsets, data version, checksum of the tables
//   rows     row_count x stride bytes
//   keys     u64 a row
//   tables   CRC-32C of every block of kVectorFileBlockBytes of rows, then of keys
//
// Opening checks the header, the tables and the keys. A block of rows is checked when it is first used for scoring: the
// rows' verifier remembers which were.
// Ownership: the file owns its mapping; rows() and keys() borrow from it. Thread-safety: reading from any thread.
// Cost: opening reads the keys; a block is read twice the first time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>

#include "asterism/error.hpp"
#include "asterism/metric.hpp"
#include "index/vector_rows.hpp"

namespace asterism {

inline constexpr std::size_t kVectorFileBlockBytes = 128 * 1024;

struct VectorFileSettings {
  VectorType type = VectorType::kF32;
  std::size_t dim = 0;
  std::uint64_t data_version = 0;
};

// Gives the next row, or false at the end: sets `key` and fills `row` [vector_size_bytes(type, dim)] (quantise_row()).
using NextVector = std::function<Result<bool>(std::uint64_t& key, std::span<std::byte> row)>;

// Writes the file whole: it appears when all rows were written, and holds `row_count` rows. kMismatch where `next`
// gives another number, its own errors otherwise. Memory: the keys and one row.
Result<void> write_vector_file(const std::filesystem::path& path, const VectorFileSettings& settings,
                               std::size_t row_count, const NextVector& next);

class VectorFile {
 public:
  // kNotFound, kCorrupt, kUnsupported for another format version.
  static Result<VectorFile> open(const std::filesystem::path& path);
  VectorFile(VectorFile&&) noexcept;
  VectorFile& operator=(VectorFile&&) noexcept;
  ~VectorFile();

  const VectorFileSettings& settings() const noexcept;
  // Valid while the file is open; a move keeps them valid. Their verifier gives kCorrupt for a damaged block.
  VectorRows rows() const noexcept;
  std::span<const std::uint64_t> keys() const noexcept;
  // Every byte of the file, whether used or not.
  Result<void> verify() const;

 private:
  struct Impl;
  explicit VectorFile(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism
