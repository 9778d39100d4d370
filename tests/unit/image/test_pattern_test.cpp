#include "image/test_pattern.hpp"

#include <gtest/gtest.h>

#include "base/sha256.hpp"
#include "image/decode.hpp"

namespace asterism {
namespace {

std::string digest(const Image& image) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(image.pixels)));
  return hash.hex();
}

// The digests are those of tools/goldens/test_pattern.py.
TEST(TestPattern, draws_the_bytes_that_the_recorder_draws) {
  const auto ramp = test_pattern("ramp", {.width = 320, .height = 240});
  const auto disc = test_pattern("disc", {.width = 256, .height = 256});
  const auto noise = test_pattern("noise", {.width = 97, .height = 131});
  ASSERT_TRUE(ramp && disc && noise);
  EXPECT_EQ(digest(*ramp), "abadc8bdcd5738ff0d0cfbc1f17111c4f776ea2ceb288cb4cf71cc8091882cff");
  EXPECT_EQ(digest(*disc), "0dce81cd0bcb6cc326429abbc7e7c9df5a709c41a4d3bd8690be6ad6974a5813");
  EXPECT_EQ(digest(*noise), "088f4018f89bb2fee775f94c6de223cbe526ac28e1cae6bde39c2d1e0ba79a2e");
}

TEST(TestPattern, unknown_names_and_sizes_outside_the_limits_are_refused) {
  EXPECT_EQ(test_pattern("waves", {.width = 8, .height = 8}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(test_pattern("ramp", {.width = 1, .height = 8}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(test_pattern("ramp", {.width = 8, .height = kTestPatternEdgeMax + 1}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(test_pattern("ramp", {.width = 2, .height = kTestPatternEdgeMax}));
}

// Widths with every padding of a row.
TEST(TestPattern, a_bmp_of_it_decodes_to_the_same_pixels) {
  for (const std::int64_t width : {4, 5, 6, 7}) {
    const auto image = test_pattern("noise", {.width = width, .height = 3});
    ASSERT_TRUE(image);
    const std::string file = encode_bmp(*image);
    const auto decoded = decode_image(std::as_bytes(std::span(file)));
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(decoded->width, width);
    EXPECT_EQ(decoded->pixels, image->pixels);
  }
}

}  // namespace
}  // namespace asterism
