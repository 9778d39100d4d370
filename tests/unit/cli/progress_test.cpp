#include "cli/progress.hpp"

#include <gtest/gtest.h>

namespace asterism::cli {
namespace {

EmbedJobProgress progress(std::uint64_t rows, std::uint64_t tokens, double seconds, double fraction) {
  EmbedJobProgress now;
  now.row_count = rows;
  now.token_count = tokens;
  now.seconds = seconds;
  now.fraction = fraction;
  return now;
}

TEST(EmbedProgressLine, rates_and_time_left_are_since_the_first_update) {
  EXPECT_EQ(EmbedProgress::line(progress(3'000, 60'000, 3.0, 0.75), progress(1'000, 20'000, 1.0, 0.25)),
            " 75%  3,000 rows  1.0k texts/s  20.0k tokens/s  1.00 s left");
}

TEST(EmbedProgressLine, an_unknown_total_leaves_out_percentage_and_time) {
  EXPECT_EQ(EmbedProgress::line(progress(500, 5'000, 2.0, 0.0), progress(0, 0, 0.0, 0.0)),
            "500 rows  250 texts/s  2.5k tokens/s");
}

TEST(EmbedProgressLine, images_have_no_tokens) {
  auto now = progress(300, 0, 2.0, 0.5);
  now.kind = PayloadKind::kImage;
  EXPECT_EQ(EmbedProgress::line(now, progress(0, 0, 0.0, 0.0)), " 50%  300 rows  150 images/s  2.00 s left");
}

TEST(EmbedProgressLine, the_first_update_claims_no_rate) {
  const auto first = progress(1, 10, 0.5, 0.01);
  EXPECT_EQ(EmbedProgress::line(first, first), "  1%  1 row");
}

}  // namespace
}  // namespace asterism::cli
