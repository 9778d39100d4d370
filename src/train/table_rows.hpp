// The cells of some columns of a csv, tsv or jsonl file, row by row.
//
// Thread-safety: one thread a call. Cost: one row of memory.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "asterism/error.hpp"

namespace asterism {

// Given the cells in the order of the columns; a key that a jsonl record lacks has none. An error ends the reading.
using TableRowVisitor = std::function<Result<void>(std::span<const std::optional<std::string>> cells)>;

// The format is that of the extension. kNotFound names a missing column and those that are there (of jsonl: a column
// that no record has); kCorrupt a row with another number of fields than the header, or one that is no JSON object.
Result<void> for_each_table_row(const std::filesystem::path& path, std::span<const std::string> columns,
                                const TableRowVisitor& visit);

}  // namespace asterism
