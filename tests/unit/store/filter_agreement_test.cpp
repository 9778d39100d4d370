// Random filters over random items: memory and SQLite must take the same ones, and a filter's own text must mean it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "sqlite_judge.hpp"
#include "store/filter_matcher.hpp"
#include "store/filter_parser.hpp"

namespace asterism {
namespace {

constexpr int kItemCount = 120;
constexpr int kFilterCount = 8'000;

// Scalars of metadata and of filters are drawn from the same few, so that they meet.
const std::array kScalars{Json(0),
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
const std::array<std::string, 7> kKeys{"a", "b", "c", "größe", "odd name", "and", "a.b"};
const std::array<std::string, 16> kPatterns{"%",     "_",      "a%",  "%b",   "_b",     "%é%",  "日_",    "😀_",
                                            "50\\%", "a\\_b%", "%*%", "%[c]", "%\\\\%", "%'s%", "a%b%c%", ""};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

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
        return any_of(kScalars);
    }
  }

  Json object(int depth) {
    Json members = Json::object();
    for (std::size_t i = below(kKeys.size() + 1); i > 0; --i) {
      members[any_of(kKeys)] = value(depth);
    }
    return members;
  }

  FilterPath path() {
    FilterPath path;
    if (one_in(12)) {
      path.source = any_of(std::array{FilterSource::kId, FilterSource::kKind, FilterSource::kContent});
      return path;
    }
    path.steps.emplace_back(any_of(kKeys));
    while (one_in(3)) {
      if (one_in(2)) {
        path.steps.emplace_back(static_cast<std::uint32_t>(below(3)));
      } else {
        path.steps.emplace_back(any_of(kKeys));
      }
    }
    return path;
  }

  FilterLiteral literal() {
    const Json& scalar = any_of(kScalars);
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
      node.values.emplace_back(any_of(kPatterns));
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

struct Item {
  std::string id;
  std::string kind;
  std::string content;
  bool has_content = false;
  std::string metadata;
};

TEST(FilterAgreement, memory_and_sqlite_take_the_same_items) {
  Generator random(20260729);
  SqliteJudge judge;
  std::vector<Item> items;
  for (int i = 0; i < kItemCount; ++i) {
    // Every place of ids is in the scalars above for some.
    Item item{fmt::format("{}", i), i % 3 == 0 ? "image" : "text", i % 2 == 0 ? "ab" : "1", i % 3 != 0,
              i % 17 == 0 ? "" : random.object(3).dump()};
    judge.insert(item.id, item.kind, item.has_content ? item.content.c_str() : nullptr, item.metadata);
    items.push_back(std::move(item));
  }
  std::size_t taken_count = 0;
  for (int i = 0; i < kFilterCount; ++i) {
    const FilterExpression filter = random.filter(4);
    const auto again = parse_filter(filter.to_text());
    ASSERT_TRUE(again) << filter.to_text() << "\n" << again.error().to_string();
    ASSERT_EQ(*again, filter) << filter.to_text() << "\n" << again->to_text();
    FilterMatcher matcher(filter);
    std::vector<std::string> taken;
    for (const Item& item : items) {
      const auto answer =
          matcher.matches({.id = item.id,
                           .kind = item.kind,
                           .content = item.has_content ? std::optional(std::string_view(item.content)) : std::nullopt,
                           .metadata = item.metadata});
      ASSERT_TRUE(answer) << answer.error().to_string();
      if (*answer) {
        taken.push_back(item.id);
      }
    }
    taken_count += taken.size();
    ASSERT_EQ(judge.ids(filter), taken) << filter.to_text() << "\n" << to_sqlite(filter).text;
  }
  // Filters that take nothing, or all, would agree on anything.
  EXPECT_GT(taken_count, std::size_t{kItemCount} * kFilterCount / 10);
  EXPECT_LT(taken_count, std::size_t{kItemCount} * kFilterCount * 9 / 10);
}

// SQLite reads numbers from text with code of its own; the last bit counts.
TEST(FilterAgreement, doubles_are_read_to_the_last_bit) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> mantissa(-1, 1);
  for (int i = 0; i < 2'000; ++i) {
    const double value = std::ldexp(mantissa(random), static_cast<int>(random() % 2000) - 1000);
    SqliteJudge judge;
    judge.insert("1", "text", nullptr, Json{{"a", value}}.dump());
    FilterNode node;
    node.op = FilterOp::kIn;
    node.operand.path.steps.emplace_back("a");
    node.values.emplace_back(value);
    ASSERT_EQ(judge.ids(FilterExpression(node)).size(), 1U) << fmt::format("{}", value);
  }
}

}  // namespace
}  // namespace asterism
