#include "train/report_page.hpp"

#include <fmt/format.h>

#include <array>

#include "base/file.hpp"
#include "base/html.hpp"
#include "train/evaluation.hpp"
#include "train/event_file.hpp"
#include "train/metrics_file.hpp"
#include "train/report_chart.hpp"
#include "train/report_pictures.hpp"
#include "train/report_tables.hpp"

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

std::string figures(const Json& result, const char* raw_name) {
  std::string out = fmt::format(
      "<table><tr><th>on the {} split</th><th>neighbour accuracy</th><th>linear probe</th><th>its classifier</th></tr>",
      result.at("split").get<std::string>());
  const std::array<std::array<const char*, 2>, 3> rows{
      {{"trained", "this encoder"}, {"untrained", "untrained encoder"}, {"raw", raw_name}}};
  for (const auto& [key, name] : rows) {
    const Json& quality = result.at(key);
    out += fmt::format("<tr><td>{}</td><td class=n>{}</td><td class=n>{}</td><td class=n>{}</td></tr>", name,
                       percent(quality, "neighbour_accuracy"), percent(quality, "probe_accuracy"),
                       percent(quality, "class_accuracy"));
  }
  return out + "</table>";
}

std::string time_spent(const Json& result) {
  const double seconds = result.at("seconds").get<double>();
  const double waited = result.at("wait_seconds").get<double>();
  return fmt::format("<p>{} steps in {:.0f} s of training, {:.0f} rows/s; {:.1f} % of it waited for data.</p>",
                     result.at("steps").get<std::int64_t>(), seconds, result.at("rows_per_second").get<double>(),
                     seconds > 0.0 ? 100.0 * waited / seconds : 0.0);
}

std::string data_table(const DataReport& data) {
  std::string out =
      fmt::format("<p>{} rows to learn from, {} for validation, {} for the test; {} could not be read.</p>",
                  data.train_count, data.validation_count, data.test_count, data.skipped_count);
  if (!data.classes.empty()) {
    out += "<table><tr><th>class</th><th>train</th><th>validation</th><th>test</th></tr>";
    for (const DataReport::Class& of_class : data.classes) {
      out +=
          fmt::format("<tr><td>{}</td><td class=n>{}</td><td class=n>{}</td><td class=n>{}</td></tr>",
                      escape_html(of_class.name), of_class.train_count, of_class.validation_count, of_class.test_count);
    }
    out += "</table>";
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

std::string settings_table(const Json& settings) {
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

// The reconstructions, for TensorBoard.
Result<void> write_strips(const ReportRequest& request, const std::vector<ReconstructionRow>& rows) {
  if (rows.empty()) {
    return {};
  }
  const auto step = request.run->at("result").at("steps").get<std::int64_t>();
  auto events = EventFile::create(request.folder->path(), step);
  if (!events) {
    return std::unexpected(events.error());
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto file = encode_strip(rows[i]);
    if (!file) {
      return std::unexpected(file.error());
    }
    const Image& first = rows[i].pictures.front().first;
    const EventPicture picture{.tag = fmt::format("reconstruction/{}", i),
                               .width = first.width * static_cast<std::int64_t>(rows[i].pictures.size()),
                               .height = first.height,
                               .file = std::move(*file)};
    if (auto written = events->picture(step, picture); !written) {
      return written;
    }
  }
  return {};
}

}  // namespace

Result<void> write_report(const ReportRequest& request) {
  const auto metrics = read_metrics(request.folder->file("metrics.csv"));
  if (!metrics) {
    return std::unexpected(metrics.error());
  }
  const auto neighbours = neighbour_rows(request);
  const auto drawn = neighbours ? reconstructions(request) : std::unexpected(neighbours.error());
  const auto drawn_html = drawn ? reconstruction_rows(*drawn) : std::unexpected(drawn.error());
  if (!drawn_html) {
    return std::unexpected(drawn_html.error());
  }
  const Json& result = request.run->at("result");
  if (auto written = write_strips(request, *drawn); !written) {
    return written;
  }
  std::string page = fmt::format(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
      "<title>{0}</title><style>{1}</style><h1>{0}</h1><p>{2}</p>",
      escape_html(request.recipe->name), kStyle, escape_html(request.recipe->description));
  const Split split = final_split(*request.task);
  const auto table_rows = reconstructed_table(request, split);
  if (!table_rows) {
    return std::unexpected(table_rows.error());
  }
  const bool is_table = !table_rows->empty();
  page += "<h2>Result</h2>" + figures(result, is_table ? "raw columns" : "raw pixels") + time_spent(result) +
          "<h2>Curves</h2>";
  for (const auto* column :
       {"loss", "validation_loss", "neighbour_accuracy", "probe_accuracy", "class_accuracy", "learning_rate"}) {
    page += curve_svg(*metrics, column);
  }
  if (!drawn->empty()) {
    page += "<h2>Reconstructions</h2>" + *drawn_html;
  }
  if (is_table) {
    page += "<h2>Reconstructions</h2>" + *table_rows;
  }
  page += fmt::format("<h2>Nearest neighbours of {} that were not learnt from</h2>{}", is_table ? "rows" : "pictures",
                      *neighbours);
  page += "<h2>Data</h2>" + data_table(request.task->data());
  page += "<h2>Recipe</h2>" + settings_table(request.recipe->settings) + "</html>\n";
  return write_file_atomic(request.folder->file("report.html"), page);
}

}  // namespace asterism
