// The cells of some columns of a csv, tsv or jsonl file, row by row, as src/dataset reads them.
//
// Thread-safety: one thread a call. Cost: one row of memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "asterism/error.hpp"

namespace asterism {

// Given the cells in the order of the columns (a key that a jsonl record lacks has none) and the line that the row
// begins on. An error ends the reading.
using TableRowVisitor =
    std::function<Result<void>(std::span<const std::optional<std::string>> cells, std::uint64_t line)>;
// Given what is wrong with a row, which is then left out.
using BrokenRowVisitor = std::function<void(const Error& error)>;

// The format is that of the extension. kNotFound names a missing column and those that are there (of jsonl: a column
// that no record has); kCorrupt a row with another number of fields than the header, or one that is no JSON object,
// unless `broken` takes it.
Result<void> for_each_table_row(const std::filesystem::path& path, std::span<const std::string> columns,
                                const TableRowVisitor& visit, const BrokenRowVisitor& broken = {});

}  // namespace asterism
