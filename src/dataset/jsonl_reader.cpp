#include "dataset/jsonl_reader.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "dataset/jsonl_metadata.hpp"
#include "dataset/line_scanner.hpp"
#include "dataset/record_cells.hpp"
#include "dataset/row_error.hpp"

namespace asterism {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kBlanks = " \t\r";
// Most keys an error message lists.
constexpr std::size_t kKeysShownMax = 12;

std::string_view type_name(const dom::element& value) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return "an array";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::STRING:
      return "a string";
    case dom::element_type::BOOL:
      return "true or false";
    case dom::element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

std::string key_list(const dom::object& object) {
  std::vector<std::string> keys;
  for (const auto field : object) {
    if (keys.size() == kKeysShownMax) {
      keys.emplace_back("...");
      break;
    }
    keys.push_back(fmt::format("\"{}\"", field.key));
  }
  return keys.empty() ? "no keys" : fmt::format("the keys {}", fmt::join(keys, ", "));
}

struct Lookup {
  std::optional<dom::element> value;  // the first one under the key
  std::size_t count = 0;              // how often the key stands in its object
  dom::object object;                 // where the key was looked for last
};

Lookup find_member(const dom::object& object, std::string_view key) {
  Lookup found{.value = {}, .count = 0, .object = object};
  for (const auto field : object) {
    if (field.key == key && found.count++ == 0) {
      found.value = field.value;
    }
  }
  return found;
}

// `key` as it stands, else, with dots in it, step by step into objects.
Lookup find_path(const dom::object& object, std::string_view key) {
  Lookup found = find_member(object, key);
  const std::size_t dot = key.find('.');
  if (found.count > 0 || dot == std::string_view::npos) {
    return found;
  }
  Lookup outer = find_member(object, key.substr(0, dot));
  dom::object inner;
  if (outer.count == 1 && outer.value->get_object().get(inner) == simdjson::SUCCESS) {
    return find_path(inner, key.substr(dot + 1));
  }
  return outer.count > 1 ? outer : found;
}

class JsonlReader final : public RecordReader {
 public:
  JsonlReader(BufferedInput input, RecordOptions options)
      : options_(std::move(options)),
        id_required_(!options_.id_column.empty()),
        files_(record_files(options_)),
        lines_(std::move(input), options_.row_size_bytes_max) {
    if (options_.column.empty()) {
      options_.column = kTextColumn;
    }
    if (!id_required_) {
      options_.id_column = kIdColumn;
    }
  }

  Result<bool> next(Row& row) override {
    for (;;) {
      auto line = lines_.next();
      if (!line) {
        return std::unexpected(line.error());
      }
      if (!*line) {
        return false;
      }
      const Line& found = **line;
      if (!found.too_long && found.text.find_first_not_of(kBlanks) == std::string_view::npos) {
        continue;
      }
      row = Row{.source = options_.source, .line = found.number};
      if (found.too_long) {
        row.error = row_too_long_error(options_.source, found.number, options_.row_size_bytes_max, found.size_bytes);
      } else if (auto parsed = parse(found, row); !parsed) {
        row.payload.bytes.clear();
        row.payload.cells.clear();
        row.metadata = "{}";
        row.error = std::move(parsed.error());
      }
      return true;
    }
  }

  RecordPlace place() const noexcept override { return {.byte_offset = lines_.byte_offset(), .line = lines_.line()}; }
  std::span<const std::string> column_names() const noexcept override { return names_; }
  Result<bool> seek(const RecordPlace& place) override {
    auto moved = lines_.seek(place.byte_offset, place.line);
    return moved ? Result<bool>(true) : std::unexpected(moved.error());
  }

 private:
  std::unexpected<Error> row_failure(const Row& row, ErrorCode code, std::string_view message,
                                     std::string_view hint = {}) const {
    return std::unexpected(row_error(code, options_.source, row.line, message, hint));
  }

  Result<void> parse(const Line& line, Row& row) {
    padded_.resize(std::max(padded_.size(), line.text.size() + simdjson::SIMDJSON_PADDING));
    std::ranges::copy(line.text, padded_.begin());
    dom::element document;
    if (const auto error = parser_.parse(padded_.data(), line.text.size(), false).get(document); error) {
      return row_failure(row, ErrorCode::kCorrupt,
                         fmt::format("expected a JSON object, found invalid JSON: {}", simdjson::error_message(error)));
    }
    dom::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) {
      return row_failure(row, ErrorCode::kCorrupt,
                         fmt::format("expected a JSON object, found {}", type_name(document)));
    }
    // The id first: it names the row even where its text is at fault.
    if (auto id = read_id(object, row); !id) {
      return id;
    }
    if (!options_.metadata.empty()) {
      row.metadata = metadata_of(object, row);
    }
    if (options_.columns.empty()) {
      return read_text(object, row);
    }
    note_names(object);
    return read_cells(object, row);
  }

  std::string metadata_of(const dom::object& object, const Row& row) const {
    std::vector<std::string_view> others;
    if (options_.columns.empty()) {
      others.push_back(options_.column);
    }
    others.insert(others.end(), options_.columns.names.begin(), options_.columns.names.end());
    if (!row.id.empty()) {
      others.push_back(options_.id_column);
    }
    return jsonl_metadata(object, options_.metadata, others);
  }

  void note_names(const dom::object& object) {
    for (const auto field : object) {
      if (names_known_) {
        return;
      }
      names_.emplace_back(field.key);
    }
    names_known_ = true;
  }

  Result<void> read_cells(const dom::object& object, Row& row) const {
    for (const std::string& column : options_.columns.names) {
      const Lookup found = find_path(object, column);
      if (found.count > 1) {
        return duplicate(row, column, found.count);
      }
      std::optional<std::string> cell;
      if (found.count == 1 && !found.value->is_null()) {
        std::string_view text;
        cell = found.value->get_string().get(text) == simdjson::SUCCESS ? std::string(text)
                                                                        : simdjson::minify(*found.value);
      }
      row.payload.cells.push_back(std::move(cell));
    }
    finish_record(row, files_);
    return {};
  }

  Result<void> read_text(const dom::object& object, Row& row) const {
    const Lookup found = find_path(object, options_.column);
    if (found.count > 1) {
      return duplicate(row, options_.column, found.count);
    }
    if (found.count == 0) {
      return row_failure(row, ErrorCode::kNotFound,
                         fmt::format("expected the key \"{}\", found {}", options_.column, key_list(found.object)),
                         "choose the key of the text (--column)");
    }
    std::string_view text;
    if (found.value->get_string().get(text) != simdjson::SUCCESS) {
      return row_failure(
          row, ErrorCode::kInvalidArgument,
          fmt::format("key \"{}\": expected a string, found {}", options_.column, type_name(*found.value)));
    }
    row.payload.bytes.assign(text);
    return {};
  }

  Result<void> read_id(const dom::object& object, Row& row) const {
    const Lookup found = find_path(object, options_.id_column);
    if (found.count == 1 && !found.value->is_array() && !found.value->is_object() && !found.value->is_null()) {
      std::string_view text;
      row.id =
          found.value->get_string().get(text) == simdjson::SUCCESS ? std::string(text) : simdjson::minify(*found.value);
      return {};
    }
    if (!id_required_) {
      return {};
    }
    if (found.count > 1) {
      return duplicate(row, options_.id_column, found.count);
    }
    if (found.count == 0) {
      return row_failure(row, ErrorCode::kNotFound,
                         fmt::format("expected the key \"{}\", found {}", options_.id_column, key_list(found.object)),
                         "choose the key of the id (--id or --id-column)");
    }
    return row_failure(row, ErrorCode::kInvalidArgument,
                       fmt::format("key \"{}\": expected a string or a number, found {}", options_.id_column,
                                   type_name(*found.value)));
  }

  std::unexpected<Error> duplicate(const Row& row, std::string_view key, std::size_t count) const {
    return row_failure(row, ErrorCode::kCorrupt,
                       fmt::format("expected the key \"{}\" once, found it {} times", key, count));
  }

  RecordOptions options_;
  bool id_required_;
  RecordFiles files_;
  std::vector<std::string> names_;  // of the first record, where records are asked for
  bool names_known_ = false;
  LineScanner lines_;
  dom::parser parser_;
  std::vector<char> padded_;  // simdjson reads past the end of its input
};

}  // namespace

std::unique_ptr<RecordReader> make_jsonl_reader(BufferedInput input, RecordOptions options) {
  return std::make_unique<JsonlReader>(std::move(input), std::move(options));
}

}  // namespace asterism
