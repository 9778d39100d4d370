// One row of a table, for models that take rows of columns.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace asterism {

// The cells of one row, in the order of EncoderInfo::columns. An empty cell and one that is not there mean the same: no
// value.
using Record = std::vector<std::optional<std::string>>;

}  // namespace asterism
