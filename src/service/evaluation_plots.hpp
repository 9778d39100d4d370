// Plots of an evaluation as SVG, to stand inside a page: their colours come from the page's style.
//
// Thread-safety: pure functions. Cost: a few hundred elements at most.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace asterism::service {

struct IntervalBar {
  std::string name;
  double value = 0.0;
  double low = 0.0;  // NaN where there is no interval
  double high = 0.0;
  bool is_baseline = false;
};

// A line a system: its value as a point on its interval. Empty without a finite value.
std::string interval_plot(std::string_view title, std::span<const IntervalBar> bars);

// How many rows have which value, in 20 steps; NaN is left out. Empty without two different values.
std::string histogram_plot(std::string_view title, std::span<const double> values);

// One point a row; of many rows at most 1,500, evenly taken.
std::string scatter_plot(std::string_view title, std::string_view x_name, std::string_view y_name,
                         std::span<const double> x, std::span<const double> y);

// Shares of each row's sum as shades: counts [class_count, class_count], what is true by rows.
std::string confusion_plot(std::string_view title, std::span<const std::string> class_names,
                           std::span<const std::size_t> counts);

}  // namespace asterism::service
