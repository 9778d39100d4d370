// Curves of a run as SVG, to stand inside a page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "train/metrics_file.hpp"

namespace asterism {

// One curve of column `column` over steps; empty where fewer than two rows have it.
std::string curve_svg(const std::vector<MetricsRow>& rows, std::string_view column);

}  // namespace asterism
