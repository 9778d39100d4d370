#include "train/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "train/network_draft.hpp"

namespace asterism {
namespace {

struct Kind {
  RecipeKind kind;
  std::string_view name;
  Result<void> (*draft)(NetworkDraft& draft);
};

constexpr std::array kKinds{
    Kind{RecipeKind::kSupervised, "supervised", draft_supervised},
    Kind{RecipeKind::kAutoencoder, "autoencoder", draft_autoencoder},
    Kind{RecipeKind::kMaskedAutoencoder, "masked_autoencoder", draft_masked_autoencoder},
    Kind{RecipeKind::kSimclr, "simclr", draft_simclr},
    Kind{RecipeKind::kSupervisedContrastive, "supervised_contrastive", draft_supervised_contrastive},
    Kind{RecipeKind::kTriplet, "triplet", draft_triplet},
    Kind{RecipeKind::kVicreg, "vicreg", draft_vicreg},
    Kind{RecipeKind::kData2vec, "data2vec", draft_data2vec},
    Kind{RecipeKind::kDistillation, "distillation", draft_distillation},
};

// The graph, ended at `outputs`; parameters that are new in it are taken from the encoder, the checkpoint or the fresh
// layers.
Result<void> add_graph(NetworkDraft& draft, std::string_view role, Graph graph,
                       const std::map<std::string, Tensor>& fresh) {
  ParameterMap& parameters = draft.network.learner.parameters;
  for (const Value& value : graph.values()) {
    if (value.op != Op::kParameter || parameters.contains(value.name)) {
      continue;
    }
    const auto& known = draft.encoder.model.parameters;
    const auto& stored = draft.encoder.stored.tensors;
    if (const auto it = known.find(value.name); it != known.end()) {
      parameters.emplace(value.name, it->second);
    } else if (const auto made = fresh.find(value.name); made != fresh.end()) {
      parameters.emplace(value.name, made->second);
    } else if (const auto kept = stored.find(value.name); kept != stored.end()) {
      parameters.emplace(value.name, kept->second.to_f32());
    }
  }
  if (auto ok = graph.check_bound(parameters); !ok) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: the model lacks what this objective trains: {}",
                            recipe_section(draft.recipe, "objective"), ok.error().message),
                "start from a model that was saved with it, or from random weights");
  }
  draft.network.learner.graphs.emplace(role, std::move(graph));
  return {};
}

Result<void> add_evaluation(NetworkDraft& draft) {
  TrainingNetwork& network = draft.network;
  std::vector<std::string> outputs{network.embedding};
  outputs.insert(outputs.end(), draft.evaluated.begin(), draft.evaluated.end());
  auto graph = draft.encoder.model.graph.cut(outputs);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  const auto embedding = draft.encoder.model.graph.cut(std::array{network.embedding});
  if (!embedding) {
    return std::unexpected(embedding.error());
  }
  for (const Value& value : embedding->values()) {
    if (value.op == Op::kParameter) {
      network.parameter_count += static_cast<std::int64_t>(*shape_element_count(value.shape));
    }
  }
  return add_graph(draft, kEvaluateGraph, *std::move(graph), {});
}

Result<void> add_rules(NetworkDraft& draft) {
  LearnerSpec& learner = draft.network.learner;
  ParameterRules rules;
  const Graph& trained = learner.graphs.at(std::string(kTrainGraph));
  add_decay_rules(trained, rules);
  if (draft.recipe.training.layer_decay < 1.0) {
    add_layer_rules(learner.graphs.at(std::string(kEvaluateGraph)), draft.recipe.training.layer_decay, rules);
  }
  const std::string section = recipe_section(draft.recipe, "model");
  if (auto ok = add_frozen_rules(trained, draft.recipe.model.frozen, section, rules); !ok) {
    return ok;
  }
  for (const auto& [name, rule] : draft.rules) {
    rules[name].trained = rules[name].trained && rule.trained;
  }
  learner.rules = std::move(rules);
  return {};
}

Result<void> check_recipe(const Recipe& recipe, std::string_view kind) {
  const ModelRecipe& model = recipe.model;
  for (const auto* values : {&model.mean, &model.std}) {
    const auto count = static_cast<std::int64_t>(values->size());
    if (count != 1 && count != 3 && count != model.channel_count) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: \"{}\": expected one number or {}, found {}", recipe_section(recipe, "model"),
                              values == &model.mean ? "mean" : "std", model.channel_count, count));
    }
  }
  if (recipe.augmentation.mixup_alpha > 0.0 && recipe.objective.kind != RecipeKind::kSupervised) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"mixup_alpha\": expected 0 with kind \"{}\", found {}",
                            recipe_section(recipe, "augmentation"), kind, recipe.augmentation.mixup_alpha),
                "only supervised recipes mix pictures and their labels");
  }
  return {};
}

PictureFeedPlan plain_feeds(const ModelRecipe& model) {
  PictureFeedPlan feeds;
  feeds.channel_count = model.channel_count;
  feeds.height = feeds.width = model.image_size;
  feeds.mean = channel_values(model.mean, model.channel_count);
  feeds.std = channel_values(model.std, model.channel_count);
  return feeds;
}

}  // namespace

Result<void> finish_network(NetworkDraft& draft) {
  auto graph = draft.builder.finish(draft.outputs);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  std::vector<std::string> names;
  for (const ValueId id : draft.outputs) {
    names.push_back(graph->value(id).name);
  }
  auto cut = graph->cut(names);
  if (!cut) {
    return std::unexpected(cut.error());
  }
  if (auto ok = add_graph(draft, kTrainGraph, *std::move(cut), draft.fresh.take()); !ok) {
    return ok;
  }
  if (auto ok = add_evaluation(draft); !ok) {
    return ok;
  }
  draft.network.learner.averaged = draft.network.learner.averaged || draft.recipe.training.average_decay > 0.0;
  return add_rules(draft);
}

std::string output(NetworkDraft& draft, std::string name, ValueId value) {
  if (std::ranges::find(draft.outputs, value) == draft.outputs.end()) {
    draft.outputs.push_back(value);
  }
  return name;
}

ValueId fresh_linear(NetworkDraft& draft, const std::string& path, ValueId x, std::int64_t out_size) {
  const Shape shape = draft.builder.shape(x);
  const std::int64_t in_size = shape.empty() ? 1 : shape.back();
  draft.fresh.layer(path, {out_size, in_size}, InitialRule::kTorchDefault);
  const ValueId weight = draft.builder.parameter(path + ".weight", {out_size, in_size});
  return draft.builder.linear(path, x, weight, draft.builder.parameter(path + ".bias", {out_size}));
}

ValueId fresh_projection(NetworkDraft& draft, const std::string& path, ValueId x, const ProjectionSize& size) {
  constexpr double kEpsilon = 1e-5;
  const ValueId hidden = fresh_linear(draft, path + ".0", x, size.hidden);
  const std::string norm = path + ".1";
  draft.fresh.batch_norm(norm, size.hidden);
  const auto part = [&](const char* leaf) { return draft.builder.parameter(norm + leaf, {size.hidden}); };
  const BatchNormInputs inputs{hidden, part(".weight"), part(".bias"), part(".running_mean"), part(".running_var")};
  const ValueId normed = draft.builder.batch_norm(norm, inputs, kEpsilon);
  const ValueId active = draft.builder.activation(path + ".2", normed, Activation::kRelu);
  return fresh_linear(draft, path + ".3", active, size.out);
}

Result<TrainingNetwork> build_picture_network(const Recipe& recipe, const DataSummary& data) {
  const auto* const kind = std::ranges::find(kKinds, recipe.objective.kind, &Kind::kind);
  if (kind == kKinds.end()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: the kind does not learn from pictures", recipe_section(recipe, "objective")));
  }
  if (auto ok = check_recipe(recipe, kind->name); !ok) {
    return std::unexpected(ok.error());
  }
  const auto encoder = make_picture_encoder(recipe, data);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  NetworkDraft draft{.recipe = recipe,
                     .data = data,
                     .encoder = *encoder,
                     .kind = kind->name,
                     .settings = objective_settings(recipe),
                     .fresh = InitialTensors(recipe.training.seed),
                     .builder = GraphBuilder(encoder->model.graph)};
  draft.settings.allow({"kind"});
  const auto vector = encoder->model.graph.find(kPenultimate);
  const Value& value = encoder->model.graph.value(*vector);
  if (value.shape.size() != 2) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: the model gives no vector", recipe_section(recipe, "model")));
  }
  draft.network.embedding = value.name;
  draft.network.dim = value.shape.back();
  draft.network.feeds = plain_feeds(recipe.model);
  if (auto ok = kind->draft(draft); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = draft.settings.done(); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = finish_network(draft); !ok) {
    return std::unexpected(ok.error());
  }
  return std::move(draft.network);
}

}  // namespace asterism
