// A page that shows queries and what was found for them: one HTML file, pictures inside it as data URIs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/row.hpp"

namespace asterism::service {

// Longest edge of the pictures on the page.
inline constexpr std::int64_t kThumbnailEdge = 160;

struct PageFigure {
  PayloadKind kind = PayloadKind::kText;
  std::string content = {};  // the text, or the image file; empty where there is none to show
  std::string score = {};    // as it is shown; empty for a query
  std::string caption = {};
};

struct PageSection {
  PageFigure query;
  std::vector<PageFigure> found;  // best first
};

struct ResultPage {
  std::string title;
  std::string remark;  // below the title
  std::vector<PageSection> sections;
};

// Pictures are scaled down, so that a page of a hundred is a few hundred kilobytes. What cannot be decoded shows as its
// name alone. Whatever stands in names and texts is escaped.
std::string render_page(const ResultPage& page);

// Appears whole or not at all.
Result<void> write_page(const ResultPage& page, const std::filesystem::path& path);

}  // namespace asterism::service
