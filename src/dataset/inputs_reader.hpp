// Several inputs one after the other, one of them open at a time.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/byte_source.hpp"
#include "dataset/record_reader.hpp"
#include "dataset/row_reader.hpp"

namespace asterism {

struct InputsReaderOptions {
  PayloadKind kind = PayloadKind::kText;
  std::vector<InputInfo> inputs = {};
  // Of each input, for progress: what RecordReader::done() reaches at its end.
  std::vector<double> weights = {};
  // Called with an index into the inputs.
  std::function<Result<std::unique_ptr<RecordReader>>(std::size_t)> open = {};
  // An input that cannot be opened is a failed row, and the next input follows; else it ends the stream.
  bool open_failure_is_row = false;
};

std::unique_ptr<RowReader> make_inputs_reader(InputsReaderOptions options);

}  // namespace asterism
