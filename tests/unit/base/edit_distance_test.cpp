#include "base/edit_distance.hpp"

#include <gtest/gtest.h>

namespace asterism {
namespace {

TEST(EditDistance, each_kind_of_slip_counts_one) {
  EXPECT_EQ(edit_distance("embed", "embed"), 0U);
  EXPECT_EQ(edit_distance("embed", "embd"), 1U);
  EXPECT_EQ(edit_distance("embed", "emmbed"), 1U);
  EXPECT_EQ(edit_distance("embed", "emxed"), 1U);
  EXPECT_EQ(edit_distance("embed", "embde"), 1U);
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("bge-smal-en", "bge-small-en"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

}  // namespace
}  // namespace asterism
