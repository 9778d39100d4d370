// Weights that are not numbers make every vector NaN: better to say so when the model is read.
#pragma once

#include <string_view>

#include "asterism/error.hpp"
#include "base/thread_pool.hpp"
#include "graph/graph.hpp"

namespace asterism {

// kCorrupt names the first tensor that holds a NaN or an infinity. Reads every weight once.
Result<void> check_finite(const ParameterMap& parameters, ThreadPool& pool, std::string_view source);
bool all_finite(const Tensor& tensor) noexcept;

}  // namespace asterism
