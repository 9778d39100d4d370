// One row a line: the format of plain text files.
#pragma once

#include <memory>

#include "dataset/buffered_input.hpp"
#include "dataset/record_reader.hpp"

namespace asterism {

std::unique_ptr<RecordReader> make_lines_reader(BufferedInput input, RecordOptions options);

}  // namespace asterism
