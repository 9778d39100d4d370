// An evaluation as a page: figures beside their baselines, intervals, and plots of the rows behind them. One HTML file
// without any other, dark or light as the reader's system is.
#pragma once

#include <string>

#include "service/evaluation_report.hpp"

namespace asterism::service {

// The beginning of such a page, up to its first heading; `title` is escaped.
std::string evaluation_page_head(std::string_view title);

// Whatever stands in names and ids is escaped.
std::string render_evaluation(const EvaluationReport& report);

}  // namespace asterism::service
