// One JSON object a line, parsed and validated by simdjson.
#pragma once

#include <memory>

#include "dataset/buffered_input.hpp"
#include "dataset/record_reader.hpp"

namespace asterism {

std::unique_ptr<RecordReader> make_jsonl_reader(BufferedInput input, RecordOptions options);

}  // namespace asterism
