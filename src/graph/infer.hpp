// Shape and dtype inference: one rule per op, used by the builder (as it goes) and by the verifier (again).
#pragma once

#include <span>

#include "asterism/error.hpp"
#include "graph/graph.hpp"

namespace asterism {

struct ValueType {
  DType dtype = DType::kF32;
  Shape shape;
};

// The type of `op` applied to `inputs`. kInvalidArgument says which input or attribute is wrong, what was expected and
// what was found; the caller adds the value's name. Inputs and parameters have no rule: their type is given.
Result<ValueType> infer_type(Op op, const Attributes& attributes, std::span<const Value* const> inputs);

// "[tokens, 384]", "[rows, 2]", "[512]".
std::string symbolic_shape_to_string(std::span<const std::int64_t> shape);

}  // namespace asterism
