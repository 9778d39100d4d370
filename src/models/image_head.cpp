#include "models/image_head.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "models/parameter_edit.hpp"

namespace asterism {

ValueId image_input(GraphBuilder& builder, std::int64_t channels, const Grid& size) {
  return builder.input(std::string(kImageInput), DType::kF32, {kRowDim, channels, size.height, size.width});
}

Result<std::int64_t> classifier_size(const ParameterMap& parameters, const std::string& path,
                                     const DeclaredClasses& declared, std::string_view source) {
  if (!parameters.contains(path + ".weight")) {
    return 0;
  }
  const auto rows = parameter_size(parameters, path + ".weight", 0, source);
  if (rows && declared.count > 0 && *rows != declared.count) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: \"{}\" of the configuration is {}, but \"{}.weight\" has {} rows", source,
                            declared.key, declared.count, path, *rows),
                "check that config.json and the weights belong to the same model");
  }
  return rows;
}

void feature_alias(GraphBuilder& builder, std::int64_t index, ValueId value) {
  builder.alias(fmt::format("{}{}", kFeaturesPrefix, index), value);
}

Result<ImageModel> finish_image_model(GraphBuilder& builder, ValueId penultimate, ParameterMap parameters,
                                      ImageModel model, std::string_view source) {
  builder.alias(std::string(kPenultimate), penultimate);
  auto graph = builder.finish(std::array{penultimate});
  if (!graph) {
    return fail(graph.error().code, fmt::format("{}: {}", source, graph.error().message), graph.error().hint);
  }
  for (const Value& value : graph->values()) {
    if (value.op == Op::kInput && value.name == kImageInput) {
      model.channels = value.shape[1];
      model.height = value.shape[2];
      model.width = value.shape[3];
    }
  }
  model.graph = *std::move(graph);
  model.parameters = std::move(parameters);
  return model;
}

}  // namespace asterism
