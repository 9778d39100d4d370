#include "train/report_tables.hpp"

#include <fmt/format.h>

#include <string_view>

#include "base/html.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kShownRowCount = 8;

// One line of the table; what differs from `given` is marked.
std::string line(std::string_view heading, const TrainingTask::Cells& cells, const TrainingTask::Cells& given) {
  std::string out = fmt::format("<tr><th>{}</th>", heading);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out += fmt::format("<td{}>{}</td>", cells[i] == given[i] ? "" : " class=\"changed\"", escape_html(cells[i].second));
  }
  return out + "</tr>";
}

}  // namespace

Result<std::string> reconstructed_table(const ReportRequest& request, Split split) {
  const auto rows = request.task->reconstructed_rows(*request.learner, split, kShownRowCount);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  std::string out;
  for (const TrainingTask::Reconstructed& row : *rows) {
    const TrainingTask::Cells given = request.task->row_cells(split, row.row);
    if (out.empty()) {
      out = "<table><tr><th></th>";
      for (const auto& [column, cell] : given) {
        out += fmt::format("<th>{}</th>", escape_html(column));
      }
      out += "</tr>";
    }
    out += line("given", given, given) + line("reconstruction", row.cells, given);
  }
  return out.empty() ? out : out + "</table>";
}

}  // namespace asterism
