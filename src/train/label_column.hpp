// Labels in a file of their own, one a row: npy of integers, or text with a label a line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

// An integer becomes its decimal digits. A line "0\tcat" of a table with tabs gives its last field; a heading that no
// row can be told from is not recognised. kNotFound, kUnsupported for arrays of other types or shapes.
Result<std::vector<std::string>> read_label_column(const std::filesystem::path& path);

}  // namespace asterism
