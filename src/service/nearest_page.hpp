// A page that shows queries and what is nearest to them: one HTML file, pictures inside it as data URIs.
#pragma once

#include <filesystem>
#include <string>

#include "asterism/error.hpp"
#include "service/nearest.hpp"

namespace asterism::service {

// Longest edge of the pictures on the page.
inline constexpr std::int64_t kThumbnailEdge = 160;

// Pictures are scaled down, so that a page of a hundred is a few hundred kilobytes. What cannot be decoded shows as its
// name alone. Needs a response with `keep_images`. Whatever stands in names and texts is escaped.
std::string nearest_page(const NearestResponse& response);

// Appears whole or not at all.
Result<void> write_nearest_page(const NearestResponse& response, const std::filesystem::path& path);

}  // namespace asterism::service
