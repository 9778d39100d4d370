// A last linear layer behind the vector of an encoder: y = weight * (x + shift). What `[output] whitening` of a recipe
// adds.
//
// In a model folder: "vector_projection": SIZE in config.json, and the tensors "vector_projection.shift" [dim] and
// "vector_projection.weight" [SIZE, dim] beside those of the family, whose own library passes over what it does not
// know. The mean is taken away before the product, not after it: vectors that have much in common would lose their
// differences in the rounding of bf16. Ownership: values. Thread-safety: pure functions. Cost: none that matters.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/graph.hpp"
#include "weights/safetensors.hpp"

namespace asterism {

// The key of config.json, the layer's path, and the name of its value in the graph.
inline constexpr std::string_view kVectorProjection = "vector_projection";

struct VectorProjection {
  Tensor shift;   // f32 [dim]
  Tensor weight;  // f32 [size, dim]
};

// Takes key and tensors out of a checkpoint, so that a family sees only its own; nothing where it has none.
// kMismatch where key and tensors disagree.
Result<std::optional<VectorProjection>> take_vector_projection(Json& config, std::map<std::string, Tensor>& tensors,
                                                               std::string_view source);

// Its tensors under the names that they are stored and computed by.
ParameterMap projection_parameters(const VectorProjection& projection);
// Key and tensors into what a model folder is written from.
void put_vector_projection(const VectorProjection& projection, Json& config, std::vector<NamedTensor>& tensors);

// The graph ends in the projection of `vector`, a value or alias of it. kMismatch where that is no vector of the
// projection's dim.
Result<void> append_vector_projection(Graph& graph, ParameterMap& parameters, const VectorProjection& projection,
                                      std::string_view vector, std::string_view source);

// For people: "VectorProjection(192 -> 160)"; nothing of a graph without one.
std::optional<std::string> describe_vector_projection(const Graph& graph);

}  // namespace asterism
