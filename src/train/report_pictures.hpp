// The pictures of a report: neighbours of held-out pictures, and what the network makes of them.
#pragma once

#include <string>

#include "asterism/error.hpp"
#include "train/report_page.hpp"

namespace asterism {

// HTML; empty where there is nothing to show.
Result<std::string> neighbour_rows(const ReportRequest& request);
Result<std::string> reconstruction_rows(const ReportRequest& request);

}  // namespace asterism
