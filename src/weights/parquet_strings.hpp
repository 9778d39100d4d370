// The strings of a Parquet file of one column: the words of a model whose vectors are in a .npy beside it.
//
// Reads what pandas and Arrow write for a column of strings: data pages of version 1, plain or by dictionary, packed by
// Snappy or not, any number of row groups. Anything else is kUnsupported and named. Format:
// https://github.com/apache/parquet-format. Why not Arrow: docs/decisions/0216.
// Ownership: values. Thread-safety: pure functions. Cost: one pass; memory is the strings and one page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

// Limits; past one is kLimitExceeded.
inline constexpr std::size_t kParquetPageSizeBytesMax = std::size_t{64} << 20U;  // unpacked
inline constexpr std::size_t kParquetRowCountMax = std::size_t{1} << 26U;
inline constexpr std::size_t kParquetStringsSizeBytesMax = std::size_t{1} << 30U;

struct StringColumn {
  std::string bytes;                // one after the other
  std::vector<std::uint64_t> ends;  // [rows], where each ends in `bytes`
};

// kCorrupt for bytes that contradict themselves and for rows without a string.
Result<StringColumn> parse_parquet_strings(std::span<const std::byte> bytes, std::string_view source);
Result<StringColumn> read_parquet_strings(const std::filesystem::path& path);

}  // namespace asterism
