#include "encoder/layers.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "asterism/encoder.hpp"
#include "base/json.hpp"
#include "encoder/model_layout.hpp"
#include "graph/graph.hpp"
#include "hub/hub.hpp"
#include "models/family.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

std::vector<LayerInfo> describe_values(const Graph& graph) {
  std::map<ValueId, std::vector<std::string>> aliases;
  for (const Alias& alias : graph.aliases()) {
    aliases[alias.value].push_back(alias.name);
  }
  std::vector<LayerInfo> layers;
  for (std::size_t i = 0; i < graph.values().size(); ++i) {
    const Value& value = graph.values()[i];
    if (value.op == Op::kInput || value.op == Op::kParameter || value.shape.size() != 2 || value.dtype != DType::kF32) {
      continue;
    }
    layers.push_back({.name = value.name,
                      .op = std::string(op_name(value.op)),
                      .shape = fmt::format("[tokens, {}]", value.shape.back()),
                      .aliases = aliases[static_cast<ValueId>(i)]});
  }
  return layers;
}

}  // namespace

Result<std::vector<LayerInfo>> list_layers(std::string_view model) {
  if (model == kBuiltinModel) {
    return std::vector<LayerInfo>{};
  }
  auto location = resolve_model(model, hub_options_from_environment());
  if (!location) {
    return std::unexpected(location.error());
  }
  auto layout = read_model_layout(location->folder);
  if (!layout) {
    return std::unexpected(layout.error());
  }
  if (layout->kind == LayoutKind::kStatic) {
    return std::vector<LayerInfo>{};
  }
  const auto path = layout->first_folder / "config.json";
  auto config = read_json_file(path);
  if (!config) {
    return std::unexpected(config.error());
  }
  auto tensors = read_checkpoint(layout->first_folder);
  if (!tensors) {
    return std::unexpected(tensors.error());
  }
  auto built = build_text_model(*config, *std::move(tensors), path.string());
  if (!built) {
    return std::unexpected(built.error());
  }
  return describe_values(built->graph);
}

}  // namespace asterism
