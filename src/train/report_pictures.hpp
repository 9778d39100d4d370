// The pictures of a report: neighbours of held-out pictures, and what the network makes of them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asterism/error.hpp"
#include "image/image.hpp"
#include "train/report_page.hpp"

namespace asterism {

// HTML; empty where there is nothing to show.
Result<std::string> neighbour_rows(const ReportRequest& request);

// A held-out picture beside what the network sees and makes of it, each with its caption; all of one size.
struct ReconstructionRow {
  std::vector<std::pair<Image, std::string_view>> pictures;
};

// None where the network draws nothing or nothing was held out.
Result<std::vector<ReconstructionRow>> reconstructions(const ReportRequest& request);
// HTML.
Result<std::string> reconstruction_rows(const std::vector<ReconstructionRow>& rows);
// The pictures beside each other, as a JPEG file.
Result<std::string> encode_strip(const ReconstructionRow& row);

}  // namespace asterism
