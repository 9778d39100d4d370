#include "image/drawing.hpp"

#include <gtest/gtest.h>

#include <span>

#include "image/decode.hpp"
#include "image/png_encode.hpp"

namespace asterism {
namespace {

constexpr Color kWhite{.red = 255, .green = 255, .blue = 255};
constexpr Color kBlue = {.red = 0x4e, .green = 0x79, .blue = 0xa7};

Color pixel(const Image& image, std::int64_t x, std::int64_t y) {
  const std::uint8_t* at = image.pixels.data() + 3 * (y * image.width + x);
  return {.red = at[0], .green = at[1], .blue = at[2]};
}

std::size_t inked_count(const Image& image) {
  std::size_t count = 0;
  for (std::int64_t i = 0; i < image.width * image.height; ++i) {
    count += pixel(image, i % image.width, i / image.width) == kWhite ? 0U : 1U;
  }
  return count;
}

TEST(EncodePng, decodes_to_the_same_pixels) {
  Image image = blank_image(37, 11, kWhite);
  draw_disc(image, 12.0, 5.0, 4.0, kBlue, 0.6);
  const auto file = encode_png(image);
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(*encode_png(image), *file);
  const auto decoded = decode_image(std::as_bytes(std::span(*file)));
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  EXPECT_EQ(decoded->width, 37);
  EXPECT_EQ(decoded->height, 11);
  EXPECT_EQ(decoded->pixels, image.pixels);
}

TEST(EncodePng, sizes_outside_the_format_are_refused) {
  EXPECT_EQ(encode_png(Image{}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(encode_png({.width = 2, .height = 2, .pixels = std::vector<std::uint8_t>(11)}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(encode_png({.width = kPngEdgeMax + 1, .height = 1, .pixels = {}}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(Drawing, colors_are_read_from_their_hex_form) {
  EXPECT_EQ(color_from_hex("#4e79a7"), kBlue);
  for (const char* text : {"", "#fff", "4e79a70", "#4e79ag", "#4e79a7f"}) {
    EXPECT_EQ(color_from_hex(text), Color{}) << text;
  }
}

TEST(Drawing, a_disc_covers_its_area_and_ends_at_the_edge) {
  Image image = blank_image(40, 40, kWhite);
  draw_disc(image, 20.0, 20.0, 8.0, kBlue, 1.0);
  EXPECT_EQ(pixel(image, 20, 20), kBlue);
  EXPECT_EQ(pixel(image, 20, 9), kWhite);
  EXPECT_NEAR(static_cast<double>(inked_count(image)), 3.14159 * 8.5 * 8.5, 30.0);
  Image edge = blank_image(10, 10, kWhite);
  draw_disc(edge, -1.0, 4.0, 3.0, kBlue, 1.0);
  draw_disc(edge, 300.0, 300.0, 3.0, kBlue, 1.0);
  EXPECT_EQ(pixel(edge, 0, 4), kBlue);
  EXPECT_EQ(pixel(edge, 9, 9), kWhite);
}

TEST(Drawing, letters_are_dots_and_what_is_unknown_is_a_box) {
  EXPECT_EQ(text_width("ab", 2), 2 * 2 * kLetterWidth);
  EXPECT_EQ(text_width("\u00e9", 1), kLetterWidth);  // two bytes, one letter
  const auto drawn = [](std::string_view text) {
    Image image = blank_image(30, 12, kWhite);
    draw_text(image, 1, 1, 1, {}, text);
    return image;
  };
  EXPECT_EQ(inked_count(drawn(" ")), 0U);
  EXPECT_EQ(inked_count(drawn("I")), 11U);  // a bar of 7 dots and two serifs
  EXPECT_EQ(drawn("\u00e9").pixels, drawn("\u65e5").pixels);
  EXPECT_NE(drawn("a").pixels, drawn("b").pixels);
  Image small = blank_image(3, 3, kWhite);
  draw_text(small, -40, -40, 2, {}, "outside");
  EXPECT_EQ(inked_count(small), 0U);
}

TEST(Drawing, a_box_is_its_outline) {
  Image image = blank_image(20, 20, kWhite);
  draw_box(image, 2, 3, 10, 6, {});
  EXPECT_EQ(inked_count(image), 2U * 10 + 2 * 4);
  EXPECT_EQ(pixel(image, 2, 3), Color{});
  EXPECT_EQ(pixel(image, 11, 8), Color{});
  EXPECT_EQ(pixel(image, 5, 5), kWhite);
}

}  // namespace
}  // namespace asterism
