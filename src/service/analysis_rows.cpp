#include "service/analysis_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>

#include "base/ascii_case.hpp"
#include "base/json.hpp"
#include "service/own_vectors.hpp"
#include "store/unit_vector.hpp"

namespace asterism::service {
namespace {

constexpr std::string_view kEmbeddingColumn = "embedding";  // of `asterism embed`
constexpr std::string_view kVectorColumn = "vector";        // of `asterism collection export`
constexpr std::string_view kContentColumn = "content";
// Rows between two looks at the cancel flag.
constexpr std::size_t kRowsPerLook = 1024;

bool ends_with_any(const std::string& path, std::initializer_list<std::string_view> ends) {
  const std::string lower = ascii_lower(path);
  return std::ranges::any_of(ends, [&](std::string_view end) { return lower.ends_with(end); });
}

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

// Takes rows one after the other; those without a vector are counted and left out.
class RowCollector {
 public:
  RowCollector(const AnalysisRowsRequest& request, AnalysisRows& out) : request_(request), out_(out) {
    for (const std::string& name : request.columns) {
      out_.columns.push_back({.name = name, .values = {}});
    }
  }

  struct Given {
    std::string id;         // may be empty
    bool is_own_id = true;  // not a place in a file
    std::vector<float> vector;
    std::string text;
    std::vector<std::optional<std::string>> cells;  // in the order of the columns
  };

  Result<void> take(Given row) {
    const std::uint64_t number = number_++;
    if (number % kRowsPerLook == 0 && cancelled()) {
      return fail(ErrorCode::kCancelled, fmt::format("{}: stopped while reading", shown_location(request_.input)));
    }
    if (row.vector.empty() || !all_finite(row.vector)) {
      ++out_.left_out_count;
      return {};
    }
    if (out_.dim != 0 && row.vector.size() != out_.dim) {
      return fail(ErrorCode::kMismatch, fmt::format("{}: row {}: expected a vector of {} values, found {}",
                                                    request_.input, number, out_.dim, row.vector.size()));
    }
    out_.dim = row.vector.size();
    values_.insert(values_.end(), row.vector.begin(), row.vector.end());
    take_beside(number, std::move(row));
    return {};
  }

  // What stands beside the vector.
  void take_beside(std::uint64_t number, Given row) {
    out_.numbers.push_back(number);
    out_.has_ids = (out_.numbers.size() == 1 || out_.has_ids) && row.is_own_id && !row.id.empty();
    out_.ids.push_back(row.id.empty() ? std::to_string(number) : std::move(row.id));
    if (request_.texts) {
      out_.texts.push_back(std::move(row.text));
    }
    for (std::size_t c = 0; c < row.cells.size(); ++c) {
      out_.columns[c].values.push_back(std::move(row.cells[c]));
    }
  }

  // Puts the vectors taken in place.
  void finish() {
    const auto kept = std::make_shared<const std::vector<float>>(std::move(values_));
    out_.row_count = out_.numbers.size();
    out_.values = Tensor(DType::kF32, {static_cast<std::int64_t>(out_.row_count), static_cast<std::int64_t>(out_.dim)},
                         std::as_bytes(std::span(*kept)), kept);
  }

 private:
  bool cancelled() const { return request_.collection.cancel != nullptr && request_.collection.cancel->requested(); }

  const AnalysisRowsRequest& request_;
  AnalysisRows& out_;
  std::vector<float> values_;
  std::uint64_t number_ = 0;
};

// Reads the rows of a table or of lines of text, all columns as text.
class CellReader {
 public:
  static Result<CellReader> open(const AnalysisRowsRequest& request, const std::string& path, TextFormat format,
                                 std::vector<std::string> names) {
    const CancelFlag* cancel = request.collection.cancel;
    TextReaderOptions options{.inputs = {path}, .format = format, .interrupted = [cancel] {
                                return cancel != nullptr && cancel->requested();
                              }};
    options.columns.names = std::move(names);
    auto reader = open_text_reader(std::move(options));
    return reader ? Result<CellReader>(CellReader(*std::move(reader))) : std::unexpected(std::move(reader.error()));
  }

  // Nothing at the end; a row that cannot be read is an error.
  Result<std::optional<Row>> next() {
    auto row = reader_->next();
    if (row && *row && (*row)->error) {
      return std::unexpected(*(*row)->error);
    }
    return row;
  }

 private:
  explicit CellReader(std::unique_ptr<RowReader> reader) : reader_(std::move(reader)) {}
  std::unique_ptr<RowReader> reader_;
};

// "[0.1,2]"; nothing where it is no list of numbers.
std::optional<std::vector<float>> parse_vector(std::string_view text) {
  std::vector<float> values;
  if (!text.starts_with('[') || !text.ends_with(']')) {
    return std::nullopt;
  }
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size() - 1;
  while (at < end) {
    float value = 0.0F;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error == std::errc::result_out_of_range) {
      value = std::numeric_limits<float>::infinity();
    } else if (error != std::errc{}) {
      return std::nullopt;
    }
    if (next != end && *next != ',') {
      return std::nullopt;
    }
    values.push_back(value);
    at = next + 1;
  }
  return values;
}

Result<void> read_jsonl(const AnalysisRowsRequest& request, RowCollector& collector) {
  const bool own_texts = request.texts && request.texts_file.empty();
  std::vector<std::string> names{std::string(kEmbeddingColumn), std::string(kVectorColumn), "id",
                                 std::string(kContentColumn),
                                 request.text_column.empty() ? std::string(kTextColumn) : request.text_column};
  if (request.texts_file.empty()) {
    names.insert(names.end(), request.columns.begin(), request.columns.end());
  }
  auto reader = CellReader::open(request, request.input, TextFormat::kJsonl, names);
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  for (;;) {
    auto row = reader->next();
    if (!row) {
      return std::unexpected(std::move(row.error()));
    }
    if (!*row) {
      return {};
    }
    auto& cells = (*row)->payload.cells;
    RowCollector::Given given{.id = cells[2].value_or(""), .vector = {}, .text = {}, .cells = {}};
    if (const auto& cell = cells[0] ? cells[0] : cells[1]) {
      auto vector = parse_vector(*cell);
      if (!vector) {
        return fail(ErrorCode::kCorrupt, fmt::format("{}:{}: expected a list of numbers as \"{}\", found '{:.40}'",
                                                     request.input, (*row)->line, names[cells[0] ? 0 : 1], *cell));
      }
      given.vector = *std::move(vector);
    }
    if (own_texts) {
      const bool content = !cells[4] && request.text_column.empty();
      given.text = (content ? cells[3] : cells[4]).value_or("");
    }
    given.cells.assign(std::make_move_iterator(cells.begin() + 5), std::make_move_iterator(cells.end()));
    if (auto taken = collector.take(std::move(given)); !taken) {
      return taken;
    }
  }
}

// The value at a path of an object, as text: "maker.country" as it stands, else step by step.
std::optional<std::string> value_at(const Json& object, std::string_view path) {
  if (!object.is_object()) {
    return std::nullopt;
  }
  if (const auto found = object.find(path); found != object.end()) {
    if (found->is_null()) {
      return std::nullopt;
    }
    return found->is_string() ? found->get<std::string>() : found->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  const auto dot = path.find('.');
  const auto inner = dot == std::string_view::npos ? object.end() : object.find(path.substr(0, dot));
  return inner == object.end() ? std::nullopt : value_at(*inner, path.substr(dot + 1));
}

Result<void> read_collection(const AnalysisRowsRequest& request, RowCollector& collector, AnalysisRows& out) {
  CollectionTarget target = request.collection;
  target.location = request.input;
  const auto collection = open_for_reading(target);
  if (!collection) {
    return std::unexpected(collection.error());
  }
  out.collection = collection->settings();
  const bool own_columns = request.texts_file.empty();
  const bool texts = request.texts && own_columns;
  const bool metadata = own_columns && (!request.columns.empty() || (texts && !request.text_column.empty()));
  const ItemParts parts{.metadata = metadata, .content = texts, .data = false, .vector = true};
  return collection->scan(request.filter, parts, [&](Item&& item) -> Result<void> {
    RowCollector::Given given{.id = std::move(item.id), .vector = std::move(item.vector), .text = {}, .cells = {}};
    Json object;
    if (metadata) {
      auto parsed = parse_json(item.metadata, given.id);
      if (!parsed) {
        return std::unexpected(std::move(parsed.error()));
      }
      object = *std::move(parsed);
      for (const std::string& name : request.columns) {
        given.cells.push_back(value_at(object, name));
      }
    }
    if (texts && !request.text_column.empty()) {
      given.text = value_at(object, request.text_column).value_or("");
    } else if (texts && item.kind == asterism::ItemKind::kText) {
      given.text = std::move(item.content);
    }
    return collector.take(std::move(given));
  });
}

struct IdBeside {
  std::string id;
  bool is_own = false;
};

// Ids that `asterism embed` wrote beside an array: the row's own, or where it came from.
std::vector<IdBeside> ids_beside(const AnalysisRowsRequest& request, std::size_t row_count) {
  const std::string path = request.input + ".rows.jsonl";
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return {};
  }
  auto reader = CellReader::open(request, path, TextFormat::kJsonl, {"row", "id", "source", "line"});
  std::vector<IdBeside> ids;
  while (reader) {
    auto row = reader->next();
    if (!row) {
      return {};
    }
    if (!*row) {
      break;
    }
    const auto& cells = (*row)->payload.cells;
    if (cells[0]) {  // the last line sums up
      const std::string source = cells[2].value_or("");
      ids.push_back({.id = cells[1]   ? *cells[1]
                           : cells[3] ? fmt::format("{}:{}", source, *cells[3])
                                      : source,
                     .is_own = cells[1].has_value()});
    }
  }
  // Of another array.
  return ids.size() == row_count ? ids : std::vector<IdBeside>{};
}

Result<void> read_array(const AnalysisRowsRequest& request, RowCollector& collector, AnalysisRows& out) {
  const auto vectors = OwnVectors::open(request.input, request.tensor_name);
  if (!vectors) {
    return std::unexpected(vectors.error());
  }
  if (!request.columns.empty() && request.texts_file.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: an array has no column '{}'", request.input, request.columns.front()),
                "name the file that has the columns, a row for each vector (--texts FILE)");
  }
  const Tensor rows = vectors->rows();
  const std::size_t dim = vectors->dim();
  const RowsView view{.values = rows.as<float>(), .row_count = vectors->row_count(), .dim = dim};
  std::vector<IdBeside> ids = ids_beside(request, view.row_count);
  ids.resize(view.row_count);
  const bool whole = all_finite(view.values);
  for (std::size_t r = 0; r < view.row_count; ++r) {
    RowCollector::Given given{
        .id = std::move(ids[r].id), .is_own_id = ids[r].is_own, .vector = {}, .text = {}, .cells = {}};
    if (whole) {
      collector.take_beside(r, std::move(given));
      continue;
    }
    given.vector.assign(view.row(r).begin(), view.row(r).end());
    if (auto taken = collector.take(std::move(given)); !taken) {
      return taken;
    }
  }
  if (whole) {
    out.dim = dim;
    out.row_count = view.row_count;
    out.values = rows;
  }
  return {};
}

// Texts and columns of a file whose rows are those of the input, those left out included.
Result<void> read_texts_file(const AnalysisRowsRequest& request, AnalysisRows& out) {
  const TextFormat format = text_format_of(request.texts_file, request.texts_format);
  const bool lines = format == TextFormat::kLines;
  if (lines && !request.columns.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: lines of text have no column '{}'", request.texts_file, request.columns.front()));
  }
  std::vector<std::string> names = request.columns;
  if (request.texts) {
    names.push_back(request.text_column.empty() ? std::string(kTextColumn) : request.text_column);
  }
  auto reader = CellReader::open(request, request.texts_file, format, lines ? std::vector<std::string>{} : names);
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const std::uint64_t expected_count = out.row_count + out.left_out_count;
  std::uint64_t number = 0;
  std::size_t kept = 0;
  for (;; ++number) {
    auto row = reader->next();
    if (!row) {
      return std::unexpected(std::move(row.error()));
    }
    if (!*row) {
      break;
    }
    if (kept == out.row_count || out.numbers[kept] != number) {
      continue;
    }
    auto& cells = (*row)->payload.cells;
    for (std::size_t c = 0; c < request.columns.size(); ++c) {
      out.columns[c].values.push_back(std::move(cells[c]));
    }
    if (request.texts) {
      out.texts[kept] = lines ? std::move((*row)->payload.bytes) : cells.back().value_or("");
    }
    ++kept;
  }
  if (number != expected_count) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected {} rows, one for each vector of {}, found {}",
                                                  request.texts_file, expected_count, request.input, number));
  }
  return {};
}

Result<void> expect_columns(const AnalysisRowsRequest& request, const AnalysisRows& rows) {
  for (const AnalysisColumn& column : rows.columns) {
    if (std::ranges::none_of(column.values, [](const auto& value) { return value.has_value(); })) {
      return fail(
          ErrorCode::kNotFound,
          fmt::format("{}: no row has a column '{}'",
                      request.texts_file.empty() ? shown_location(request.input) : request.texts_file, column.name));
    }
  }
  return {};
}

Result<void> read_input(const AnalysisRowsRequest& request, AnalysisRows& out) {
  RowCollector collector(request, out);
  Result<void> read;
  if (ends_with_any(request.input, {".npy", ".safetensors"})) {
    read = read_array(request, collector, out);
  } else if (ends_with_any(request.input, {".jsonl", ".ndjson"})) {
    read = read_jsonl(request, collector);
  } else {
    if (!is_collection_input(request.input)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected vectors (.npy, .safetensors, .jsonl) or a collection", request.input),
                  "asterism embed FILE -o vectors.npy");
    }
    read = read_collection(request, collector, out);
  }
  if (read && out.values.element_count() == 0) {
    collector.finish();
  }
  return read;
}

}  // namespace

bool is_vector_jsonl(const std::string& input) {
  if (!ends_with_any(input, {".jsonl", ".ndjson"})) {
    return false;
  }
  auto reader = CellReader::open({.input = input}, input, TextFormat::kJsonl,
                                 {std::string(kEmbeddingColumn), std::string(kVectorColumn)});
  for (std::size_t row_count = 0; reader && row_count < kRowsPerLook; ++row_count) {
    const auto row = reader->next();
    if (!row || !*row) {
      return false;
    }
    for (const auto& cell : (*row)->payload.cells) {
      if (cell) {
        return parse_vector(*cell).has_value();
      }
    }
  }
  return false;
}

bool is_collection_input(const std::string& input) {
  std::error_code ignored;
  return !ends_with_any(input, {".npy", ".safetensors", ".jsonl", ".ndjson"}) &&
         !std::filesystem::is_regular_file(input, ignored);
}

Result<AnalysisRows> open_analysis_rows(const AnalysisRowsRequest& request) {
  AnalysisRows out;
  if (auto read = read_input(request, out); !read) {
    return std::unexpected(std::move(read.error()));
  }
  if (out.row_count == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected rows with vectors, found none{}", shown_location(request.input),
                            out.left_out_count == 0 ? "" : fmt::format(" among {} rows", out.left_out_count)));
  }
  if (!request.texts_file.empty()) {
    if (auto read = read_texts_file(request, out); !read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  if (auto there = expect_columns(request, out); !there) {
    return std::unexpected(std::move(there.error()));
  }
  return out;
}

Metric compared_metric(const AnalysisRows& rows, std::optional<Metric> asked) {
  const Metric metric = asked.value_or(rows.collection ? rows.collection->metric : Metric::kCosine);
  return metric == Metric::kEuclidean ? metric : Metric::kCosine;
}

RowsView compared_rows(const AnalysisRows& rows, Metric metric, std::vector<float>& scaled) {
  if (metric == Metric::kEuclidean) {
    return rows.view();
  }
  const auto values = rows.view().values;
  scaled.assign(values.begin(), values.end());
  for (std::size_t r = 0; r < rows.row_count; ++r) {
    make_unit(std::span(scaled).subspan(r * rows.dim, rows.dim));
  }
  return {.values = scaled, .row_count = rows.row_count, .dim = rows.dim};
}

}  // namespace asterism::service
