// An evaluation as a page: figures beside their baselines, intervals, and plots of the rows behind them. One HTML file
// without any other, dark or light as the reader's system is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "service/evaluate_compare.hpp"
#include "service/evaluation_report.hpp"

namespace asterism::service {

// The beginning of such a page, up to its first heading; `title` is escaped.
std::string evaluation_page_head(std::string_view title);

// `comparisons` stand below the tasks, as sentences. Whatever stands in names and ids is escaped.
std::string render_evaluation(const EvaluationReport& report, const std::vector<MeasureComparison>& comparisons);

}  // namespace asterism::service
