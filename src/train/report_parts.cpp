#include "train/report_parts.hpp"

#include <fmt/format.h>

#include <string_view>

#include "base/html.hpp"

namespace asterism {
namespace {

constexpr std::string_view kStyle =
    ":root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--line:#d5dae1;--curve:#2563c9}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e3e8ef;--paper:#14181f;--line:#39414d;--curve:#7fb0ff}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:980px;margin:2rem "
    "auto;padding:0 1rem}table{border-collapse:collapse}td,th{padding:.2rem .9rem .2rem 0;border-bottom:1px solid "
    "var(--line);text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}.row{display:flex;flex-wrap:"
    "wrap;"
    "gap:6px;margin:6px 0}figure{margin:0;width:98px}figcaption{font-size:11px;overflow-wrap:anywhere}img{width:96px;"
    "image-rendering:auto}.query{padding-right:8px;border-right:3px solid var(--curve)}.grid{stroke:var(--line)}"
    ".curve{fill:none;stroke:var(--curve);stroke-width:1.6}.tick{font-size:10px;fill:var(--ink);text-anchor:end}"
    ".groups{display:flex;flex-wrap:wrap;gap:0 22px}"
    ".cells{width:150px;font-size:11px;overflow-wrap:anywhere}.changed{font-weight:700}"
    ".title{font-size:12px;fill:var(--ink);font-weight:600}pre{overflow-x:auto}";

std::string percent(const Json& quality, const char* key) {
  return quality.contains(key) ? fmt::format("{:.1f} %", 100.0 * quality.at(key).get<double>())
                               : std::string("&ndash;");
}

// Empty without classes.
std::string class_table(const std::vector<DataReport::Class>& classes) {
  if (classes.empty()) {
    return {};
  }
  std::string out = "<table><tr><th>class</th><th>train</th><th>validation</th><th>test</th></tr>";
  for (const DataReport::Class& of_class : classes) {
    out +=
        fmt::format("<tr><td>{}</td><td class=n>{}</td><td class=n>{}</td><td class=n>{}</td></tr>",
                    escape_html(of_class.name), of_class.train_count, of_class.validation_count, of_class.test_count);
  }
  return out + "</table>";
}

}  // namespace

std::string report_head(const Recipe& recipe) {
  return fmt::format(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
      "<title>{0}</title><style>{1}</style><h1>{0}</h1><p>{2}</p>",
      escape_html(recipe.name), kStyle, escape_html(recipe.description));
}

std::string report_figures(const Json& result, const std::vector<ReportFigure>& rows) {
  std::string out = fmt::format(
      "<table><tr><th>on the {} split</th><th>neighbour accuracy</th><th>linear probe</th><th>its classifier</th></tr>",
      result.at("split").get<std::string>());
  for (const auto& [key, name] : rows) {
    const Json& quality = result.at(key);
    out += fmt::format("<tr><td>{}</td><td class=n>{}</td><td class=n>{}</td><td class=n>{}</td></tr>",
                       escape_html(name), percent(quality, "neighbour_accuracy"), percent(quality, "probe_accuracy"),
                       percent(quality, "class_accuracy"));
  }
  return out + "</table>";
}

std::string report_data(const DataReport& data) {
  std::string out =
      fmt::format("<p>{} rows to learn from, {} for validation, {} for the test; {} could not be read.</p>",
                  data.train_count, data.validation_count, data.test_count, data.skipped_count);
  out += class_table(data.classes);
  if (data.evaluated) {
    out += fmt::format("<p>Figures are of other rows: {} to compare with, {} for the test.</p>",
                       data.evaluated->train_count, data.evaluated->test_count);
    out += class_table(data.evaluated->classes);
  }
  for (const std::string& warning : data.warnings) {
    out += fmt::format("<p>{}</p>", escape_html(warning));
  }
  for (const std::string& why : data.skipped) {
    out += fmt::format("<p>skipped: {}</p>", escape_html(why));
  }
  if (data.copy_count > 0) {
    out += fmt::format("<p>{} rows were left out of what is learnt from, as copies of rows that are held out.</p>",
                       data.copy_count);
  }
  for (const std::string& why : data.copies) {
    out += fmt::format("<p>copy: {}</p>", escape_html(why));
  }
  return out;
}

std::string report_settings(const Json& settings) {
  std::string out = "<table>";
  for (const auto& [section, keys] : settings.items()) {
    if (!keys.is_object()) {
      out += fmt::format("<tr><td>{}</td><td>{}</td></tr>", escape_html(section), escape_html(keys.dump()));
      continue;
    }
    for (const auto& [key, value] : keys.items()) {
      out += fmt::format("<tr><td>{}.{}</td><td>{}</td></tr>", escape_html(section), escape_html(key),
                         escape_html(value.dump()));
    }
  }
  return out + "</table>";
}

}  // namespace asterism
