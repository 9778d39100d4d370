#include "dataset/text_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

#include "dataset/inputs_reader.hpp"
#include "dataset/record_reader.hpp"

namespace asterism {

TextFormat text_format_of(const std::string& path, TextFormat asked) {
  if (asked != TextFormat::kAuto) {
    return asked;
  }
  std::string extension = std::filesystem::path(path).extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".jsonl" || extension == ".ndjson") {
    return TextFormat::kJsonl;
  }
  if (extension == ".csv") {
    return TextFormat::kCsv;
  }
  return extension == ".tsv" ? TextFormat::kTsv : TextFormat::kLines;
}

Result<std::unique_ptr<RowReader>> open_text_reader(TextReaderOptions options) {
  if (options.inputs.empty()) {
    return fail(ErrorCode::kInvalidArgument, "input: expected at least one file or '-' for stdin, found none");
  }
  std::vector<InputInfo> inputs;
  for (const std::string& path : options.inputs) {
    if (path == "-" && std::ranges::count(options.inputs, path) > 1) {
      return fail(ErrorCode::kInvalidArgument, "input: expected '-' (stdin) once, found it twice or more");
    }
    auto info = inspect_input(path);
    if (!info) {
      return std::unexpected(info.error());
    }
    inputs.push_back(std::move(*info));
  }
  std::vector<double> weights;
  for (const InputInfo& input : inputs) {
    weights.push_back(static_cast<double>(input.size_bytes));
  }
  const PayloadKind kind = options.columns.empty() ? PayloadKind::kText : PayloadKind::kRecord;
  const auto open = [options = std::move(options), inputs](std::size_t index) -> Result<std::unique_ptr<RecordReader>> {
    auto bytes = open_byte_source(inputs[index], options.interrupted);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    const std::string& path = inputs[index].path;
    return make_record_reader(text_format_of(path, options.format), std::move(*bytes),
                              {.source = path,
                               .column = options.column,
                               .id_column = options.id_column,
                               .columns = options.columns,
                               .metadata = options.metadata});
  };
  // Opening one shows a wrong first byte, and for csv a missing header or column, before anything is computed.
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].seekable) {
      if (auto opened = open(i); !opened) {
        return std::unexpected(opened.error());
      }
    }
  }
  return make_inputs_reader({.kind = kind, .inputs = std::move(inputs), .weights = std::move(weights), .open = open});
}

}  // namespace asterism
