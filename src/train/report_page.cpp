#include "train/report_page.hpp"

#include <fmt/format.h>

#include "base/file.hpp"
#include "train/event_file.hpp"
#include "train/metrics_file.hpp"
#include "train/report_chart.hpp"
#include "train/report_parts.hpp"
#include "train/report_pictures.hpp"
#include "train/report_tables.hpp"

namespace asterism {
namespace {

std::string time_spent(const Json& result) {
  const double seconds = result.at("seconds").get<double>();
  const double waited = result.at("wait_seconds").get<double>();
  return fmt::format("<p>{} steps in {:.0f} s of training, {:.0f} rows/s; {:.1f} % of it waited for data.</p>",
                     result.at("steps").get<std::int64_t>(), seconds, result.at("rows_per_second").get<double>(),
                     seconds > 0.0 ? 100.0 * waited / seconds : 0.0);
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
  std::string page = report_head(*request.recipe);
  const Split split = final_split(*request.task);
  const auto table_rows = reconstructed_table(request, split);
  if (!table_rows) {
    return std::unexpected(table_rows.error());
  }
  const bool is_table = !table_rows->empty();
  page += "<h2>Result</h2>" +
          report_figures(result, {{"trained", "this encoder"},
                                  {"untrained", "untrained encoder"},
                                  {"raw", is_table ? "raw columns" : "raw pixels"}}) +
          time_spent(result);
  std::string curves;
  for (const auto* column :
       {"loss", "validation_loss", "neighbour_accuracy", "probe_accuracy", "class_accuracy", "learning_rate"}) {
    curves += curve_svg(*metrics, column);
  }
  page += "<h2>Curves</h2>" + (curves.empty() ? "<p>Too few steps to draw any.</p>" : curves);
  if (!drawn->empty()) {
    page += "<h2>Reconstructions</h2>" + *drawn_html;
  }
  if (is_table) {
    page += "<h2>Reconstructions</h2>" + *table_rows;
  }
  page += fmt::format("<h2>Nearest neighbours of {} that were not learnt from</h2>{}", is_table ? "rows" : "pictures",
                      *neighbours);
  page += "<h2>Data</h2>" + report_data(request.task->data());
  page += "<h2>Recipe</h2>" + report_settings(request.recipe->settings) + "</html>\n";
  return write_file_atomic(request.folder->file("report.html"), page);
}

}  // namespace asterism
