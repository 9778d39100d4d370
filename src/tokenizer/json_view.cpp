#include "tokenizer/json_view.hpp"

#include <algorithm>
#include <utility>

#include "base/json.hpp"

namespace asterism::tok {
namespace {

constexpr std::size_t kFoundSizeMax = 60;

std::string_view type_word(const simdjson::dom::element& value) {
  switch (value.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "an array";
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    default:
      return {};
  }
}

}  // namespace

std::string JsonView::place() const {
  return path_.empty() ? std::string(source_) : fmt::format("{}: {}", source_, path_);
}

std::string JsonView::found() const {
  if (const std::string_view word = type_word(value_); !word.empty()) {
    return std::string(word);
  }
  std::string text = simdjson::minify(value_);
  if (text.size() > kFoundSizeMax) {
    text = text.substr(0, kFoundSizeMax) + "...";
  }
  return text;
}

JsonView JsonView::child(simdjson::dom::element value, std::string_view key) const {
  return {value, source_, path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key)};
}

std::unexpected<Error> JsonView::wrong(std::string_view expected) const {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: expected {}, found {}", place(), expected, found()));
}

std::unexpected<Error> JsonView::unsupported(std::string_view supported) const {
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: {} is not supported, expected {}", place(), found(), supported));
}

Result<std::string_view> JsonView::as_string() const {
  std::string_view text;
  if (value_.get(text) != simdjson::SUCCESS) {
    return wrong("a string");
  }
  return text;
}

Result<bool> JsonView::as_bool() const {
  bool flag = false;
  if (value_.get(flag) != simdjson::SUCCESS) {
    return wrong("true or false");
  }
  return flag;
}

Result<std::int64_t> JsonView::as_integer(std::int64_t min, std::int64_t max) const {
  std::int64_t number = 0;
  if (!(value_.is_int64() || value_.is_uint64()) || value_.get(number) != simdjson::SUCCESS || number < min ||
      number > max) {
    return wrong(fmt::format("an integer from {} to {}", min, max));
  }
  return number;
}

Result<double> JsonView::as_number() const {
  double number = 0;
  if (!value_.is_number() || value_.get(number) != simdjson::SUCCESS) {
    return wrong("a number");
  }
  return number;
}

Result<std::vector<JsonView>> JsonView::as_array() const {
  simdjson::dom::array array;
  if (value_.get(array) != simdjson::SUCCESS) {
    return wrong("an array");
  }
  std::vector<JsonView> items;
  for (const simdjson::dom::element item : array) {
    items.emplace_back(item, source_, fmt::format("{}[{}]", path_, items.size()));
  }
  return items;
}

Result<std::vector<std::pair<std::string_view, JsonView>>> JsonView::as_object() const {
  simdjson::dom::object object;
  if (value_.get(object) != simdjson::SUCCESS) {
    return wrong("an object");
  }
  std::vector<std::pair<std::string_view, JsonView>> members;
  for (const auto [key, value] : object) {
    members.emplace_back(key, child(value, key));
  }
  return members;
}

Result<std::optional<JsonView>> JsonView::find(std::string_view key) const {
  simdjson::dom::object object;
  if (value_.get(object) != simdjson::SUCCESS) {
    return wrong("an object");
  }
  simdjson::dom::element value;
  if (object.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) {
    return std::optional<JsonView>{};
  }
  return std::optional<JsonView>{child(value, key)};
}

Result<JsonView> JsonView::get(std::string_view key) const {
  auto found_value = find(key);
  if (!found_value) {
    return std::unexpected(found_value.error());
  }
  if (!*found_value) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\" is missing", place(), key));
  }
  return std::move(**found_value);
}

Result<std::string_view> JsonView::get_string(std::string_view key) const {
  const auto value = get(key);
  return value ? value->as_string() : std::unexpected(value.error());
}

Result<bool> JsonView::get_bool(std::string_view key) const {
  const auto value = get(key);
  return value ? value->as_bool() : std::unexpected(value.error());
}

Result<std::int64_t> JsonView::get_integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  const auto value = get(key);
  return value ? value->as_integer(min, max) : std::unexpected(value.error());
}

Result<std::vector<JsonView>> JsonView::get_array(std::string_view key) const {
  const auto value = get(key);
  return value ? value->as_array() : std::unexpected(value.error());
}

Result<std::optional<bool>> JsonView::find_bool(std::string_view key) const {
  auto value = find(key);
  if (!value) {
    return std::unexpected(value.error());
  }
  if (!*value) {
    return std::optional<bool>{};
  }
  auto flag = (*value)->as_bool();
  if (!flag) {
    return std::unexpected(flag.error());
  }
  return std::optional<bool>{*flag};
}

Result<void> JsonView::expect_only(std::initializer_list<std::string_view> known) const {
  simdjson::dom::object object;
  if (value_.get(object) != simdjson::SUCCESS) {
    return wrong("an object");
  }
  std::vector<std::string> unknown;
  for (const auto [key, value] : object) {
    if (std::ranges::find(known, key) == known.end()) {
      unknown.push_back(fmt::format("\"{}\"", key));
    }
  }
  if (unknown.empty()) {
    return {};
  }
  return fail(ErrorCode::kUnsupported, fmt::format("{}: unknown {}, expected only \"{}\"", place(),
                                                   fmt::join(unknown, ", "), fmt::join(known, "\", \"")));
}

Result<JsonDocument> JsonDocument::parse(std::string_view text, std::string_view source) {
  if (text.size() > kJsonFileSizeBytesMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: {} bytes of JSON, expected at most {}", source, text.size(), kJsonFileSizeBytesMax));
  }
  JsonDocument document;
  document.source_ = source;
  document.parser_ = std::make_unique<simdjson::dom::parser>();
  if (document.parser_->allocate(text.size(), static_cast<std::size_t>(kJsonDepthMax)) != simdjson::SUCCESS) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: no memory to parse {} bytes of JSON", source, text.size()));
  }
  const simdjson::padded_string padded(text);
  const auto error = document.parser_->parse(padded).get(document.root_);
  if (error == simdjson::DEPTH_ERROR) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: JSON nested deeper than {} levels", source, kJsonDepthMax));
  }
  if (error != simdjson::SUCCESS) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected JSON, found: {}", source, simdjson::error_message(error)));
  }
  return document;
}

}  // namespace asterism::tok
