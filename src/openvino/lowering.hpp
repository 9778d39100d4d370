// A graph as an OpenVINO model. Private to src/openvino.
#pragma once

#include <memory>
#include <vector>

#include <openvino/core/model.hpp>

#include "graph/backend.hpp"
#include "graph/graph.hpp"
#include "openvino/linear_weight_cache.hpp"

namespace asterism {

// Who multiplies matrices: our kernels in float32, the plugin where it has bfloat16.
enum class LinearEngine : std::uint8_t { kKernels, kPlugin };

struct LoweringOptions {
  ComputePrecision weights = ComputePrecision::kF32;  // kBF16: weights are rounded to bfloat16 first
  LinearEngine linear = LinearEngine::kKernels;
};

struct LoweredModel {
  // Parameters in the order of the graph's inputs, results in the order of its outputs.
  std::shared_ptr<ov::Model> model;
};

// Linear layers run over all rows; the query, key and value layers of one attention become one matrix multiply unless
// one of them is asked for. float32 weights are shared with `parameters`' storage, not copied; others are widened. With
// kBF16, weights are rounded to bfloat16 first. May throw ov::Exception: the caller catches.
LoweredModel lower(const Graph& graph, const ParameterMap& parameters, const LoweringOptions& options,
                   LinearWeightCache& weights);

}  // namespace asterism
