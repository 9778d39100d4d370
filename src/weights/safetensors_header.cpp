#include "weights/safetensors_header.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace asterism {
namespace {

struct DTypeName {
  DType dtype;
  std::string_view name;
};

constexpr std::array<DTypeName, 10> kDTypeNames{{{DType::kF64, "F64"},
                                                 {DType::kF32, "F32"},
                                                 {DType::kF16, "F16"},
                                                 {DType::kBF16, "BF16"},
                                                 {DType::kI64, "I64"},
                                                 {DType::kI32, "I32"},
                                                 {DType::kI16, "I16"},
                                                 {DType::kI8, "I8"},
                                                 {DType::kU8, "U8"},
                                                 {DType::kBool, "BOOL"}}};

// Receives the parser's events. A document tree is not an option: it keeps one of two equal keys without a word.
class HeaderHandler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderHandler(std::string_view source) : source_(source) {}

  SafetensorsHeader take_header() { return std::move(header_); }
  // Set whenever an event was refused or the text did not parse.
  const std::optional<Error>& error() const noexcept { return error_; }

  bool null() override { return unexpected_value("null"); }
  bool boolean(bool) override { return unexpected_value("a boolean"); }
  bool number_integer(number_integer_t value) override { return unexpected_value(fmt::format("{}", value)); }
  bool number_unsigned(number_unsigned_t value) override;
  bool number_float(number_float_t, const string_t& text) override { return unexpected_value(text); }
  bool string(string_t& value) override;
  bool binary(binary_t&) override { return unexpected_value("binary data"); }
  bool start_object(std::size_t) override;
  bool key(string_t& value) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::json::exception& exception) override;

 private:
  // Where in the header the parser is.
  enum class Place { kOutside, kRoot, kMetadata, kTensor, kShape, kOffsets };
  // Which member of a tensor was announced by the last key.
  enum class Field { kNone, kDType, kShape, kOffsets };

  bool refuse(ErrorCode code, std::string what, std::string hint = {});
  bool unexpected_value(std::string_view found);
  std::string_view expected_here() const noexcept;
  bool tensor_key(const std::string& value);
  bool dtype_value(const std::string& value);
  bool finish_tensor();
  // "tensor 'x': " once one is open.
  std::string subject() const;

  std::string_view source_;
  SafetensorsHeader header_;
  std::optional<Error> error_;
  Place place_ = Place::kOutside;
  Field field_ = Field::kNone;
  bool metadata_seen_ = false;
  std::string name_;          // key of the open root member
  std::string metadata_key_;  // key of the open metadata member
  SafetensorsEntry entry_;
  bool dtype_seen_ = false;
  bool shape_seen_ = false;
  bool offsets_seen_ = false;
  std::size_t offset_count_ = 0;
};

std::string HeaderHandler::subject() const {
  if (place_ == Place::kOutside || place_ == Place::kRoot) {
    return {};
  }
  return place_ == Place::kMetadata ? std::string("__metadata__: ") : fmt::format("tensor '{}': ", name_);
}

bool HeaderHandler::refuse(ErrorCode code, std::string what, std::string hint) {
  error_ = Error{code, fmt::format("{}: {}{}", source_, subject(), what), std::move(hint)};
  return false;
}

std::string_view HeaderHandler::expected_here() const noexcept {
  switch (place_) {
    case Place::kOutside:
      return "a JSON object as header";
    case Place::kRoot:
      return "an object for each key";
    case Place::kMetadata:
      return "strings only";
    case Place::kTensor:
      break;
    case Place::kShape:
      return "whole dimensions from 0 to 2^63-1 in \"shape\"";
    case Place::kOffsets:
      return "two byte positions from 0 to 2^64-1 in \"data_offsets\"";
  }
  switch (field_) {
    case Field::kDType:
      return "a string as \"dtype\"";
    case Field::kShape:
      return "an array as \"shape\"";
    default:
      return "an array as \"data_offsets\"";
  }
}

bool HeaderHandler::unexpected_value(std::string_view found) {
  return refuse(ErrorCode::kCorrupt, fmt::format("expected {}, found {}", expected_here(), found));
}

bool HeaderHandler::number_unsigned(number_unsigned_t value) {
  if (place_ == Place::kShape) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return unexpected_value(fmt::format("{}", value));
    }
    entry_.shape.push_back(static_cast<std::int64_t>(value));
    return true;
  }
  if (place_ == Place::kOffsets && offset_count_ < 2) {
    (offset_count_ == 0 ? entry_.begin : entry_.end) = value;
    ++offset_count_;
    return true;
  }
  return unexpected_value(fmt::format("{}", value));
}

bool HeaderHandler::string(string_t& value) {
  if (place_ == Place::kMetadata) {
    header_.metadata.insert_or_assign(metadata_key_, std::move(value));
    return true;
  }
  if (place_ == Place::kTensor && field_ == Field::kDType) {
    return dtype_value(value);
  }
  return unexpected_value("a string");
}

bool HeaderHandler::dtype_value(const std::string& value) {
  const auto dtype = safetensors_dtype(value);
  if (!dtype) {
    return refuse(ErrorCode::kUnsupported,
                  fmt::format("expected dtype F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL, found '{}'", value),
                  "convert the checkpoint to one of these types");
  }
  entry_.dtype = *dtype;
  field_ = Field::kNone;
  return true;
}

bool HeaderHandler::start_object(std::size_t) {
  if (place_ == Place::kOutside) {
    place_ = Place::kRoot;
    return true;
  }
  if (place_ != Place::kRoot) {
    return unexpected_value("an object");
  }
  if (name_ == kSafetensorsMetadataKey) {
    place_ = Place::kMetadata;
    return true;
  }
  place_ = Place::kTensor;
  field_ = Field::kNone;
  entry_ = {};
  dtype_seen_ = shape_seen_ = offsets_seen_ = false;
  offset_count_ = 0;
  return true;
}

bool HeaderHandler::key(string_t& value) {
  switch (place_) {
    case Place::kMetadata:
      metadata_key_ = value;
      if (header_.metadata.contains(value)) {
        return refuse(ErrorCode::kCorrupt, fmt::format("key '{}' is there twice", value));
      }
      return true;
    case Place::kTensor:
      return tensor_key(value);
    default:
      break;
  }
  name_ = value;
  const bool again =
      value == kSafetensorsMetadataKey ? std::exchange(metadata_seen_, true) : header_.entries.contains(value);
  if (again) {
    return refuse(ErrorCode::kCorrupt, fmt::format("'{}' is in the header twice", value));
  }
  return true;
}

bool HeaderHandler::tensor_key(const std::string& value) {
  bool* seen = nullptr;
  if (value == "dtype") {
    seen = &dtype_seen_;
    field_ = Field::kDType;
  } else if (value == "shape") {
    seen = &shape_seen_;
    field_ = Field::kShape;
  } else if (value == "data_offsets") {
    seen = &offsets_seen_;
    field_ = Field::kOffsets;
  } else {
    return refuse(ErrorCode::kCorrupt,
                  fmt::format("expected the keys dtype, shape and data_offsets, found '{}'", value));
  }
  if (std::exchange(*seen, true)) {
    return refuse(ErrorCode::kCorrupt, fmt::format("key '{}' is there twice", value));
  }
  return true;
}

bool HeaderHandler::end_object() {
  if (place_ == Place::kTensor) {
    return finish_tensor();
  }
  place_ = place_ == Place::kMetadata ? Place::kRoot : Place::kOutside;
  return true;
}

bool HeaderHandler::finish_tensor() {
  const std::string_view missing =
      !dtype_seen_ ? "dtype" : (!shape_seen_ ? "shape" : (!offsets_seen_ ? "data_offsets" : ""));
  if (!missing.empty()) {
    return refuse(ErrorCode::kCorrupt, fmt::format("\"{}\" is missing", missing));
  }
  header_.entries.emplace(name_, std::move(entry_));
  place_ = Place::kRoot;
  return true;
}

bool HeaderHandler::start_array(std::size_t) {
  if (place_ == Place::kTensor && field_ == Field::kShape) {
    place_ = Place::kShape;
    return true;
  }
  if (place_ == Place::kTensor && field_ == Field::kOffsets) {
    place_ = Place::kOffsets;
    return true;
  }
  return unexpected_value("an array");
}

bool HeaderHandler::end_array() {
  if (place_ == Place::kOffsets && offset_count_ != 2) {
    return unexpected_value(fmt::format("{}", offset_count_));
  }
  place_ = Place::kTensor;
  field_ = Field::kNone;
  return true;
}

bool HeaderHandler::parse_error(std::size_t, const std::string&, const nlohmann::json::exception& exception) {
  place_ = Place::kOutside;
  return refuse(ErrorCode::kCorrupt, fmt::format("expected a JSON object as header, found {}", exception.what()),
                "the file is damaged or is no safetensors file: download it again");
}

}  // namespace

std::string_view safetensors_dtype_name(DType dtype) noexcept {
  for (const DTypeName& row : kDTypeNames) {
    if (row.dtype == dtype) {
      return row.name;
    }
  }
  return "";
}

std::optional<DType> safetensors_dtype(std::string_view name) noexcept {
  for (const DTypeName& row : kDTypeNames) {
    if (row.name == name) {
      return row.dtype;
    }
  }
  return std::nullopt;
}

Result<SafetensorsHeader> parse_safetensors_header(std::string_view json, std::string_view source) {
  // The parser takes a zero byte for the end of its input, so text behind one would go unread.
  if (json.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a JSON object as header, found a zero byte in it", source));
  }
  HeaderHandler handler(source);
  try {
    if (!nlohmann::json::sax_parse(json.begin(), json.end(), &handler) || handler.error()) {
      return std::unexpected(handler.error().value_or(
          Error{ErrorCode::kCorrupt, fmt::format("{}: the header is no JSON object", source), {}}));
    }
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected a JSON object as header, found {}", source, e.what()));
  }
  return handler.take_header();
}

}  // namespace asterism
