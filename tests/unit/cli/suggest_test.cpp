#include "cli/suggest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace asterism::cli {
namespace {

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
