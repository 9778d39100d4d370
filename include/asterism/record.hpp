// One row of a table, for models that take rows of columns.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace asterism {

// What is read of a table.
struct RecordColumns {
  std::vector<std::string> names;  // in the order of the cells
  std::vector<std::string> files;  // of those, what names a file
  std::string file_folder;         // where relative names of files begin, below the table's own folder

  bool empty() const noexcept { return names.empty(); }
};

// The cells of one row, in the order of RecordColumns::names. An empty cell and one that is not there mean the same: no
// value.
using Record = std::vector<std::optional<std::string>>;

}  // namespace asterism
