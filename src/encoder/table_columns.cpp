#include "encoder/table_columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "base/utf8.hpp"

namespace asterism {
namespace {

// Standard deviations from the mean. What lies farther out is a mistake of the table, and would drown all else.
constexpr double kFarthest = 1e6;
// Columns in which fewer pairs of rows differ count less: else the one row that differs would be far from all others.
constexpr double kDifferentMin = 0.1;
constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::size_t kShownSizeMax = 60;

Json to_json(const NumericColumn& column) {
  return {{"name", column.name}, {"mean", column.mean}, {"std", column.std}, {"missing", column.missing}};
}

Json to_json(const CategoricalColumn& column) {
  return {{"name", column.name}, {"values", column.values}, {"counts", column.counts}};
}

std::unexpected<Error> bad_columns(std::string_view source, std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: \"columns\": {}", source, what));
}

Result<NumericColumn> read_numeric(const Json& json, std::string_view source) {
  NumericColumn column;
  const auto name = json_get<std::string>(json, "name", source);
  const auto mean = json_get<double>(json, "mean", source);
  const auto std = json_get<double>(json, "std", source);
  const auto missing = json_find<bool>(json, "missing", source);
  if (!name || !mean || !std || !missing) {
    return std::unexpected(!name ? name.error() : !mean ? mean.error() : !std ? std.error() : missing.error());
  }
  if (!std::isfinite(*mean) || !(*std > 0.0) || !std::isfinite(*std)) {
    return bad_columns(source, fmt::format("\"{}\": expected a mean and a std above 0", *name));
  }
  return NumericColumn{.name = *name, .mean = *mean, .std = *std, .missing = missing->value_or(false)};
}

Result<CategoricalColumn> read_categorical(const Json& json, std::string_view source) {
  const auto name = json_get<std::string>(json, "name", source);
  if (!name) {
    return std::unexpected(name.error());
  }
  CategoricalColumn column{.name = *name, .values = {}, .counts = {}};
  const auto values = json.find("values");
  const auto counts = json.find("counts");
  if (values == json.end() || !values->is_array() || counts == json.end() || !counts->is_array() ||
      counts->size() != values->size() + 1) {
    return bad_columns(source, fmt::format("\"{}\": expected \"values\" and one more of \"counts\"", *name));
  }
  std::set<std::string, std::less<>> seen;
  for (const Json& value : *values) {
    if (!value.is_string() || !seen.insert(value.get<std::string>()).second) {
      return bad_columns(source, fmt::format("\"{}\": expected different texts, found {}", *name, value.dump()));
    }
    column.values.push_back(value.get<std::string>());
  }
  for (const Json& count : *counts) {
    if (!count.is_number_unsigned()) {
      return bad_columns(source, fmt::format("\"{}\": expected counts, found {}", *name, count.dump()));
    }
    column.counts.push_back(count.get<std::int64_t>());
  }
  return column;
}

template <typename Column>
Result<void> read_part(const Json& columns, std::string_view key, std::string_view source, std::vector<Column>& out,
                       Result<Column> (*read)(const Json&, std::string_view)) {
  const auto part = columns.find(key);
  if (part == columns.end() || !part->is_array()) {
    return bad_columns(source, fmt::format("expected the array \"{}\"", key));
  }
  for (const Json& json : *part) {
    if (!json.is_object()) {
      return bad_columns(source, fmt::format("\"{}\": expected objects, found {}", key, json.dump()));
    }
    auto column = read(json, source);
    if (!column) {
      return std::unexpected(column.error());
    }
    out.push_back(*std::move(column));
  }
  return {};
}

// The text as JSON can hold it, so that a value is found again after it was written.
std::string well_formed(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const DecodedChar c = decode_utf8(text, i);
    std::array<char, 4> bytes{};
    out.append(bytes.data(), encode_utf8(c.code_point, bytes.data()));
    i += c.size_bytes;
  }
  return out;
}

}  // namespace

std::vector<std::string> TableColumns::names() const {
  std::vector<std::string> names;
  for (const NumericColumn& column : numeric) {
    names.push_back(column.name);
  }
  for (const CategoricalColumn& column : categorical) {
    names.push_back(column.name);
  }
  return names;
}

std::int64_t TableColumns::numeric_size() const noexcept {
  return static_cast<std::int64_t>(numeric.size()) + std::ranges::count(numeric, true, &NumericColumn::missing);
}

std::vector<std::int64_t> TableColumns::category_sizes() const {
  std::vector<std::int64_t> sizes;
  std::ranges::transform(categorical, std::back_inserter(sizes), &CategoricalColumn::size);
  return sizes;
}

Json to_json(const TableColumns& columns) {
  Json json{{"numeric", Json::array()}, {"categorical", Json::array()}};
  for (const NumericColumn& column : columns.numeric) {
    json["numeric"].push_back(to_json(column));
  }
  for (const CategoricalColumn& column : columns.categorical) {
    json["categorical"].push_back(to_json(column));
  }
  return json;
}

Result<TableColumns> read_table_columns(const Json& config, std::string_view source) {
  const auto found = config.find("columns");
  if (found == config.end() || !found->is_object()) {
    return bad_columns(source, "expected an object");
  }
  TableColumns columns;
  if (auto ok = read_part(*found, "numeric", source, columns.numeric, read_numeric); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = read_part(*found, "categorical", source, columns.categorical, read_categorical); !ok) {
    return std::unexpected(ok.error());
  }
  std::vector<std::string> names = columns.names();
  std::ranges::sort(names);
  if (names.empty() || std::ranges::adjacent_find(names) != names.end()) {
    return bad_columns(source, "expected columns of different names");
  }
  return columns;
}

Result<std::optional<double>> parse_cell(const std::optional<std::string>& cell, std::string_view column) {
  std::string_view text = cell ? std::string_view(*cell) : std::string_view();
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    return std::nullopt;
  }
  text = text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  double value = 0.0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(value)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("column '{}': expected a number, found '{}'", column, text.substr(0, kShownSizeMax)),
                "leave the cell empty where there is none, or take the column as a categorical one");
  }
  return value;
}

TableColumnsFit::TableColumnsFit(std::vector<std::string> numeric, std::vector<std::string> categorical)
    : numeric_names_(std::move(numeric)),
      categorical_names_(std::move(categorical)),
      moments_(numeric_names_.size()),
      counts_(categorical_names_.size()) {}

Result<void> TableColumnsFit::add(std::span<const std::optional<std::string>> cells) {
  std::vector<std::optional<double>> numbers;
  for (std::size_t i = 0; i < numeric_names_.size(); ++i) {
    const auto number = parse_cell(cells[i], numeric_names_[i]);
    if (!number) {
      return std::unexpected(number.error());
    }
    numbers.push_back(*number);
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    Moments& moments = moments_[i];
    if (!numbers[i]) {
      ++moments.missing_count;
      continue;
    }
    ++moments.count;
    const double difference = *numbers[i] - moments.mean;
    moments.mean += difference / static_cast<double>(moments.count);
    moments.square_sum += difference * (*numbers[i] - moments.mean);
  }
  for (std::size_t i = 0; i < categorical_names_.size(); ++i) {
    const auto& cell = cells[numeric_names_.size() + i];
    ++counts_[i][cell ? well_formed(*cell) : std::string()];
  }
  return {};
}

TableColumnsFit::Fitted TableColumnsFit::finish(std::int64_t rare_count_min) const {
  Fitted fitted;
  for (std::size_t i = 0; i < numeric_names_.size(); ++i) {
    const Moments& moments = moments_[i];
    const double std = moments.count > 0 ? std::sqrt(moments.square_sum / static_cast<double>(moments.count)) : 0.0;
    // Rounding leaves a little where all numbers are the same; numbers beyond what can be squared leave no std at all.
    const bool varies = std > 1e-12 * std::abs(moments.mean) && std > 0.0 && std::isfinite(std);
    const bool missing = moments.missing_count > 0 && moments.count > 0;
    if (!varies && !missing) {
      fitted.constant.push_back(numeric_names_[i]);
      continue;
    }
    fitted.columns.numeric.push_back(
        {.name = numeric_names_[i], .mean = moments.mean, .std = varies ? std : 1.0, .missing = missing});
  }
  for (std::size_t i = 0; i < categorical_names_.size(); ++i) {
    CategoricalColumn column{.name = categorical_names_[i], .values = {}, .counts = {}};
    std::vector<std::pair<std::string, std::int64_t>> kept;
    std::int64_t other_count = 0;
    for (const auto& [value, count] : counts_[i]) {
      if (count >= rare_count_min || value.empty()) {
        kept.emplace_back(value, count);
      } else {
        other_count += count;
      }
    }
    if (kept.size() + (other_count > 0 ? 1U : 0U) < 2) {
      fitted.constant.push_back(categorical_names_[i]);
      continue;
    }
    std::ranges::stable_sort(kept, std::ranges::greater{}, &std::pair<std::string, std::int64_t>::second);
    column.counts.push_back(other_count);
    for (auto& [value, count] : kept) {
      column.values.push_back(std::move(value));
      column.counts.push_back(count);
    }
    fitted.columns.categorical.push_back(std::move(column));
  }
  return fitted;
}

ColumnVectors::ColumnVectors(const TableColumns& columns, OneHotScale scale)
    : dim_(static_cast<std::size_t>(columns.numeric_size())) {
  for (const CategoricalColumn& column : columns.categorical) {
    const std::size_t size = std::min(kOneHotSizeMax, static_cast<std::size_t>(column.size()));
    std::vector<double> counts(size);
    double total = 0.0;
    for (std::size_t i = 0; i < column.counts.size(); ++i) {
      counts[i < size ? i : 0] += static_cast<double>(column.counts[i]);
      total += static_cast<double>(column.counts[i]);
    }
    double same = 0.0;  // how likely two rows are to have one value
    for (const double count : counts) {
      same += count / total * (count / total);
    }
    const bool equal = scale == OneHotScale::kEqualColumns;
    scales_.push_back(equal ? static_cast<float>(1.0 / std::sqrt(std::max(kDifferentMin, 1.0 - same))) : 1.0F);
    sizes_.push_back(size);
    dim_ += size;
  }
}

void ColumnVectors::write(std::span<const float> numeric, std::span<const std::int32_t> ids,
                          std::span<float> out) const {
  std::ranges::copy(numeric, out.begin());
  std::ranges::fill(out.subspan(numeric.size()), 0.0F);
  std::size_t begin = numeric.size();
  for (std::size_t c = 0; c < ids.size(); ++c) {
    const auto id = static_cast<std::size_t>(ids[c]);
    out[begin + (id < sizes_[c] ? id : 0)] = scales_[c];
    begin += sizes_[c];
  }
}

TableCoder::TableCoder(TableColumns columns) : columns_(std::move(columns)) {
  for (const CategoricalColumn& column : columns_.categorical) {
    Numbers& numbers = numbers_.emplace_back();
    for (std::size_t i = 0; i < column.values.size(); ++i) {
      numbers.emplace(column.values[i], static_cast<std::int32_t>(i + 1));
    }
  }
}

Result<void> TableCoder::encode(std::span<const std::optional<std::string>> cells, std::span<float> numeric,
                                std::span<std::int32_t> ids) const {
  std::size_t indicator = columns_.numeric.size();
  for (std::size_t i = 0; i < columns_.numeric.size(); ++i) {
    const NumericColumn& column = columns_.numeric[i];
    const auto number = parse_cell(cells[i], column.name);
    if (!number) {
      return std::unexpected(number.error());
    }
    const double value = *number ? (**number - column.mean) / column.std : 0.0;
    if (!(std::abs(value) <= kFarthest)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("column '{}': expected a number like those that were learnt from ({:.6g} +- {:.6g}), "
                              "found {:.6g}",
                              column.name, column.mean, column.std, **number));
    }
    numeric[i] = static_cast<float>(value);
    if (column.missing) {
      numeric[indicator++] = *number ? 0.0F : 1.0F;
    }
  }
  for (std::size_t i = 0; i < numbers_.size(); ++i) {
    const auto& cell = cells[columns_.numeric.size() + i];
    const auto found = numbers_[i].find(cell ? well_formed(*cell) : std::string());
    ids[i] = found == numbers_[i].end() ? 0 : found->second;
  }
  return {};
}

std::vector<std::string> TableCoder::decode(std::span<const float> numeric, std::span<const std::int32_t> ids) const {
  std::vector<std::string> cells;
  std::size_t indicator = columns_.numeric.size();
  for (std::size_t i = 0; i < columns_.numeric.size(); ++i) {
    const NumericColumn& column = columns_.numeric[i];
    const bool missing = column.missing && numeric[indicator++] > 0.5F;
    cells.push_back(missing ? std::string()
                            : fmt::format("{:.5g}", static_cast<double>(numeric[i]) * column.std + column.mean));
  }
  for (std::size_t i = 0; i < columns_.categorical.size(); ++i) {
    const auto& values = columns_.categorical[i].values;
    const std::int32_t id = ids[i];
    cells.push_back(id <= 0 || static_cast<std::size_t>(id) > values.size() ? "(other)"
                                                                            : values[static_cast<std::size_t>(id) - 1]);
  }
  return cells;
}

}  // namespace asterism
