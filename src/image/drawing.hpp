// Discs, boxes and small letters in a picture: what a chart needs.
//
// Letters are dots, 5 x 7, of printable ASCII; any other character is a box. What lies outside the picture is not
// drawn. Thread-safety: the picture's owner. Cost: the pixels that are touched.
#pragma once

#include <cstdint>
#include <string_view>

#include "image/image.hpp"

namespace asterism {

struct Color {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
  friend bool operator==(const Color&, const Color&) = default;
};

// "#4e79a7"; black for anything else.
Color color_from_hex(std::string_view text) noexcept;

Image blank_image(std::int64_t width, std::int64_t height, Color color);
// Mixed in by `opacity`, 0 to 1; edges are smooth.
void draw_disc(Image& image, double x, double y, double radius, Color color, double opacity);
// The outline, one pixel wide.
void draw_box(Image& image, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height, Color color);

inline constexpr std::int64_t kLetterWidth = 6;   // with the gap to the next, at scale 1
inline constexpr std::int64_t kLetterHeight = 9;  // with room below
// UTF-8; (x, y) is the upper left corner of the first letter.
void draw_text(Image& image, std::int64_t x, std::int64_t y, std::int64_t scale, Color color, std::string_view text);
// Of draw_text(), in pixels.
std::int64_t text_width(std::string_view text, std::int64_t scale) noexcept;

}  // namespace asterism
