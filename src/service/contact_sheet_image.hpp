// A contact sheet as one picture: a row of plots for each method, their titles and legends in dots.
//
// Ownership: values. Thread-safety: one thread at a time. Cost: some 250,000 pixels a plot.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/image.hpp"

namespace asterism::service {

// A colour of the legend, "#4e79a7", and what it stands for.
using LegendEntry = std::pair<std::string, std::string_view>;

struct PlotPoint {
  double x = 0.0;  // 0 to 1, from the left
  double y = 0.0;  // 0 to 1, from the top
  std::string_view color;
};

struct SheetPlot {
  std::string title;
  std::vector<PlotPoint> points;
  std::vector<LegendEntry> legend;
};

// rows: of each method its plots.
Image draw_contact_sheet(std::string_view heading, std::span<const std::vector<SheetPlot>> rows);

}  // namespace asterism::service
