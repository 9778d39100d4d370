#include "store/filter_matcher.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <compare>
#include <cstring>
#include <utility>
#include <vector>

#include "store/filter_like.hpp"

namespace asterism {
namespace {

namespace ondemand = simdjson::ondemand;

// What a path leads to. Arrays are read where they are asked about.
struct Other {};  // an array or an object
using Value = std::variant<std::monostate, Other, bool, std::int64_t, double, std::string_view>;

// Order of an integer and a double as numbers: neither is rounded to the other.
std::partial_ordering compare(std::int64_t a, double b) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (b >= kTwoTo63) {
    return std::partial_ordering::less;
  }
  if (b < -kTwoTo63) {
    return std::partial_ordering::greater;
  }
  const double whole = std::trunc(b);
  const std::partial_ordering order = a <=> static_cast<std::int64_t>(whole);
  return order != 0 ? order : 0.0 <=> b - whole;
}

// Unordered where the kinds differ.
std::partial_ordering compare(const Value& a, const FilterLiteral& b) {
  if (const auto* text = std::get_if<std::string_view>(&a)) {
    const auto* other = std::get_if<std::string>(&b);
    return other == nullptr ? std::partial_ordering::unordered : text->compare(*other) <=> 0;
  }
  if (const auto* truth = std::get_if<bool>(&a)) {
    const auto* other = std::get_if<bool>(&b);
    return other == nullptr ? std::partial_ordering::unordered
                            : std::partial_ordering(static_cast<int>(*truth) <=> static_cast<int>(*other));
  }
  const auto* a_integer = std::get_if<std::int64_t>(&a);
  const auto* a_real = std::get_if<double>(&a);
  const auto* b_integer = std::get_if<std::int64_t>(&b);
  const auto* b_real = std::get_if<double>(&b);
  if (a_integer != nullptr) {
    return b_integer != nullptr ? *a_integer <=> *b_integer
           : b_real != nullptr  ? compare(*a_integer, *b_real)
                                : std::partial_ordering::unordered;
  }
  if (a_real != nullptr) {
    return b_real != nullptr      ? *a_real <=> *b_real
           : b_integer != nullptr ? 0 <=> compare(*b_integer, *a_real)
                                  : std::partial_ordering::unordered;
  }
  return std::partial_ordering::unordered;
}

bool is_scalar(const Value& value) {
  return !std::holds_alternative<std::monostate>(value) && !std::holds_alternative<Other>(value);
}

// Numbers as SQLite reads them: an integer that does not fit 64 bits is a double.
Value number_value(std::string_view token) {
  const char* last = token.data() + token.size();
  std::int64_t integer = 0;
  if (const auto read = std::from_chars(token.data(), last, integer); read.ec == std::errc() && read.ptr == last) {
    return integer;
  }
  double real = 0;
  std::from_chars(token.data(), last, real);
  return real;
}

std::string_view without_blanks_after(std::string_view token) {
  const std::size_t last = token.find_last_not_of(" \t\r\n");
  return token.substr(0, last + 1);
}

}  // namespace

struct FilterMatcher::State {
  explicit State(FilterExpression filter) : expression(std::move(filter)) { collect_patterns(expression); }

  FilterExpression expression;
  // One for each `like`, by its node.
  std::vector<std::pair<const FilterNode*, LikePattern>> patterns;
  std::vector<char> buffer;  // metadata and the padding that simdjson reads past it
  std::size_t metadata_size_bytes = 0;
  ondemand::parser parser;
  ondemand::document document;
  bool is_open = false;
  // What went wrong in reading the metadata.
  simdjson::error_code error = simdjson::SUCCESS;

  void collect_patterns(const FilterExpression& filter);
  void open();
  // Leaves `found` at the path; false when nothing is there.
  bool find(const FilterPath& path, ondemand::value& found);
  Value scalar(ondemand::value& value);
  Value operand(const FilterOperand& operand, const ItemFields& item);
  bool evaluate(const FilterExpression& filter, const ItemFields& item);
  bool predicate(const FilterNode& node, const ItemFields& item);
  bool positive(const FilterNode& node, const Value& value) const;
  bool contains(const FilterNode& node);

  bool failed(simdjson::error_code code) {
    error = code;
    return false;
  }
};

void FilterMatcher::State::collect_patterns(const FilterExpression& filter) {
  const FilterNode& node = filter.node();
  if (node.op == FilterOp::kLike) {
    // The parser took this pattern; a tree made by hand with another matches nothing.
    if (auto pattern = LikePattern::parse(std::get<std::string>(node.values[0]))) {
      patterns.emplace_back(&node, std::move(*pattern));
    }
  }
  for (const FilterExpression& child : node.children) {
    collect_patterns(child);
  }
}

void FilterMatcher::State::open() {
  if (is_open) {
    document.rewind();
    return;
  }
  error = parser.iterate(buffer.data(), metadata_size_bytes, buffer.size()).get(document);
  is_open = error == simdjson::SUCCESS;
}

bool FilterMatcher::State::find(const FilterPath& path, ondemand::value& found) {
  open();
  ondemand::object object;
  if (error != simdjson::SUCCESS) {
    return false;
  }
  if (const auto code = document.get_object().get(object); code != simdjson::SUCCESS) {
    return failed(code);
  }
  if (const auto code = object.find_field_unordered(std::get<std::string>(path.steps[0])).get(found);
      code != simdjson::SUCCESS) {
    return code == simdjson::NO_SUCH_FIELD ? false : failed(code);
  }
  for (std::size_t i = 1; i < path.steps.size(); ++i) {
    ondemand::json_type type{};
    if (const auto code = found.type().get(type); code != simdjson::SUCCESS) {
      return failed(code);
    }
    const auto* index = std::get_if<std::uint32_t>(&path.steps[i]);
    if (type != (index != nullptr ? ondemand::json_type::array : ondemand::json_type::object)) {
      return false;
    }
    const auto code = index != nullptr ? found.get_array().at(*index).get(found)
                                       : found.find_field_unordered(std::get<std::string>(path.steps[i])).get(found);
    if (code != simdjson::SUCCESS) {
      const bool absent = code == simdjson::NO_SUCH_FIELD || code == simdjson::INDEX_OUT_OF_BOUNDS;
      return absent ? false : failed(code);
    }
  }
  return true;
}

Value FilterMatcher::State::scalar(ondemand::value& value) {
  ondemand::json_type type{};
  error = value.type().get(type);
  if (error != simdjson::SUCCESS) {
    return {};
  }
  switch (type) {
    case ondemand::json_type::number:
      return number_value(without_blanks_after(value.raw_json_token()));
    case ondemand::json_type::string: {
      std::string_view text;
      error = value.get_string().get(text);
      return text;
    }
    case ondemand::json_type::boolean: {
      bool truth = false;
      error = value.get_bool().get(truth);
      return truth;
    }
    case ondemand::json_type::null:
      return {};
    default:
      return Other{};
  }
}

Value FilterMatcher::State::operand(const FilterOperand& operand, const ItemFields& item) {
  switch (operand.path.source) {
    case FilterSource::kId:
      return operand.is_length ? Value() : Value(item.id);
    case FilterSource::kKind:
      return operand.is_length ? Value() : Value(item.kind);
    case FilterSource::kContent:
      return operand.is_length || !item.content ? Value() : Value(*item.content);
    case FilterSource::kMetadata:
      break;
  }
  ondemand::value found;
  if (metadata_size_bytes == 0 || !find(operand.path, found)) {
    return {};
  }
  if (!operand.is_length) {
    return scalar(found);
  }
  ondemand::array array;
  std::size_t count = 0;
  if (found.get_array().get(array) != simdjson::SUCCESS) {
    return {};
  }
  error = array.count_elements().get(count);
  return static_cast<std::int64_t>(count);
}

bool FilterMatcher::State::positive(const FilterNode& node, const Value& value) const {
  const auto order = [&](std::size_t i) { return compare(value, node.values[i]); };
  switch (node.op) {
    case FilterOp::kIn:
      return std::ranges::any_of(node.values, [&](const FilterLiteral& wanted) { return compare(value, wanted) == 0; });
    case FilterOp::kLess:
      return order(0) < 0;
    case FilterOp::kLessEqual:
      return order(0) <= 0;
    case FilterOp::kGreater:
      return order(0) > 0;
    case FilterOp::kGreaterEqual:
      return order(0) >= 0;
    case FilterOp::kBetween:
      return order(0) >= 0 && order(1) <= 0;
    case FilterOp::kLike: {
      const auto* text = std::get_if<std::string_view>(&value);
      const auto pattern = std::ranges::find(patterns, &node, &std::pair<const FilterNode*, LikePattern>::first);
      return text != nullptr && pattern != patterns.end() && pattern->second.matches(*text);
    }
    default:
      return false;
  }
}

bool FilterMatcher::State::contains(const FilterNode& node) {
  ondemand::value found;
  ondemand::array array;
  if (node.operand.path.source != FilterSource::kMetadata || metadata_size_bytes == 0 ||
      !find(node.operand.path, found) || found.get_array().get(array) != simdjson::SUCCESS) {
    return false;
  }
  std::vector<bool> seen(node.values.size());
  for (auto item : array) {
    ondemand::value element;
    if (const auto code = item.get(element); code != simdjson::SUCCESS) {
      return failed(code);
    }
    const Value value = scalar(element);
    if (error != simdjson::SUCCESS) {
      return false;
    }
    for (std::size_t i = 0; i < node.values.size(); ++i) {
      seen[i] = seen[i] || compare(value, node.values[i]) == 0;
    }
  }
  const auto is_seen = [](bool s) { return s; };
  return node.op == FilterOp::kContainsAll ? std::ranges::all_of(seen, is_seen) : std::ranges::any_of(seen, is_seen);
}

bool FilterMatcher::State::predicate(const FilterNode& node, const ItemFields& item) {
  if (node.op == FilterOp::kContainsAny || node.op == FilterOp::kContainsAll) {
    return contains(node);
  }
  const Value value = operand(node.operand, item);
  if (node.op == FilterOp::kNull) {
    return std::holds_alternative<std::monostate>(value) != node.negated;
  }
  return is_scalar(value) && positive(node, value) != node.negated;
}

bool FilterMatcher::State::evaluate(const FilterExpression& filter, const ItemFields& item) {
  const FilterNode& node = filter.node();
  switch (node.op) {
    case FilterOp::kAnd:
      return std::ranges::all_of(node.children, [&](const FilterExpression& child) { return evaluate(child, item); });
    case FilterOp::kOr:
      return std::ranges::any_of(node.children, [&](const FilterExpression& child) { return evaluate(child, item); });
    case FilterOp::kNot:
      return !evaluate(node.children[0], item);
    default:
      return error == simdjson::SUCCESS && predicate(node, item);
  }
}

FilterMatcher::FilterMatcher(FilterExpression expression) : state_(std::make_unique<State>(std::move(expression))) {}
FilterMatcher::FilterMatcher(FilterMatcher&&) noexcept = default;
FilterMatcher& FilterMatcher::operator=(FilterMatcher&&) noexcept = default;
FilterMatcher::~FilterMatcher() = default;

Result<bool> FilterMatcher::matches(const ItemFields& item) {
  State& state = *state_;
  state.is_open = false;
  state.error = simdjson::SUCCESS;
  state.metadata_size_bytes = item.metadata.size();
  if (state.buffer.size() < item.metadata.size() + simdjson::SIMDJSON_PADDING) {
    state.buffer.resize(2 * item.metadata.size() + simdjson::SIMDJSON_PADDING);
  }
  if (!item.metadata.empty()) {
    std::memcpy(state.buffer.data(), item.metadata.data(), item.metadata.size());
  }
  const bool matched = state.evaluate(state.expression, item);
  if (state.error != simdjson::SUCCESS) {
    return fail(ErrorCode::kCorrupt, fmt::format("metadata of item '{}': expected a JSON object, found other text: {}",
                                                 item.id, simdjson::error_message(state.error)));
  }
  return matched;
}

}  // namespace asterism
