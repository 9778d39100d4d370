// The attributes of a value as Graph::dump() writes them: private to src/graph.
#pragma once

#include <string>

#include "graph/graph.hpp"

namespace asterism {

// " epsilon=1e-05", " stride=2x2 padding=1,1,1,1"; empty when the op has none. What has its usual value is left out.
std::string attributes_to_string(const Value& value);

}  // namespace asterism
