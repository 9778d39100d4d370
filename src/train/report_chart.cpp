#include "train/report_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace asterism {
namespace {

constexpr double kWidth = 420.0;
constexpr double kHeight = 180.0;
constexpr double kLeft = 62.0;
constexpr double kBottom = 22.0;
constexpr double kTop = 24.0;
constexpr int kGridLineCount = 4;

}  // namespace

std::string curve_svg(const std::vector<MetricsRow>& rows, std::string_view column) {
  std::vector<std::pair<double, double>> points;
  for (const MetricsRow& row : rows) {
    if (const auto found = row.values.find(column); found != row.values.end() && std::isfinite(found->second)) {
      points.emplace_back(static_cast<double>(row.step), found->second);
    }
  }
  if (points.size() < 2) {
    return {};
  }
  const auto [lowest, highest] = std::ranges::minmax(points, {}, &std::pair<double, double>::second);
  const double low = lowest.second;
  const double range = highest.second > low ? highest.second - low : 1.0;
  const double last = points.back().first;
  const auto x = [&](double step) { return kLeft + step / last * (kWidth - kLeft - 8.0); };
  const auto y = [&](double value) { return kHeight - kBottom - (value - low) / range * (kHeight - kBottom - kTop); };
  std::string out = fmt::format(
      R"(<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}"><text x="{3}" y="14" class="title">{2}</text>)",
      kWidth, kHeight, column, kLeft);
  for (int i = 0; i <= kGridLineCount; ++i) {
    const double value = low + range * i / kGridLineCount;
    out += fmt::format(
        R"(<line x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}" class="grid"/><text x="{3}" y="{4:.1f}" class="tick">{5:.3g}</text>)",
        kLeft, kWidth - 8.0, y(value), kLeft - 6.0, y(value) + 4.0, value);
  }
  out += fmt::format(R"(<text x="{}" y="{}" class="tick">step {}</text><polyline class="curve" points=")", kWidth - 8.0,
                     kHeight - 6.0, last);
  for (const auto& [step, value] : points) {
    out += fmt::format("{:.1f},{:.1f} ", x(step), y(value));
  }
  return out + "\"/></svg>";
}

}  // namespace asterism
