#include "service/evaluation_plots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/html.hpp"

namespace asterism::service {
namespace {

constexpr double kWidth = 460.0;
constexpr double kMargin = 8.0;
constexpr double kTitleHeight = 24.0;

std::string open_svg(std::string_view title, double width, double height) {
  return fmt::format(
      R"(<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}"><text x="{3}" y="15" class="title">{2}</text>)",
      width, height, escape_html(title), kMargin);
}

struct Range {
  double low = 0.0;
  double high = 1.0;

  double share(double value) const { return (value - low) / (high - low); }
};

// Around all finite values; nothing is drawn on a border, but what cannot be negative has no axis below 0.
Range range_of(std::span<const double> values) {
  Range range{.low = INFINITY, .high = -INFINITY};
  for (const double value : values) {
    if (std::isfinite(value)) {
      range.low = std::min(range.low, value);
      range.high = std::max(range.high, value);
    }
  }
  const double margin = range.high > range.low ? 0.05 * (range.high - range.low) : 0.5;
  const double low = range.low - margin;
  return {range.low >= 0.0 ? std::max(low, 0.0) : low, range.high + margin};
}

}  // namespace

std::string interval_plot(std::string_view title, std::span<const IntervalBar> bars) {
  constexpr double kNames = 150.0;
  constexpr double kLine = 22.0;
  std::vector<double> ends;
  for (const IntervalBar& bar : bars) {
    ends.insert(ends.end(), {bar.value, bar.low, bar.high});
  }
  if (std::ranges::none_of(ends, [](double v) { return std::isfinite(v); })) {
    return {};
  }
  const Range range = range_of(ends);
  const auto x = [&](double value) { return kNames + range.share(value) * (kWidth - kNames - kMargin); };
  const double height = kTitleHeight + kLine * static_cast<double>(bars.size()) + 18.0;
  std::string out = open_svg(title, kWidth, height);
  for (const double share : {0.0, 0.5, 1.0}) {
    const double value = range.low + share * (range.high - range.low);
    out += fmt::format(
        R"(<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2:.1f}" class="grid"/><text x="{0:.1f}" y="{3:.1f}" class="tick" text-anchor="{4}">{5:.3f}</text>)",
        x(value), kTitleHeight, height - 16.0, height - 4.0,
        share == 0.0   ? "start"
        : share == 1.0 ? "end"
                       : "middle",
        value);
  }
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const IntervalBar& bar = bars[i];
    const double y = kTitleHeight + kLine * (static_cast<double>(i) + 0.5);
    out += fmt::format(R"(<text x="{}" y="{:.1f}" class="name">{}</text>)", kMargin, y + 4.0, escape_html(bar.name));
    if (std::isfinite(bar.low) && std::isfinite(bar.high)) {
      out += fmt::format(R"(<line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}" class="{}"/>)", x(bar.low),
                         x(bar.high), y, y, bar.is_baseline ? "bar base" : "bar");
    }
    if (std::isfinite(bar.value)) {
      out += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="4" class="{}"><title>{:.4f}</title></circle>)",
                         x(bar.value), y, bar.is_baseline ? "dot base" : "dot", bar.value);
    }
  }
  return out + "</svg>";
}

std::string histogram_plot(std::string_view title, std::span<const double> values) {
  constexpr std::size_t kStepCount = 20;
  constexpr double kHeight = 150.0;
  constexpr double kBottom = 20.0;
  std::vector<double> finite;
  std::ranges::copy_if(values, std::back_inserter(finite), [](double v) { return std::isfinite(v); });
  if (finite.empty() || std::ranges::min(finite) == std::ranges::max(finite)) {
    return {};
  }
  const double low = std::ranges::min(finite);
  const double step = (std::ranges::max(finite) - low) / static_cast<double>(kStepCount);
  std::array<std::size_t, kStepCount> counts{};
  for (const double value : finite) {
    ++counts[std::min(static_cast<std::size_t>((value - low) / step), kStepCount - 1)];
  }
  const auto most = static_cast<double>(std::ranges::max(counts));
  const double width = (kWidth - 2.0 * kMargin) / static_cast<double>(kStepCount);
  std::string out = open_svg(title, kWidth, kHeight);
  for (std::size_t i = 0; i < kStepCount; ++i) {
    const double height = static_cast<double>(counts[i]) / most * (kHeight - kTitleHeight - kBottom);
    out += fmt::format(
        R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="column"><title>{:.3g} to {:.3g}: {} rows</title></rect>)",
        kMargin + width * static_cast<double>(i), kHeight - kBottom - height, width - 1.0, height,
        low + step * static_cast<double>(i), low + step * static_cast<double>(i + 1), counts[i]);
  }
  out += fmt::format(R"(<text x="{}" y="{}" class="tick">{:.3g}</text>)", kMargin, kHeight - 5.0, low);
  out += fmt::format(R"(<text x="{}" y="{}" class="tick" text-anchor="end">{:.3g}</text>)", kWidth - kMargin,
                     kHeight - 5.0, std::ranges::max(finite));
  return out + "</svg>";
}

std::string scatter_plot(std::string_view title, std::string_view x_name, std::string_view y_name,
                         std::span<const double> x, std::span<const double> y) {
  constexpr std::size_t kPointCountMax = 1500;
  constexpr double kHeight = 300.0;
  constexpr double kBottom = 22.0;
  constexpr double kLeft = 22.0;
  if (x.empty()) {
    return {};
  }
  const Range across = range_of(x);
  const Range up = range_of(y);
  std::string out = open_svg(title, kWidth, kHeight);
  out += fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}" class="frame"/>)", kLeft, kTitleHeight,
                     kWidth - kLeft - kMargin, kHeight - kTitleHeight - kBottom);
  const std::size_t count = std::min(x.size(), kPointCountMax);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t row = i * x.size() / count;
    if (std::isfinite(x[row]) && std::isfinite(y[row])) {
      out += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="2" class="point"/>)",
                         kLeft + across.share(x[row]) * (kWidth - kLeft - kMargin),
                         kHeight - kBottom - up.share(y[row]) * (kHeight - kTitleHeight - kBottom));
    }
  }
  out += fmt::format(R"(<text x="{}" y="{}" class="tick" text-anchor="end">{} {:.3g} to {:.3g}</text>)",
                     kWidth - kMargin, kHeight - 6.0, escape_html(x_name), across.low, across.high);
  out += fmt::format(R"svg(<text transform="translate(14 {}) rotate(-90)" class="tick">{} {:.3g} to {:.3g}</text>)svg",
                     kHeight - kBottom, escape_html(y_name), up.low, up.high);
  return out + "</svg>";
}

std::string confusion_plot(std::string_view title, std::span<const std::string> class_names,
                           std::span<const std::size_t> counts) {
  constexpr double kEdge = 430.0;
  const std::size_t class_count = class_names.size();
  const double cell = kEdge / static_cast<double>(class_count);
  std::string out = open_svg(title, kEdge + 2.0 * kMargin, kEdge + kTitleHeight + kMargin);
  out +=
      fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}" class="frame"/>)", kMargin, kTitleHeight, kEdge, kEdge);
  for (std::size_t truth = 0; truth < class_count; ++truth) {
    std::size_t all = 0;
    for (std::size_t said = 0; said < class_count; ++said) {
      all += counts[truth * class_count + said];
    }
    for (std::size_t said = 0; said < class_count; ++said) {
      const std::size_t count = counts[truth * class_count + said];
      if (count > 0) {
        out += fmt::format(
            R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="{}" fill-opacity="{:.2f}"><title>{} taken for {}: {} of {}</title></rect>)",
            kMargin + cell * static_cast<double>(said), kTitleHeight + cell * static_cast<double>(truth), cell, cell,
            truth == said ? "right" : "wrong", std::max(0.08, static_cast<double>(count) / static_cast<double>(all)),
            escape_html(class_names[truth]), escape_html(class_names[said]), count, all);
      }
    }
  }
  return out + "</svg>";
}

}  // namespace asterism::service
