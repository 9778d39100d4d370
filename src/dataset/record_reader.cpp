#include "dataset/record_reader.hpp"

#include <fmt/format.h>

#include <utility>

#include "dataset/buffered_input.hpp"
#include "dataset/csv_reader.hpp"
#include "dataset/jsonl_reader.hpp"
#include "dataset/lines_reader.hpp"

namespace asterism {

Result<std::unique_ptr<RecordReader>> make_record_reader(TextFormat format, std::unique_ptr<ByteSource> bytes,
                                                         RecordOptions options) {
  BufferedInput input(std::move(bytes));
  if (auto skipped = input.skip_prologue(options.source); !skipped) {
    return std::unexpected(skipped.error());
  }
  switch (format) {
    case TextFormat::kCsv:
      return make_csv_reader(std::move(input), ',', std::move(options));
    case TextFormat::kTsv:
      return make_csv_reader(std::move(input), '\t', std::move(options));
    case TextFormat::kJsonl:
      return make_jsonl_reader(std::move(input), std::move(options));
    case TextFormat::kAuto:
    case TextFormat::kLines:
      break;
  }
  if (!options.columns.empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a table (.csv, .tsv, .jsonl), found lines of text", options.source),
                "say which format it is (--format) where the name does not");
  }
  return make_lines_reader(std::move(input), std::move(options));
}

}  // namespace asterism
