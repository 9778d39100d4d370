// What every report has, whatever was learnt. HTML; pure functions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "train/recipe.hpp"
#include "train/task.hpp"

namespace asterism {

// The beginning of the page: style, name and description.
std::string report_head(const Recipe& recipe);
// A line for each member of `result` that is named: key and what it is called. Members as to_json(Quality).
using ReportFigure = std::pair<std::string, std::string>;
std::string report_figures(const Json& result, const std::vector<ReportFigure>& rows);
std::string report_data(const DataReport& data);
// Every key of the recipe.
std::string report_settings(const Json& settings);

}  // namespace asterism
