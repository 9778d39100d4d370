// What is nearest to queries, as a page.
#pragma once

#include "service/nearest.hpp"
#include "service/result_page.hpp"

namespace asterism::service {

// Needs a response with `keep_images`.
ResultPage nearest_page(const NearestResponse& response);

}  // namespace asterism::service
