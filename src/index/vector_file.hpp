// A file of vectors: a key a row, and the rows as VectorRows has them, mapped without copying.
//
//   header      one page: magic, format version, type, dim, counts, offsets, data version, its own checksum
//   checksums   CRC-32C of every block of kVectorFileBlockBytes of what follows, and of this table in the header
//   keys        u64 a row
//   rows        row_count x stride bytes, from a multiple of 64 bytes
//
// Opening checks the header and the table of checksums. A block of rows is checked when it is first used for scoring:
// VectorFile is the verifier of its rows. Keys are checked when the file is opened.
// Ownership: the file owns its mapping; rows() and keys() borrow from it. Thread-safety: reading from any thread.
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

class VectorFile final : public RowVerifier {
 public:
  // kNotFound, kCorrupt, kUnsupported for another format version.
  static Result<VectorFile> open(const std::filesystem::path& path);
  VectorFile(VectorFile&&) noexcept;
  VectorFile& operator=(VectorFile&&) noexcept;
  ~VectorFile() override;

  const VectorFileSettings& settings() const noexcept;
  // Rows whose verifier is this file: valid while it is alive and not moved from; a move keeps them valid.
  VectorRows rows() const noexcept;
  std::span<const std::uint64_t> keys() const noexcept;

  Result<void> verify_rows(std::size_t begin, std::size_t end) const override;
  // Every byte of the file, whether used or not.
  Result<void> verify() const;

 private:
  struct Impl;
  explicit VectorFile(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism
