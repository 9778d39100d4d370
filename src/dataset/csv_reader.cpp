#include "dataset/csv_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/edit_distance.hpp"
#include "dataset/csv_parser.hpp"
#include "dataset/record_cells.hpp"
#include "dataset/row_error.hpp"

namespace asterism {
namespace {

// Most columns an error message lists.
constexpr std::size_t kColumnsShownMax = 20;
// Longest name that is compared with others.
constexpr std::size_t kNameSizeMax = 100;

struct CsvColumns {
  std::vector<std::string> names;
  std::size_t text = 0;
  std::vector<std::size_t> cells;  // of records
  std::optional<std::size_t> id;
  std::vector<std::size_t> metadata;
};

std::string column_list(std::span<const std::string> names) {
  std::vector<std::string> shown;
  for (const std::string& name : names.first(std::min(names.size(), kColumnsShownMax))) {
    shown.push_back('"' + name + '"');
  }
  if (shown.size() < names.size()) {
    shown.emplace_back("...");
  }
  return fmt::format("{}", fmt::join(shown, ", "));
}

Result<std::optional<std::size_t>> find_column(std::span<const std::string> names, const std::string& wanted,
                                               const std::string& source) {
  const auto it = std::ranges::find(names, wanted);
  if (it == names.end()) {
    return std::nullopt;
  }
  if (std::find(it + 1, names.end(), wanted) != names.end()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected the column \"{}\" once, found it {} times in the header", source, wanted,
                            std::ranges::count(names, wanted)),
                "give the columns different names");
  }
  return static_cast<std::size_t>(it - names.begin());
}

std::unexpected<Error> missing_column(std::span<const std::string> names, const std::string& wanted,
                                      const std::string& source, std::string_view hint) {
  return fail(ErrorCode::kNotFound,
              fmt::format("{}: expected the column \"{}\", found {}", source, wanted, column_list(names)),
              std::string(hint));
}

// The name that is nearest to the wanted one, where any is near.
std::string nearest_hint(std::span<const std::string> names, const std::string& wanted, std::string_view otherwise) {
  const auto distance = [&](const std::string& name) { return edit_distance(name.substr(0, kNameSizeMax), wanted); };
  const auto nearest = std::ranges::min_element(names, {}, distance);
  return wanted.size() <= kNameSizeMax && nearest != names.end() && distance(*nearest) <= wanted.size() / 2
             ? fmt::format("did you mean \"{}\"?", *nearest)
             : std::string(otherwise);
}

// Where the columns of a record stand.
Result<std::vector<std::size_t>> find_cells(std::span<const std::string> names, const RecordOptions& options) {
  std::vector<std::size_t> cells;
  for (const std::string& name : options.columns.names) {
    const auto found = find_column(names, name, options.source);
    if (!found) {
      return std::unexpected(found.error());
    }
    if (!*found) {
      return missing_column(names, name, options.source,
                            nearest_hint(names, name, "the columns are named in the first line"));
    }
    cells.push_back(**found);
  }
  return cells;
}

bool is_among(std::span<const std::size_t> places, std::size_t place) {
  return std::ranges::find(places, place) != places.end();
}

// Where the columns that rows keep stand; `columns` has the others.
Result<std::vector<std::size_t>> find_metadata(const CsvColumns& columns, const RecordOptions& options) {
  std::vector<std::string> wanted = options.metadata.names;
  if (options.metadata.all) {
    const bool has_text = options.columns.empty();
    wanted.clear();
    for (std::size_t i = 0; i < columns.names.size(); ++i) {
      const bool other = (!has_text || i != columns.text) && columns.id != i && !is_among(columns.cells, i);
      if (other && !columns.names[i].empty()) {
        wanted.push_back(columns.names[i]);
      }
    }
  }
  std::vector<std::size_t> places;
  for (const std::string& name : wanted) {
    const auto found = find_column(columns.names, name, options.source);
    if (!found) {
      return std::unexpected(found.error());
    }
    if (!*found) {
      return missing_column(columns.names, name, options.source,
                            nearest_hint(columns.names, name, "the columns are named in the first line"));
    }
    if (!is_among(places, **found)) {
      places.push_back(**found);
    }
  }
  return places;
}

Result<CsvColumns> find_columns(std::span<const std::string> names, const RecordOptions& options) {
  CsvColumns columns{.names = {names.begin(), names.end()}, .text = 0, .cells = {}, .id = {}, .metadata = {}};
  const std::string text_name = options.column.empty() ? std::string(kTextColumn) : options.column;
  auto cells = find_cells(names, options);
  if (!cells) {
    return std::unexpected(cells.error());
  }
  columns.cells = *std::move(cells);
  auto text = options.columns.empty() ? find_column(names, text_name, options.source) : std::optional<std::size_t>(0);
  if (!text) {
    return std::unexpected(text.error());
  }
  if (!*text) {
    return missing_column(names, text_name, options.source, "choose the column of the text (--column)");
  }
  columns.text = **text;
  const std::string id_name = options.id_column.empty() ? std::string(kIdColumn) : options.id_column;
  auto id = find_column(names, id_name, options.source);
  if (!id) {
    return std::unexpected(id.error());
  }
  if (!*id && !options.id_column.empty()) {
    return missing_column(names, id_name, options.source, "choose the column of the id (--id or --id-column)");
  }
  columns.id = *id;
  auto metadata = find_metadata(columns, options);
  if (!metadata) {
    return std::unexpected(metadata.error());
  }
  columns.metadata = *std::move(metadata);
  return columns;
}

class CsvReader final : public RecordReader {
 public:
  CsvReader(CsvParser parser, RecordOptions options, CsvColumns columns)
      : parser_(std::move(parser)),
        options_(std::move(options)),
        columns_(std::move(columns)),
        files_(record_files(options_)) {}

  Result<bool> next(Row& row) override {
    auto found = parser_.next();
    if (!found || !*found) {
      return found;
    }
    row = Row{.source = options_.source, .line = parser_.record_line(), .error = record_fault()};
    if (!row.error) {
      const auto fields = parser_.fields();
      if (columns_.cells.empty()) {
        row.payload.bytes = fields[columns_.text];
      }
      for (const std::size_t place : columns_.cells) {
        row.payload.cells.emplace_back(fields[place]);
      }
      finish_record(row, files_);
      row.id = columns_.id ? fields[*columns_.id] : std::string{};
      if (!columns_.metadata.empty()) {
        row.metadata = metadata_of(fields);
      }
    }
    return true;
  }

  RecordPlace place() const noexcept override { return {.byte_offset = parser_.byte_offset(), .line = parser_.line()}; }
  std::span<const std::string> column_names() const noexcept override { return columns_.names; }
  Result<bool> seek(const RecordPlace& place) override {
    auto moved = parser_.seek(place.byte_offset, place.line);
    return moved ? Result<bool>(true) : std::unexpected(moved.error());
  }

 private:
  std::string metadata_of(std::span<const std::string> fields) const {
    std::string object(1, '{');
    for (const std::size_t place : columns_.metadata) {
      append_metadata_cell(object, columns_.names[place], fields[place]);
    }
    object += '}';
    return object;
  }

  std::optional<Error> record_fault() const {
    const std::uint64_t line = parser_.record_line();
    switch (parser_.fault()) {
      case CsvFault::kTooLong:
        return row_too_long_error(options_.source, line, options_.row_size_bytes_max, parser_.record_size_bytes());
      case CsvFault::kUnterminatedQuote:
        return row_error(
            ErrorCode::kCorrupt, options_.source, line,
            fmt::format("expected a closing quote for the one opened on line {}, found the end of the input",
                        parser_.quote_line()),
            "write quotes inside a field twice");
      case CsvFault::kTextAfterQuote:
        return row_error(ErrorCode::kCorrupt, options_.source, line,
                         "expected a delimiter or the end of the line after a closing quote, found more text",
                         "write quotes inside a field twice");
      case CsvFault::kNone:
        break;
    }
    if (parser_.fields().size() != columns_.names.size()) {
      return row_error(
          ErrorCode::kCorrupt, options_.source, line,
          fmt::format("expected {} fields as in the header, found {}", columns_.names.size(), parser_.fields().size()));
    }
    return std::nullopt;
  }

  CsvParser parser_;
  RecordOptions options_;
  CsvColumns columns_;
  RecordFiles files_;
};

}  // namespace

Result<std::unique_ptr<RecordReader>> make_csv_reader(BufferedInput input, char delimiter, RecordOptions options) {
  CsvParser parser(std::move(input), {.delimiter = delimiter, .record_size_bytes_max = options.row_size_bytes_max});
  auto header = parser.next();
  if (!header) {
    return std::unexpected(header.error());
  }
  if (!*header || parser.fault() != CsvFault::kNone) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a header line with the names of the columns, found {}", options.source,
                            *header ? "a line with broken quotes or of excessive length" : "an empty file"));
  }
  auto columns = find_columns(parser.fields(), options);
  if (!columns) {
    return std::unexpected(columns.error());
  }
  return std::make_unique<CsvReader>(std::move(parser), std::move(options), *std::move(columns));
}

}  // namespace asterism
