#include "encoder/layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "asterism/encoder.hpp"
#include "base/json.hpp"
#include "encoder/fusion_model.hpp"
#include "encoder/image_checkpoint.hpp"
#include "encoder/model_layout.hpp"
#include "encoder/table_encoder.hpp"
#include "graph/cost.hpp"
#include "graph/graph.hpp"
#include "graph/infer.hpp"
#include "hub/hub.hpp"
#include "models/family.hpp"
#include "models/image_family.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

using Aliases = std::map<ValueId, std::vector<std::string>>;

Aliases aliases_of(const Graph& graph) {
  Aliases aliases;
  for (const Alias& alias : graph.aliases()) {
    aliases[alias.value].push_back(alias.name);
  }
  return aliases;
}

// A vector a token. What is pooled has one a text, and nothing after it.
std::vector<LayerInfo> text_layers(const Graph& graph) {
  Aliases aliases = aliases_of(graph);
  const auto costs = multiply_adds_up_to(graph);
  std::vector<bool> pooled(graph.values().size(), false);
  std::vector<LayerInfo> layers;
  for (std::size_t i = 0; i < graph.values().size(); ++i) {
    const Value& value = graph.values()[i];
    pooled[i] = value.op == Op::kPool || std::ranges::any_of(value.inputs, [&](ValueId input) {
                  return pooled[static_cast<std::size_t>(input)];
                });
    if (value.op == Op::kInput || value.op == Op::kParameter || value.shape.size() != 2 || value.dtype != DType::kF32 ||
        pooled[i]) {
      continue;
    }
    layers.push_back({.name = value.name,
                      .op = std::string(op_name(value.op)),
                      .shape = fmt::format("[tokens, {}]", value.shape.back()),
                      .aliases = aliases[static_cast<ValueId>(i)],
                      .multiply_adds = costs[i]});
  }
  return layers;
}

std::vector<LayerInfo> image_layers(const Graph& graph) {
  Aliases aliases = aliases_of(graph);
  const auto costs = multiply_adds_up_to(graph);
  std::vector<LayerInfo> layers;
  for (std::size_t i = 0; i < graph.values().size(); ++i) {
    const Value& value = graph.values()[i];
    if (value.op == Op::kParameter || value.dtype != DType::kF32 || value.shape.empty() ||
        value.shape.front() != kRowDim || (value.op == Op::kInput && value.name != kImageInput)) {
      continue;
    }
    LayerInfo layer{.name = value.name,
                    .op = std::string(op_name(value.op)),
                    .shape = symbolic_shape_to_string(value.shape),
                    .aliases = aliases[static_cast<ValueId>(i)],
                    .multiply_adds = costs[i]};
    // Whatever place the graph gives it, the picture comes before everything that is made of it.
    layers.insert(value.op == Op::kInput ? layers.begin() : layers.end(), std::move(layer));
  }
  return layers;
}

// Those of a tabular autoencoder; of a fusion, which has no network of its own, none.
Result<std::vector<LayerInfo>> read_table_layers(const fs::path& folder) {
  const auto config = read_json_file(folder / "config.json");
  if (config && config->value("model_type", "") == kFusionType) {
    return std::vector<LayerInfo>{};
  }
  const auto model = read_table_model(folder);
  return model ? Result<std::vector<LayerInfo>>(image_layers(model->network.graph)) : std::unexpected(model.error());
}

// Of the built-in image model where `path` is empty.
Result<std::vector<LayerInfo>> read_image_layers(const fs::path& path, const LayerListOptions& options) {
  EncoderOptions encoder;
  encoder.image_height = options.image_height;
  encoder.image_width = options.image_width;
  const auto files = path.empty() ? read_builtin_image_model(encoder) : read_image_model(path, encoder);
  if (!files) {
    return std::unexpected(files.error());
  }
  return image_layers(files->model.graph);
}

Result<std::vector<LayerInfo>> read_text_layers(const fs::path& folder) {
  auto layout = read_model_layout(folder);
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
  return text_layers(built->graph);
}

}  // namespace

Result<LayerList> list_layers(std::string_view model, const LayerListOptions& options) {
  LayerList list;
  if (model == kBuiltinModel) {
    return list;
  }
  const bool builtin = model == kBuiltinImageModel;
  const auto location =
      builtin ? Result<ModelLocation>(ModelLocation{}) : resolve_model(model, hub_options_from_environment());
  if (!location) {
    return std::unexpected(location.error());
  }
  const auto kind = builtin ? Result<ModelKind>(ModelKind::kImage) : model_kind(location->folder);
  if (!kind) {
    return std::unexpected(kind.error());
  }
  list.kind = *kind;
  if (*kind == ModelKind::kWords) {
    return list;
  }
  list.tower = *kind == ModelKind::kText ? Tower::kText : *kind == ModelKind::kImage ? Tower::kImage : options.tower;
  if (*kind == ModelKind::kTable) {
    list.tower = Tower::kTable;
  }
  auto layers = list.tower == Tower::kTable  ? read_table_layers(location->folder)
                : list.tower == Tower::kText ? read_text_layers(location->folder)
                                             : read_image_layers(location->folder, options);
  if (!layers) {
    return std::unexpected(layers.error());
  }
  list.layers = *std::move(layers);
  return list;
}

}  // namespace asterism
