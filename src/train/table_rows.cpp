#include "train/table_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "dataset/record_reader.hpp"

namespace asterism {
namespace {

Result<std::unique_ptr<RecordReader>> open_table(const std::filesystem::path& path,
                                                 std::span<const std::string> columns) {
  const TextFormat format = text_format_of(path.string(), TextFormat::kAuto);
  if (format == TextFormat::kLines) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: expected a table (.csv, .tsv, .jsonl)", path.string()));
  }
  const auto info = inspect_input(path.string());
  auto bytes = info ? open_byte_source(*info) : std::unexpected(info.error());
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  RecordOptions options{.source = path.string()};
  options.columns.names.assign(columns.begin(), columns.end());
  return make_record_reader(format, std::move(*bytes), std::move(options));
}

}  // namespace

Result<void> for_each_table_row(const std::filesystem::path& path, std::span<const std::string> columns,
                                const TableRowVisitor& visit, const BrokenRowVisitor& broken) {
  auto reader = open_table(path, columns);
  if (!reader) {
    return std::unexpected(reader.error());
  }
  std::vector<bool> is_known(columns.size(), false);
  bool any = false;
  for (Row row;;) {
    const auto more = (*reader)->next(row);
    if (!more) {
      return std::unexpected(more.error());
    }
    if (!*more) {
      break;
    }
    if (row.error) {
      if (!broken) {
        return std::unexpected(*row.error);
      }
      broken(*row.error);
      continue;
    }
    any = true;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      is_known[i] = is_known[i] || row.payload.cells[i].has_value();
    }
    if (auto ok = visit(row.payload.cells, row.line); !ok) {
      return ok;
    }
  }
  for (std::size_t i = 0; any && i < columns.size(); ++i) {
    if (!is_known[i]) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("{}: expected a column '{}', found {}", path.string(), columns[i],
                              fmt::join((*reader)->column_names(), ", ")),
                  "name one of these in [data]");
    }
  }
  return {};
}

}  // namespace asterism
