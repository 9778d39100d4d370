#include "train/split.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace asterism {
namespace {

TEST(Split, shares_are_met_within_what_chance_allows) {
  constexpr int kCount = 20'000;
  std::array<int, 3> counts{};
  for (int i = 0; i < kCount; ++i) {
    ++counts[static_cast<std::size_t>(split_of(fmt::format("photo-{}.jpg", i), {.validation = 0.1, .test = 0.2}))];
  }
  // Five standard deviations of a binomial count.
  const auto allowed = [](double share) { return 5.0 * std::sqrt(kCount * share * (1.0 - share)); };
  EXPECT_NEAR(counts[static_cast<std::size_t>(Split::kValidation)], 0.1 * kCount, allowed(0.1));
  EXPECT_NEAR(counts[static_cast<std::size_t>(Split::kTest)], 0.2 * kCount, allowed(0.2));
}

TEST(Split, a_name_stays_where_it_is_and_another_seed_moves_it) {
  int moved = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string name = fmt::format("{}", i);
    EXPECT_EQ(split_of(name, {0.3, 0.3, 7}), split_of(name, {0.3, 0.3, 7}));
    moved += split_of(name, {0.3, 0.3, 7}) != split_of(name, {0.3, 0.3, 8}) ? 1 : 0;
  }
  EXPECT_GT(moved, 50);
}

TEST(Split, larger_shares_take_rows_and_give_none_back) {
  for (int i = 0; i < 500; ++i) {
    const std::string name = fmt::format("{}", i);
    if (split_of(name, {0.0, 0.1, 0}) == Split::kTest) {
      EXPECT_EQ(split_of(name, {0.0, 0.2, 0}), Split::kTest) << name;
    }
  }
}

}  // namespace
}  // namespace asterism
