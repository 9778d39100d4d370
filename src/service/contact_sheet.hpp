// Use case: look at an embedding. Its projections to two dimensions side by side, coloured by every column that is
// asked for, as one page without any other file, and as one picture.
//
// Thread-safety: any thread. Cost: that of the projections; a page shows at most 4,000 points a picture.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/estimator.hpp"
#include "asterism/error.hpp"
#include "image/image.hpp"
#include "service/collections.hpp"

namespace asterism::service {

// Points of one picture.
inline constexpr std::size_t kSheetPointCountMax = 4000;

struct ContactSheetRequest {
  std::string input;                 // vectors (service/analysis_rows.hpp)
  std::string columns_file;          // a row for each vector that holds the columns
  std::vector<std::string> columns;  // to colour by; the first is what supervised methods learn from
  std::vector<std::string> methods;  // of analysis/estimators.hpp; empty = every one that the data allows
  CollectionTarget collection;
  std::uint64_t seed = 0;
  bool with_image = false;
};

struct ContactSheet {
  std::string page;                // HTML
  Image image;                     // empty unless asked for
  std::vector<std::string> notes;  // methods that could not be used, and why
  std::size_t picture_count = 0;
};

// kInvalidArgument where no method could be used.
Result<ContactSheet> contact_sheet(const ContactSheetRequest& request, const AnalysisRun& run);

}  // namespace asterism::service
