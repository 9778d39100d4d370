#include "models/vector_projection.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace asterism {
namespace {

constexpr std::string_view kShift = "vector_projection.shift";
constexpr std::string_view kWeight = "vector_projection.weight";

// Moves the tensor out; nothing where it is not there.
std::optional<Tensor> take(std::map<std::string, Tensor>& tensors, std::string_view name) {
  auto node = tensors.extract(std::string(name));
  return node.empty() ? std::nullopt : std::optional(std::move(node.mapped()));
}

std::string shape_of(const std::optional<Tensor>& tensor) {
  return tensor ? shape_to_string(tensor->shape()) : "none";
}

}  // namespace

Result<std::optional<VectorProjection>> take_vector_projection(Json& config, std::map<std::string, Tensor>& tensors,
                                                               std::string_view source) {
  std::optional<Tensor> shift = take(tensors, kShift);
  std::optional<Tensor> weight = take(tensors, kWeight);
  const bool declared = config.is_object() && config.contains(kVectorProjection);
  if (!declared && !shift && !weight) {
    return std::nullopt;
  }
  const Json size = declared ? config[kVectorProjection] : Json();
  if (declared) {
    config.erase(std::string(kVectorProjection));
  }
  const bool whole = size.is_number_integer() && shift && weight && shift->shape().size() == 1 &&
                     weight->shape() == Shape{size.get<std::int64_t>(), shift->shape()[0]};
  if (!whole) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: expected \"{}\": SIZE with the tensors \"{}\" [dim] and \"{}\" [SIZE, dim], found {} "
                            "with {} and {}",
                            source, kVectorProjection, kShift, kWeight, size.is_null() ? "no such key" : size.dump(),
                            shape_of(shift), shape_of(weight)),
                "check that config.json and the weights belong to the same model");
  }
  return VectorProjection{shift->to_f32(), weight->to_f32()};
}

ParameterMap projection_parameters(const VectorProjection& projection) {
  return {{std::string(kShift), projection.shift}, {std::string(kWeight), projection.weight}};
}

void put_vector_projection(const VectorProjection& projection, Json& config, std::vector<NamedTensor>& tensors) {
  config[kVectorProjection] = projection.weight.shape()[0];
  for (auto& [name, tensor] : projection_parameters(projection)) {
    tensors.push_back({name, tensor});
  }
}

Result<void> append_vector_projection(Graph& graph, ParameterMap& parameters, const VectorProjection& projection,
                                      std::string_view vector, std::string_view source) {
  const auto found = graph.find(vector);
  const Shape shape = found ? graph.value(*found).shape : Shape{};
  if (shape.size() != 2 || shape[1] != projection.shift.shape()[0]) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: \"{}\": expected the {} values that the model's vector has, found {}", source, kShift,
                            shape.size() == 2 ? shape[1] : 0, projection.shift.shape()[0]),
                "check that the tensors belong to the same model");
  }
  GraphBuilder builder(std::move(graph));
  const ValueId shift = builder.parameter(std::string(kShift), projection.shift.shape());
  const ValueId weight = builder.parameter(std::string(kWeight), projection.weight.shape());
  const std::string name(kVectorProjection);
  const ValueId moved = builder.add(name + ".shifted", builder.existing(vector), shift);
  auto extended = builder.finish(std::array{builder.linear(name, moved, weight)});
  if (!extended) {
    return fail(extended.error().code, fmt::format("{}: {}", source, extended.error().message), extended.error().hint);
  }
  graph = *std::move(extended);
  parameters.merge(projection_parameters(projection));
  return {};
}

std::optional<std::string> describe_vector_projection(const Graph& graph) {
  const auto weight = graph.find(kWeight);
  if (!weight) {
    return std::nullopt;
  }
  const Shape& shape = graph.value(*weight).shape;
  return fmt::format("VectorProjection({} -> {})", shape[1], shape[0]);
}

}  // namespace asterism
