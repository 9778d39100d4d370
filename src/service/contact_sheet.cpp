#include "service/contact_sheet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "analysis/estimators.hpp"
#include "analysis/row_distances.hpp"
#include "base/html.hpp"
#include "service/analysis_rows.hpp"
#include "service/contact_sheet_image.hpp"
#include "service/evaluation_page.hpp"

namespace asterism::service {
namespace {

constexpr double kEdge = 460.0;
// Colours that people tell apart, also with poor sight of colours (Tableau 10), then grey for the rest.
constexpr std::array<std::string_view, 10> kPalette{"#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f",
                                                    "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#3fb4d6"};
constexpr std::string_view kOther = "#9aa0a6";
// From low to high (viridis).
constexpr std::array<std::string_view, 6> kScale{"#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"};

struct Colouring {
  std::string name;
  std::vector<std::string_view> colours;  // [rows]
  std::vector<LegendEntry> legend = {};
};

std::optional<double> number_of(const std::optional<std::string>& text) {
  double value = 0.0;
  if (!text) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc{} && end == text->data() + text->size() && std::isfinite(value) ? std::optional(value)
                                                                                            : std::nullopt;
}

// Numbers with more different values than there are colours; rows without one do not matter.
bool is_scale(const AnalysisColumn& column) {
  std::set<double> values;
  for (const auto& text : column.values) {
    const auto value = number_of(text);
    if (text && !value) {
      return false;
    }
    if (value) {
      values.insert(*value);
    }
  }
  return values.size() > kPalette.size();
}

Colouring by_scale(const AnalysisColumn& column) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const auto& text : column.values) {
    if (const auto value = number_of(text)) {
      low = std::min(low, *value);
      high = std::max(high, *value);
    }
  }
  Colouring out{.name = column.name, .colours = {}};
  for (const auto& text : column.values) {
    const auto value = number_of(text);
    const double share = value ? (*value - low) / (high - low) : 0.0;
    const auto step = std::min(static_cast<std::size_t>(share * kScale.size()), kScale.size() - 1);
    out.colours.push_back(value ? kScale[step] : kOther);
  }
  out.legend = {{fmt::format("{:.4g}", low), kScale.front()}, {fmt::format("{:.4g}", high), kScale.back()}};
  return out;
}

// The most frequent categories have colours of their own.
Colouring by_category(const AnalysisColumn& column) {
  std::map<std::string, std::size_t> counts;
  for (const auto& text : column.values) {
    if (text) {
      ++counts[*text];
    }
  }
  std::vector<std::pair<std::string, std::size_t>> order(counts.begin(), counts.end());
  std::ranges::stable_sort(order, std::ranges::greater{}, &std::pair<std::string, std::size_t>::second);
  std::map<std::string, std::string_view> colours;
  Colouring out{.name = column.name, .colours = {}};
  for (std::size_t i = 0; i < std::min(order.size(), kPalette.size()); ++i) {
    colours[order[i].first] = kPalette[i];
    out.legend.emplace_back(order[i].first, kPalette[i]);
  }
  if (order.size() > kPalette.size()) {
    out.legend.emplace_back(fmt::format("{} others", order.size() - kPalette.size()), kOther);
  }
  for (const auto& text : column.values) {
    const auto found = text ? colours.find(*text) : colours.end();
    out.colours.push_back(found == colours.end() ? kOther : found->second);
  }
  return out;
}

std::vector<std::int32_t> labels_of(const AnalysisColumn& column) {
  std::map<std::string, std::int32_t> places;
  std::vector<std::int32_t> labels;
  for (const auto& text : column.values) {
    labels.push_back(text ? places.emplace(*text, static_cast<std::int32_t>(places.size())).first->second : kNoLabel);
  }
  return labels;
}

// points: [rows, 2]
SheetPlot plot_of(std::string title, std::span<const float> points, std::span<const std::uint32_t> rows,
                  const Colouring& colouring) {
  std::array<double, 2> low{INFINITY, INFINITY};
  std::array<double, 2> high{-INFINITY, -INFINITY};
  for (const std::uint32_t row : rows) {
    for (std::size_t d = 0; d < 2; ++d) {
      low[d] = std::min(low[d], static_cast<double>(points[2 * row + d]));
      high[d] = std::max(high[d], static_cast<double>(points[2 * row + d]));
    }
  }
  // One scale for both directions: distances are what a map shows.
  const double range = std::max({high[0] - low[0], high[1] - low[1], 1e-12});
  const auto place = [&](std::uint32_t row, std::size_t d) {
    const double middle = 0.5 * (low[d] + high[d]);
    return 0.5 + 0.94 * (static_cast<double>(points[2 * row + d]) - middle) / range;
  };
  SheetPlot plot{.title = std::move(title), .points = {}, .legend = colouring.legend};
  for (const std::uint32_t row : rows) {
    plot.points.push_back({.x = place(row, 0), .y = 1.0 - place(row, 1), .color = colouring.colours[row]});
  }
  return plot;
}

std::string picture(const SheetPlot& plot) {
  std::string out = fmt::format(R"(<svg viewBox="0 0 {0} {0}" width="{0}" height="{0}" role="img" aria-label="{1}">)"
                                R"(<rect width="{0}" height="{0}" class="frame"/>)",
                                kEdge, escape_html(plot.title));
  for (const PlotPoint& point : plot.points) {
    out += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="2" fill="{}" fill-opacity=".7"/>)", kEdge * point.x,
                       kEdge * point.y, point.color);
  }
  return out + "</svg>";
}

std::string legend(const SheetPlot& plot) {
  std::string out = "<p>";
  for (const auto& [name, colour] : plot.legend) {
    out += fmt::format(R"(<span style="color:{}">&#9679;</span> {} &ensp;)", colour, escape_html(name));
  }
  return out + "</p>";
}

class Sheet {
 public:
  Sheet(const ContactSheetRequest& request, const AnalysisRows& rows, const AnalysisRun& run)
      : request_(request), rows_(rows), run_(run) {}

  Result<ContactSheet> make() {
    for (const AnalysisColumn& column : rows_.columns) {
      colourings_.push_back(is_scale(column) ? by_scale(column) : by_category(column));
    }
    if (colourings_.empty()) {
      colourings_.push_back({.name = "", .colours = std::vector<std::string_view>(rows_.row_count, kPalette[0])});
    }
    shown_ = sample_rows(rows_.row_count, kSheetPointCountMax, request_.seed);
    sheet_.page = evaluation_page_head("Projections of " + request_.input);
    sheet_.page +=
        fmt::format("<h1>Projections of {}</h1><p>{} rows of {} dimensions{}.</p>", escape_html(request_.input),
                    rows_.row_count, rows_.dim,
                    shown_.size() < rows_.row_count ? fmt::format(", of which {} are shown, by chance", shown_.size())
                                                    : std::string{});
    for (const EstimatorMethod& method : estimator_methods()) {
      const bool is_asked = std::ranges::find(request_.methods, method.name) != request_.methods.end();
      if (request_.methods.empty() || is_asked) {
        if (auto added = add(method, is_asked); !added) {
          return std::unexpected(added.error());
        }
      }
    }
    if (sheet_.picture_count == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("eye: expected a projection that these rows allow, found none ({})",
                              fmt::join(sheet_.notes, "; ")));
    }
    sheet_.page += "</html>\n";
    if (request_.with_image) {
      sheet_.image = draw_contact_sheet("Projections of " + request_.input, plots_);
    }
    return std::move(sheet_);
  }

 private:
  // A method that was asked for by name fails; others are passed over with a note.
  Result<void> add(const EstimatorMethod& method, bool is_asked) {
    FitRequest request{.rows = rows_.view(), .labels = {}, .options = {{std::string(kComponentsOption), 2}}};
    std::vector<std::int32_t> labels;
    if (method.labels != LabelUse::kIgnored && !rows_.columns.empty() && !is_scale(rows_.columns.front())) {
      labels = labels_of(rows_.columns.front());
    }
    // Optional labels would show what they say, and not what the vectors do.
    if (method.labels == LabelUse::kRequired) {
      request.labels = labels;
    }
    if (std::ranges::any_of(method.options, [](const auto& option) { return option.name == kSeedOption; })) {
      request.options[std::string(kSeedOption)] = request_.seed;
    }
    const auto fitted = fit_estimator(method.name, std::move(request), run_);
    if (!fitted) {
      if (is_asked || fitted.error().code == ErrorCode::kCancelled) {
        return std::unexpected(fitted.error());
      }
      sheet_.notes.push_back(fmt::format("{}: {}", method.name, fitted.error().message));
      return {};
    }
    sheet_.page +=
        fmt::format("<h2>{}</h2><p><small>{}</small></p><div class=plots>", method.name, escape_html(method.summary));
    std::vector<SheetPlot>& plots = plots_.emplace_back();
    for (const Colouring& colouring : colourings_) {
      std::string title =
          colouring.name.empty() ? std::string(method.name) : fmt::format("{} by {}", method.name, colouring.name);
      const SheetPlot& plot = plots.emplace_back(plot_of(std::move(title), fitted->embedding, shown_, colouring));
      sheet_.page += fmt::format("<figure style=\"margin:0\"><figcaption>{}</figcaption>{}{}</figure>",
                                 escape_html(plot.title), picture(plot), legend(plot));
      ++sheet_.picture_count;
    }
    sheet_.page += "</div>";
    return {};
  }

  const ContactSheetRequest& request_;
  const AnalysisRows& rows_;
  const AnalysisRun& run_;
  std::vector<Colouring> colourings_;
  std::vector<std::uint32_t> shown_;
  std::vector<std::vector<SheetPlot>> plots_;  // of each method
  ContactSheet sheet_;
};

}  // namespace

Result<ContactSheet> contact_sheet(const ContactSheetRequest& request, const AnalysisRun& run) {
  for (const std::string& name : request.methods) {
    if (const auto method = find_estimator_method(name); !method) {
      return std::unexpected(method.error());
    }
  }
  AnalysisRowsRequest asked{.input = request.input, .collection = request.collection};
  asked.collection.location = request.input;
  asked.texts_file = request.columns_file;
  asked.columns = request.columns;
  const auto rows = open_analysis_rows(asked);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  return Sheet(request, *rows, run).make();
}

}  // namespace asterism::service
