// Rows of a csv or tsv file with a header line.
#pragma once

#include <memory>

#include "dataset/buffered_input.hpp"
#include "dataset/record_reader.hpp"

namespace asterism {

// Reads the header. kNotFound lists the columns there are; kCorrupt when a wanted column stands twice, or there is
// none.
Result<std::unique_ptr<RecordReader>> make_csv_reader(BufferedInput input, char delimiter, RecordOptions options);

}  // namespace asterism
