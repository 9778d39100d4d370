// Random filters and metadata that meet: what every way of running a filter is held against.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>

#include "base/json.hpp"
#include "store/filter_expression.hpp"

namespace asterism {

// Scalars of metadata and of filters are drawn from the same few, so that they meet.
inline const std::array kFilterScalars{Json(0),
                                       Json(1),
                                       Json(-1),
                                       Json(7),
                                       Json(1.0),
                                       Json(0.5),
                                       Json(-0.0),
                                       Json(1e308),
                                       Json(-1e308),
                                       Json(5e-324),
                                       Json(0.1),
                                       Json(9007199254740993LL),
                                       Json(9007199254740992.0),
                                       Json(9223372036854775807LL),
                                       Json(-9223372036854775807LL - 1),
                                       Json(9223372036854775808.0),
                                       Json(true),
                                       Json(false),
                                       Json(""),
                                       Json("1"),
                                       Json("1.0"),
                                       Json("a"),
                                       Json("ab"),
                                       Json("A"),
                                       Json("true"),
                                       Json("[1]"),
                                       Json("{}"),
                                       Json("null"),
                                       Json("é"),
                                       Json("日本"),
                                       Json("😀x"),
                                       Json("50%"),
                                       Json("a_b*?[c]"),
                                       Json("it's \"q\""),
                                       Json("back\\slash"),
                                       Json("line\nbreak\ttab"),
                                       Json("\x7f"),
                                       Json(std::string(300, 'z'))};
inline const std::array<std::string, 7> kFilterKeys{"a", "b", "c", "größe", "odd name", "and", "a.b"};
inline const std::array<std::string, 16> kFilterPatterns{
    "%", "_", "a%", "%b", "_b", "%é%", "日_", "😀_", "50\\%", "a\\_b%", "%*%", "%[c]", "%\\\\%", "%'s%", "a%b%c%", ""};

class FilterGenerator {
 public:
  explicit FilterGenerator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t count) { return random_() % count; }
  bool one_in(std::size_t count) { return below(count) == 0; }

  template <typename List>
  const auto& any_of(const List& list) {
    return list[below(list.size())];
  }

  Json value(int depth) {
    switch (below(depth > 0 ? 8 : 5)) {
      case 0:
        return nullptr;
      case 5:
      case 6: {
        Json list = Json::array();
        for (std::size_t i = below(4); i > 0; --i) {
          list.push_back(value(depth - 1));
        }
        return list;
      }
      case 7:
        return object(depth - 1);
      default:
        return any_of(kFilterScalars);
    }
  }

  Json object(int depth) {
    Json members = Json::object();
    for (std::size_t i = below(kFilterKeys.size() + 1); i > 0; --i) {
      members[any_of(kFilterKeys)] = value(depth);
    }
    return members;
  }

  FilterPath path() {
    FilterPath path;
    if (one_in(12)) {
      path.source = any_of(std::array{FilterSource::kId, FilterSource::kKind, FilterSource::kContent});
      return path;
    }
    path.steps.emplace_back(any_of(kFilterKeys));
    while (one_in(3)) {
      if (one_in(2)) {
        path.steps.emplace_back(static_cast<std::uint32_t>(below(3)));
      } else {
        path.steps.emplace_back(any_of(kFilterKeys));
      }
    }
    return path;
  }

  FilterLiteral literal() {
    const Json& scalar = any_of(kFilterScalars);
    if (scalar.is_boolean()) {
      return scalar.get<bool>();
    }
    if (scalar.is_number_integer()) {
      return scalar.get<std::int64_t>();
    }
    return scalar.is_number() ? FilterLiteral(scalar.get<double>()) : FilterLiteral(scalar.get<std::string>());
  }

  FilterLiteral ordered_literal() {
    FilterLiteral value = literal();
    return std::holds_alternative<bool>(value) ? FilterLiteral(std::int64_t{1}) : value;
  }

  FilterNode predicate() {
    FilterNode node;
    node.op = any_of(std::array{FilterOp::kIn, FilterOp::kIn, FilterOp::kLess, FilterOp::kLessEqual, FilterOp::kGreater,
                                FilterOp::kGreaterEqual, FilterOp::kBetween, FilterOp::kLike, FilterOp::kNull,
                                FilterOp::kContainsAny, FilterOp::kContainsAll});
    node.operand.path = path();
    const bool is_contains = node.op == FilterOp::kContainsAny || node.op == FilterOp::kContainsAll;
    node.operand.is_length = !is_contains && one_in(10);
    const bool can_be_negated = node.op == FilterOp::kIn || node.op == FilterOp::kBetween ||
                                node.op == FilterOp::kLike || node.op == FilterOp::kNull;
    node.negated = can_be_negated && one_in(3);
    if (node.op == FilterOp::kLike) {
      node.values.emplace_back(any_of(kFilterPatterns));
    } else if (node.op == FilterOp::kIn || is_contains) {
      for (std::size_t i = one_in(2) ? 1 : below(4); i > 0; --i) {
        node.values.push_back(literal());
      }
    } else if (node.op != FilterOp::kNull) {
      node.values.push_back(ordered_literal());
    }
    while (node.op == FilterOp::kBetween && node.values.size() < 2) {
      FilterLiteral other = ordered_literal();
      if (std::holds_alternative<std::string>(other) == std::holds_alternative<std::string>(node.values[0])) {
        node.values.push_back(std::move(other));
      }
    }
    return node;
  }

  FilterExpression filter(int depth) {
    if (depth == 0 || one_in(2)) {
      return FilterExpression(predicate());
    }
    FilterNode node;
    node.op = any_of(std::array{FilterOp::kAnd, FilterOp::kOr, FilterOp::kNot});
    const std::size_t count = node.op == FilterOp::kNot ? 1 : 2 + below(2);
    while (node.children.size() < count) {
      FilterExpression child = filter(depth - 1);
      // The parser joins these.
      if (child.node().op != node.op || node.op == FilterOp::kNot) {
        node.children.push_back(std::move(child));
      }
    }
    return FilterExpression(std::move(node));
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace asterism
