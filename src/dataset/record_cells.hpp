// What every format does with the cells of a record once it has them. Private to src/dataset.
#pragma once

#include <string>
#include <vector>

#include "dataset/record_reader.hpp"

namespace asterism {

// Which cells name files, and where relative paths begin.
struct RecordFiles {
  std::vector<bool> is_file;  // one a column
  std::string folder;         // "" is the working directory; else it ends with '/'
};

RecordFiles record_files(const RecordOptions& options);

// A row with cells becomes a record; its paths begin where they are told to.
void finish_record(Row& row, const RecordFiles& files);

}  // namespace asterism
