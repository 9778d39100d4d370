#include "service/contact_sheet_image.hpp"

#include <algorithm>

#include "image/drawing.hpp"

namespace asterism::service {
namespace {

constexpr std::int64_t kEdge = 460;
constexpr std::int64_t kGap = 20;
constexpr std::int64_t kHeadingScale = 3;
constexpr std::int64_t kTitleScale = 2;
constexpr std::int64_t kLegendScale = 1;
constexpr std::int64_t kLegendLine = 14;
constexpr std::int64_t kMark = 12;  // a disc and the room behind it
constexpr double kRadius = 2.0;
constexpr double kOpacity = 0.7;
constexpr Color kPaper{.red = 255, .green = 255, .blue = 255};
constexpr Color kInk{.red = 32, .green = 33, .blue = 36};
constexpr Color kFrame{.red = 200, .green = 204, .blue = 208};

std::int64_t entry_width(const LegendEntry& entry) {
  return kMark + text_width(entry.first, kLegendScale) + 2 * kLetterWidth;
}

// Draws the legend, or finds how many lines it takes: `draw(entry, x, line)`.
template <typename Draw>
std::int64_t lay_legend(std::span<const LegendEntry> legend, const Draw& draw) {
  std::int64_t x = 0;
  std::int64_t line = 0;
  for (const LegendEntry& entry : legend) {
    if (x > 0 && x + entry_width(entry) > kEdge) {
      x = 0;
      ++line;
    }
    draw(entry, x, line);
    x += entry_width(entry);
  }
  return legend.empty() ? 0 : line + 1;
}

// Of text that shall be no wider than a plot.
std::string cut_to_width(std::string_view text, std::int64_t scale, std::int64_t width) {
  std::string out(text);
  while (!out.empty() && text_width(out, scale) > width) {
    out.pop_back();
  }
  return out;
}

std::int64_t row_height(std::span<const SheetPlot> plots) {
  std::int64_t lines = 0;
  for (const SheetPlot& plot : plots) {
    lines = std::max(lines, lay_legend(plot.legend, [](const auto&, std::int64_t, std::int64_t) {}));
  }
  return kLetterHeight * kTitleScale + kEdge + 8 + lines * kLegendLine + kGap;
}

void draw_plot(Image& image, std::int64_t x, std::int64_t y, const SheetPlot& plot) {
  draw_text(image, x, y, kTitleScale, kInk, cut_to_width(plot.title, kTitleScale, kEdge));
  y += kLetterHeight * kTitleScale;
  draw_box(image, x, y, kEdge, kEdge, kFrame);
  for (const PlotPoint& point : plot.points) {
    draw_disc(image, static_cast<double>(x) + point.x * static_cast<double>(kEdge),
              static_cast<double>(y) + point.y * static_cast<double>(kEdge), kRadius, color_from_hex(point.color),
              kOpacity);
  }
  y += kEdge + 8;
  lay_legend(plot.legend, [&](const LegendEntry& entry, std::int64_t at, std::int64_t line) {
    const std::int64_t top = y + line * kLegendLine;
    draw_disc(image, static_cast<double>(x + at) + 4.0, static_cast<double>(top) + 4.0, 4.0,
              color_from_hex(entry.second), 1.0);
    draw_text(image, x + at + kMark, top, kLegendScale, kInk, cut_to_width(entry.first, kLegendScale, kEdge - kMark));
  });
}

}  // namespace

Image draw_contact_sheet(std::string_view heading, std::span<const std::vector<SheetPlot>> rows) {
  std::size_t columns = 1;
  std::int64_t height = 2 * kGap + kLetterHeight * kHeadingScale;
  for (const auto& plots : rows) {
    columns = std::max(columns, plots.size());
    height += row_height(plots);
  }
  const std::int64_t width = kGap + static_cast<std::int64_t>(columns) * (kEdge + kGap);
  Image image = blank_image(width, height, kPaper);
  draw_text(image, kGap, kGap, kHeadingScale, kInk, cut_to_width(heading, kHeadingScale, width - 2 * kGap));
  std::int64_t y = 2 * kGap + kLetterHeight * kHeadingScale;
  for (const auto& plots : rows) {
    for (std::size_t column = 0; column < plots.size(); ++column) {
      draw_plot(image, kGap + static_cast<std::int64_t>(column) * (kEdge + kGap), y, plots[column]);
    }
    y += row_height(plots);
  }
  return image;
}

}  // namespace asterism::service
