// Random filters over random items: memory and SQLite must take the same ones, and a filter's own text must mean it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "filter_generator.hpp"
#include "sqlite_judge.hpp"
#include "store/filter_matcher.hpp"
#include "store/filter_parser.hpp"

namespace asterism {
namespace {

constexpr int kItemCount = 120;
constexpr int kFilterCount = 8'000;

struct JudgedItem {
  std::string id;
  std::string kind;
  std::string content;
  bool has_content = false;
  std::string metadata;
};

TEST(FilterAgreement, memory_and_sqlite_take_the_same_items) {
  FilterGenerator random(20260729);
  SqliteJudge judge;
  std::vector<JudgedItem> items;
  for (int i = 0; i < kItemCount; ++i) {
    // Every place of ids is in the scalars above for some.
    JudgedItem item{fmt::format("{}", i), i % 3 == 0 ? "image" : "text", i % 2 == 0 ? "ab" : "1", i % 3 != 0,
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
    for (const JudgedItem& item : items) {
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
