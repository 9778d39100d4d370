// The rows that a recipe learns from where they are rows of a table: read, split and coded by their columns.
//
// A row's split is decided by what it says (the cells that are learnt from), or by its group: rows that are the same
// are never on both sides, and stay where they are whatever rows come, go or move. Ownership: values. Thread-safety:
// const. Cost: three readings of the tables (splits, fit, codes); memory 4 bytes a cell that is learnt from.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "encoder/table_columns.hpp"
#include "train/recipe.hpp"
#include "train/task.hpp"

namespace asterism {

struct TableData {
  TableCoder coder{TableColumns{}};
  std::int64_t row_count = 0;
  std::vector<float> numeric;                       // [rows, columns().numeric_size()]
  std::vector<std::int32_t> ids;                    // [rows, categorical columns]
  std::vector<Record> records;                      // [rows], fusion only: the learnt cells, then the content
  std::vector<std::int32_t> labels;                 // [rows]; -1 = none. Empty without a label column
  std::array<std::vector<std::int64_t>, 3> splits;  // rows of each Split
  DataReport report;

  const TableColumns& columns() const noexcept { return coder.columns(); }
  std::span<const float> numeric_of(std::int64_t row) const;
  std::span<const std::int32_t> ids_of(std::int64_t row) const;
  const std::vector<std::int64_t>& rows(Split split) const { return splits[static_cast<std::size_t>(split)]; }
};

// What a fusion takes beside the columns.
struct TableContent {
  std::string column;  // empty = none
  bool is_file = false;
  bool all_columns = false;  // records hold constant columns, too: what reads them was fitted on other rows
};

// Rows that cannot be used (broken, a number that is none, a file that is not there) are counted and named in the
// report. kNotFound names a missing column and the nearest; kInvalidArgument where nothing can be learnt: one row, no
// column that varies, no row without a fault.
Result<TableData> read_table_data(const Recipe& recipe, const TableContent& content);

}  // namespace asterism
