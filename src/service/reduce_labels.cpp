#include "service/reduce_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "analysis/estimator_method.hpp"
#include "base/file.hpp"
#include "weights/npy.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kLabelFileSizeBytesMax = std::size_t{1} << 30;

using Names = std::vector<std::optional<std::string>>;

// The file's values may lie at any address.
template <typename T>
std::vector<T> copy_of(const Tensor& values) {
  std::vector<T> out(values.element_count());
  std::ranges::copy(values.bytes(), std::as_writable_bytes(std::span(out)).begin());
  return out;
}

template <typename T>
Result<std::vector<std::int32_t>> classes_of(const Tensor& values, const std::string& path) {
  std::vector<std::int32_t> out;
  for (const T value : copy_of<T>(values)) {
    const auto wide = static_cast<std::int64_t>(value);
    if (wide > std::numeric_limits<std::int32_t>::max()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected classes up to {}, found {}", path,
                                                           std::numeric_limits<std::int32_t>::max(), wide));
    }
    out.push_back(wide < 0 ? kNoLabel : static_cast<std::int32_t>(wide));
  }
  return out;
}

Result<std::vector<std::int32_t>> read_array(const std::string& path) {
  const auto values = read_npy(path);
  if (!values) {
    return std::unexpected(values.error());
  }
  if (values->shape().size() == 1) {
    switch (values->dtype()) {
      case DType::kI64:
        return classes_of<std::int64_t>(*values, path);
      case DType::kI32:
        return classes_of<std::int32_t>(*values, path);
      case DType::kI16:
        return classes_of<std::int16_t>(*values, path);
      case DType::kI8:
        return classes_of<std::int8_t>(*values, path);
      case DType::kU8:
      case DType::kBool:
        return classes_of<std::uint8_t>(*values, path);
      default:
        break;
    }
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected whole numbers of shape [rows], found {} {}", path,
                                                       dtype_name(values->dtype()), shape_to_string(values->shape())));
}

template <typename T>
std::vector<float> numbers_of(const Tensor& values) {
  const std::vector<T> copy = copy_of<T>(values);
  return {copy.begin(), copy.end()};
}

Result<std::vector<float>> read_number_array(const std::string& path) {
  const auto values = read_npy(path);
  if (!values) {
    return std::unexpected(values.error());
  }
  if (values->shape().size() == 1) {
    switch (values->dtype()) {
      case DType::kF32:
        return numbers_of<float>(*values);
      case DType::kF64:
        return numbers_of<double>(*values);
      case DType::kI64:
        return numbers_of<std::int64_t>(*values);
      case DType::kI32:
        return numbers_of<std::int32_t>(*values);
      default:
        break;
    }
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected numbers of shape [rows], found {} {}", path,
                                                       dtype_name(values->dtype()), shape_to_string(values->shape())));
}

// Of each text its number, NaN for none.
Result<std::vector<float>> numbers_by_text(const Names& texts, const std::string& source) {
  std::vector<float> out;
  for (std::size_t row = 0; row < texts.size(); ++row) {
    float value = std::numeric_limits<float>::quiet_NaN();
    if (const auto& text = texts[row]) {
      const char* const end = text->data() + text->size();
      const auto [next, error] = std::from_chars(text->data(), end, value);
      if (error != std::errc{} || next != end || !std::isfinite(value)) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{}: row {}: expected a number or nothing, found '{:.40}'", source, row, *text),
                    "--labels learns from classes");
      }
    }
    out.push_back(value);
  }
  return out;
}

Result<Names> read_lines(const std::string& path) {
  const auto text = read_file(path, kLabelFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  Names names;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    std::string line = text->substr(begin, end - begin);
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    names.push_back(line.empty() ? std::nullopt : std::optional(std::move(line)));
    begin = end + 1;
  }
  return names;
}

std::vector<std::int32_t> classes_by_name(const Names& names) {
  std::map<std::string_view, std::int32_t> classes;
  for (const auto& name : names) {
    if (name) {
      classes.emplace(*name, 0);
    }
  }
  std::int32_t next = 0;
  for (auto& [name, number] : classes) {
    number = next++;
  }
  std::vector<std::int32_t> out;
  for (const auto& name : names) {
    out.push_back(name ? classes.at(*name) : kNoLabel);
  }
  return out;
}

// Of all rows of the input, those with a vector.
template <typename T>
Result<std::vector<T>> kept_rows(const std::vector<T>& all, const std::string& path, const AnalysisRows& rows) {
  if (all.size() != rows.row_count + rows.left_out_count) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected a label for each of {} rows, found {}", path,
                                                  rows.row_count + rows.left_out_count, all.size()));
  }
  std::vector<T> out;
  for (const std::uint64_t number : rows.numbers) {
    out.push_back(all[number]);
  }
  return out;
}

// `what` names the option in the error.
Result<const Names*> column_of(const AnalysisRows& rows, const std::string& name, std::string_view what) {
  const auto found = std::ranges::find(rows.columns, name, &AnalysisColumn::name);
  if (found == rows.columns.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: there is no column '{}'", what, name));
  }
  return &found->values;
}

}  // namespace

bool is_label_file(const std::string& labels) {
  std::error_code ignored;
  return labels.ends_with(".npy") || std::filesystem::is_regular_file(labels, ignored);
}

Result<std::vector<std::int32_t>> read_labels(const std::string& labels, const AnalysisRows& rows) {
  if (!is_label_file(labels)) {
    const auto column = column_of(rows, labels, "labels");
    return column ? Result<std::vector<std::int32_t>>(classes_by_name(**column)) : std::unexpected(column.error());
  }
  if (labels.ends_with(".npy")) {
    const auto all = read_array(labels);
    return all ? kept_rows(*all, labels, rows) : all;
  }
  const auto all = read_lines(labels);
  if (!all) {
    return std::unexpected(all.error());
  }
  const auto kept = kept_rows(*all, labels, rows);
  return kept ? Result<std::vector<std::int32_t>>(classes_by_name(*kept)) : std::unexpected(kept.error());
}

Result<std::vector<float>> read_targets(const std::string& targets, const AnalysisRows& rows) {
  if (!is_label_file(targets)) {
    const auto column = column_of(rows, targets, "targets");
    return column ? numbers_by_text(**column, targets) : std::unexpected(column.error());
  }
  if (targets.ends_with(".npy")) {
    const auto all = read_number_array(targets);
    return all ? kept_rows(*all, targets, rows) : all;
  }
  const auto all = read_lines(targets);
  if (!all) {
    return std::unexpected(all.error());
  }
  const auto numbers = numbers_by_text(*all, targets);
  return numbers ? kept_rows(*numbers, targets, rows) : numbers;
}

}  // namespace asterism::service
