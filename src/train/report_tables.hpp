// What a report shows of rows of tables instead of pictures.
#pragma once

#include <string>

#include "asterism/error.hpp"
#include "train/report_page.hpp"

namespace asterism {

// A few rows as they were given and as the network makes them again: HTML, empty where the task has no tables.
Result<std::string> reconstructed_table(const ReportRequest& request, Split split);

}  // namespace asterism
