#include "cli/suggest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace asterism::cli {
namespace {

TEST(EditDistance, each_kind_of_slip_counts_one) {
  EXPECT_EQ(edit_distance("embed", "embed"), 0U);
  EXPECT_EQ(edit_distance("embed", "embd"), 1U);
  EXPECT_EQ(edit_distance("embed", "emmbed"), 1U);
  EXPECT_EQ(edit_distance("embed", "emxed"), 1U);
  EXPECT_EQ(edit_distance("embed", "embde"), 1U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Closest, a_slip_is_found_and_a_stranger_is_not) {
  const std::vector<std::string> words{"embed", "tokenize", "models"};
  EXPECT_EQ(closest("embde", words), "embed");
  EXPECT_EQ(closest("tokenise", words), "tokenize");
  EXPECT_EQ(closest("model", words), "models");
  EXPECT_EQ(closest("frobnicate", words), std::nullopt);
  EXPECT_EQ(closest("", words), std::nullopt);
  EXPECT_EQ(closest("embed", {}), std::nullopt);
}

TEST(Closest, a_beginning_is_enough) {
  const std::vector<std::string> words{"--batch-invariant", "--column"};
  EXPECT_EQ(closest("--batch", words), "--batch-invariant");
}

}  // namespace
}  // namespace asterism::cli
