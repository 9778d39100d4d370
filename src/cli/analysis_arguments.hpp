// What the commands that analyse vectors share: which vectors, with which texts, and how they are compared.
#pragma once

#include <optional>
#include <string>

#include "asterism/error.hpp"
#include "asterism/metric.hpp"
#include "cli/command.hpp"
#include "cli/progress.hpp"
#include "service/analysis_rows.hpp"

namespace asterism::cli {

struct AnalysisArguments {
  service::AnalysisRowsRequest rows;
  std::string format = "auto";  // of the file of texts
  std::string metric;           // empty = the collection's, else cosine
};

// INPUT, --texts, --column, --format, --filter, --tensor, --at-version, --metric and --threads.
void add_analysis_options(CLI::App& command, AnalysisArguments& arguments);
Result<service::AnalysisRowsRequest> to_analysis_rows(const AnalysisArguments& arguments);
Result<std::optional<Metric>> to_analysis_metric(const AnalysisArguments& arguments);

// What AnalysisRun::progress calls, shown as steps; borrows `progress`.
std::function<void(std::string_view, std::size_t, std::size_t)> analysis_sink(StepProgress& progress);

// A remark on rows that have no vector, where there are any.
void note_left_out(Console& console, const service::AnalysisRows& rows);

}  // namespace asterism::cli
