// A filter over items as a tree: what parse_filter() makes (filter_parser.hpp) and what every way of running a filter
// reads: filter_matcher.hpp in memory, filter_sqlite.hpp, filter_postgres.hpp, filter_milvus.hpp. docs/filters.md says
// the language to users; this header says what a tree means.
//
// A value that a path leads to is nothing, true or false, a number, a text, an array or an object. A missing path and a
// JSON null are both nothing. Booleans, numbers and texts are scalars.
//   * Two-valued: every predicate is true or false, and `not` turns one into the other.
//   * A predicate on nothing is false, and so is a comparison with an array or an object, also when it says "not":
//     `a != 1`, `a not in [1]` and `a not like 'x'` ask for a scalar that is not that. `not (a = 1)` is true of all
//     that `a = 1` is false of, nothing too. Alone kNull is true of nothing.
//   * Scalars of different kinds differ: 1, '1' and true are three values, and only equal kinds are in order. Booleans
//     have no order.
//   * Numbers compare as the numbers they are, a 64-bit integer exactly, against a double too. Integers of JSON outside
//     64 bits are read as doubles. Texts compare by their bytes.
//
// Ownership: values; a tree is immutable and shared by its copies. Thread-safety: const use from any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

// Limits of a filter's text and tree. SQLite's parser has a stack of 100 entries and allows an expression 1,000 levels
// and 32,766 parameters: the last three keep every filter inside them (filter_sqlite_test.cpp tries the largest).
inline constexpr std::size_t kFilterSizeBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kFilterDepthMax = 16;         // nested and, or, not
inline constexpr std::size_t kFilterPredicatesMax = 400;   // comparisons and the like
inline constexpr std::size_t kFilterLiteralsMax = 10'000;  // all lists together
inline constexpr std::size_t kFilterPathStepsMax = 32;
inline constexpr std::size_t kFilterNameSizeBytesMax = 256;
inline constexpr std::uint32_t kFilterArrayIndexMax = 1'000'000;

// What a path starts from: the item's metadata, or a text that the item itself has.
enum class FilterSource : std::uint8_t { kMetadata, kId, kKind, kContent };

// One step into metadata: the key of an object or the place in an array, from 0. A key has no double quote, backslash
// or control character: SQLite 3.40 compares keys as they are spelled in the JSON text.
using FilterStep = std::variant<std::string, std::uint32_t>;

struct FilterPath {
  FilterSource source = FilterSource::kMetadata;
  std::vector<FilterStep> steps;  // at least one for kMetadata, the first one a key; none for the others

  // As a filter spells it: a.b["odd name"][0], $id.
  std::string to_text() const;
  bool operator==(const FilterPath&) const = default;
};

// What a predicate asks about: the value at a path, or the length of the array there (nothing when it is no array).
struct FilterOperand {
  FilterPath path;
  bool is_length = false;
  bool operator==(const FilterOperand&) const = default;
};

// Texts are well-formed UTF-8 without NUL; doubles are finite.
using FilterLiteral = std::variant<bool, std::int64_t, double, std::string>;

enum class FilterOp : std::uint8_t {
  kAnd,           // of two children or more
  kOr,            // of two children or more
  kNot,           // of one child
  kIn,            // equals one of any number of values; `a = 1` has one, a bare path has the value true
  kLess,          // one value, a number or a text, for these four
  kLessEqual,     //
  kGreater,       //
  kGreaterEqual,  //
  kBetween,       // two values of one kind: at least the first and at most the second
  kLike,          // one value: a pattern (filter_like.hpp)
  kNull,          // no value
  kContainsAny,   // an array with an element that equals one of the values
  kContainsAll,   // an array with an element that equals it, for each of the values
};

class FilterExpression;

struct FilterNode {
  FilterOp op = FilterOp::kNull;
  // Of a predicate: a scalar for which it is false. kNull: plainly not. Never set for others.
  bool negated = false;
  FilterOperand operand;
  std::vector<FilterLiteral> values;
  std::vector<FilterExpression> children;

  bool operator==(const FilterNode&) const;
};

class FilterExpression {
 public:
  explicit FilterExpression(FilterNode node) : node_(std::make_shared<const FilterNode>(std::move(node))) {}

  const FilterNode& node() const noexcept { return *node_; }
  // Text that parses to an equal tree, in one spelling.
  std::string to_text() const;
  // Each path once, in the order of the text.
  std::vector<FilterPath> referenced_paths() const;

  bool operator==(const FilterExpression& other) const { return node_ == other.node_ || *node_ == *other.node_; }

 private:
  std::shared_ptr<const FilterNode> node_;
};

// kNotFound naming the first path whose first step is not among `known`, and the name nearest to it. For a collection
// that declares its columns: `known` are those and the top-level keys seen in the data. `subject` begins the message.
Result<void> check_columns(const FilterExpression& expression, std::span<const std::string> known,
                           std::string_view subject = "filter");

// "<", "<=", ">" or ">=": of kLess to kGreaterEqual, in a filter and in both SQLs.
std::string_view order_sign(FilterOp op);

// A literal as a filter spells it. A text is in single quotes, a quote in it doubled; a double always shows that it is
// one.
std::string filter_literal_text(const FilterLiteral& value);

// "did you mean 'price'?" for the word of `known` that is nearest to `found`, or nothing when none is near.
std::string nearest_word_hint(std::string_view found, std::span<const std::string_view> known);

// Whether a name stands in a path without quotes: letters, digits and underscores, no digit first, any character that
// is not ASCII. Keywords need quotes all the same where a path starts.
bool is_plain_filter_name(std::string_view name);

}  // namespace asterism
