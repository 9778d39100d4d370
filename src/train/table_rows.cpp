#include "train/table_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/json.hpp"
#include "dataset/buffered_input.hpp"
#include "dataset/byte_source.hpp"
#include "dataset/csv_parser.hpp"

namespace asterism {
namespace {

constexpr std::size_t kTableRowSizeBytesMax = std::size_t{16} << 20;

Result<BufferedInput> open_table(const std::filesystem::path& path) {
  const auto info = inspect_input(path.string());
  if (!info) {
    return std::unexpected(info.error());
  }
  auto bytes = open_byte_source(*info);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  BufferedInput input(std::move(*bytes));
  if (auto ok = input.skip_prologue(path.string()); !ok) {
    return std::unexpected(ok.error());
  }
  return input;
}

Error missing_column(const std::filesystem::path& path, std::string_view column, std::span<const std::string> there) {
  return {ErrorCode::kNotFound,
          fmt::format("{}: expected a column '{}', found {}", path.string(), column, fmt::join(there, ", ")),
          "name one of these in [data]"};
}

Result<void> read_csv(const std::filesystem::path& path, std::span<const std::string> columns, char delimiter,
                      const TableRowVisitor& visit) {
  auto input = open_table(path);
  if (!input) {
    return std::unexpected(input.error());
  }
  CsvParser parser(std::move(*input), {.delimiter = delimiter, .record_size_bytes_max = kTableRowSizeBytesMax});
  std::vector<std::string> names;
  std::vector<std::size_t> places;
  std::vector<std::optional<std::string>> cells(columns.size());
  for (;;) {
    const auto more = parser.next();
    if (!more) {
      return std::unexpected(more.error());
    }
    if (!*more) {
      return names.empty()
                 ? fail(ErrorCode::kCorrupt,
                        fmt::format("{}: expected a header line with the names of the columns, found an empty file",
                                    path.string()))
                 : Result<void>{};
    }
    if (parser.fault() != CsvFault::kNone) {
      return fail(
          ErrorCode::kCorrupt,
          fmt::format("{}:{}: broken quotes, or a record of excessive length", path.string(), parser.record_line()),
          "write quotes inside a field twice");
    }
    const auto fields = parser.fields();
    if (names.empty()) {
      names.assign(fields.begin(), fields.end());
      for (const std::string& column : columns) {
        const auto found = std::ranges::find(names, column);
        if (found == names.end()) {
          return std::unexpected(missing_column(path, column, names));
        }
        places.push_back(static_cast<std::size_t>(found - names.begin()));
      }
      continue;
    }
    if (fields.size() != names.size()) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}:{}: expected {} fields as in the header, found {}",
                                                   path.string(), parser.record_line(), names.size(), fields.size()));
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      cells[i] = fields[places[i]];
    }
    if (auto ok = visit(cells); !ok) {
      return ok;
    }
  }
}

std::optional<std::string> cell_of(const Json& record, const std::string& column) {
  const auto found = record.find(column);
  if (found == record.end() || found->is_null()) {
    return std::nullopt;
  }
  return found->is_string() ? found->get<std::string>() : found->dump();
}

// One line of the input without its end; nothing at the end of the input.
Result<std::optional<std::string>> next_line(BufferedInput& input) {
  std::string line;
  for (;;) {
    const auto bytes = input.peek();
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    if (bytes->empty()) {
      return line.empty() ? std::nullopt : std::optional(std::move(line));
    }
    const std::size_t end = bytes->find('\n');
    line.append(bytes->substr(0, end));
    input.consume(end == std::string_view::npos ? bytes->size() : end + 1);
    if (end != std::string_view::npos) {
      return line;
    }
    if (line.size() > kTableRowSizeBytesMax) {
      return fail(ErrorCode::kLimitExceeded, fmt::format("a record of more than {} bytes", kTableRowSizeBytesMax));
    }
  }
}

Result<void> read_jsonl(const std::filesystem::path& path, std::span<const std::string> columns,
                        const TableRowVisitor& visit) {
  auto input = open_table(path);
  if (!input) {
    return std::unexpected(input.error());
  }
  std::vector<bool> is_known(columns.size(), false);
  std::vector<std::string> keys;
  std::vector<std::optional<std::string>> cells(columns.size());
  for (std::uint64_t number = 1;; ++number) {
    const auto line = next_line(*input);
    if (!line) {
      return std::unexpected(line.error());
    }
    if (!*line) {
      break;
    }
    if ((*line)->find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    const auto record = parse_json(**line, fmt::format("{}:{}", path.string(), number));
    if (!record) {
      return std::unexpected(record.error());
    }
    if (!record->is_object()) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}:{}: expected a JSON object", path.string(), number));
    }
    if (keys.empty()) {
      for (const auto& [key, value] : record->items()) {
        keys.push_back(key);
      }
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
      cells[i] = cell_of(*record, columns[i]);
      is_known[i] = is_known[i] || cells[i].has_value();
    }
    if (auto ok = visit(cells); !ok) {
      return ok;
    }
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!is_known[i]) {
      return std::unexpected(missing_column(path, columns[i], keys));
    }
  }
  return {};
}

}  // namespace

Result<void> for_each_table_row(const std::filesystem::path& path, std::span<const std::string> columns,
                                const TableRowVisitor& visit) {
  const std::string extension = path.extension().string();
  if (extension == ".jsonl" || extension == ".ndjson") {
    return read_jsonl(path, columns, visit);
  }
  if (extension != ".csv" && extension != ".tsv") {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: expected a table (.csv, .tsv, .jsonl)", path.string()));
  }
  return read_csv(path, columns, extension == ".tsv" ? '\t' : ',', visit);
}

}  // namespace asterism
