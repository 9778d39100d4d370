// Networks that see a part of the picture: the masked autoencoder and data2vec.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "models/vit_mae_decoder.hpp"
#include "train/network_draft.hpp"

namespace asterism {
namespace {

struct PatchGrid {
  std::int64_t patch_size = 0;
  std::int64_t patch_count = 0;
};

Result<PatchGrid> patch_grid(const NetworkDraft& draft) {
  const Json& config = draft.encoder.stored.config;
  const auto size = json_get<std::int64_t>(config, "patch_size", draft.encoder.stored.source);
  if (!size) {
    return std::unexpected(size.error());
  }
  const std::int64_t image_size = draft.recipe.model.image_size;
  if (*size < 1 || image_size % *size != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"image_size\": expected a multiple of the patch size ({}), found {}",
                            recipe_section(draft.recipe, "model"), *size, image_size));
  }
  return PatchGrid{*size, (image_size / *size) * (image_size / *size)};
}

Result<void> expect_family(const NetworkDraft& draft, std::string_view family, std::string_view architecture) {
  if (draft.encoder.model.family == family) {
    return {};
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: kind \"{}\" trains the architecture \"{}\", found \"{}\"",
                          recipe_section(draft.recipe, "model"), draft.kind, architecture, draft.encoder.model.family));
}

// Patches that are hidden, as transformers counts them: what is kept is rounded down. At least one of each.
std::int64_t hidden_count(const PatchGrid& grid, double share) {
  const auto kept = static_cast<std::int64_t>(static_cast<double>(grid.patch_count) * (1.0 - share));
  return grid.patch_count - std::clamp<std::int64_t>(kept, 1, grid.patch_count - 1);
}

ImageModelOptions size_of(const Recipe& recipe) {
  return {.height = recipe.model.image_size, .width = recipe.model.image_size};
}

TargetNorm target_norm(NetworkDraft& draft) {
  const std::string word = draft.settings.word({"target_norm", "layer", {"layer", "instance", "batch"}});
  return word == "instance" ? TargetNorm::kInstance : word == "batch" ? TargetNorm::kBatch : TargetNorm::kLayer;
}

// "last_hidden_state" or another alias by its own name.
ValueId existing(NetworkDraft& draft, std::string_view name) {
  return draft.builder.existing(name);
}

}  // namespace

Result<void> draft_masked_autoencoder(NetworkDraft& draft) {
  if (auto ok = expect_family(draft, "vit_mae", "vit_mae"); !ok) {
    return ok;
  }
  const auto grid = patch_grid(draft);
  if (!grid) {
    return std::unexpected(grid.error());
  }
  PictureFeedPlan& feeds = draft.network.feeds;
  feeds.patch_size = grid->patch_size;
  feeds.hidden_count = hidden_count(*grid, draft.settings.real({"mask_share", 0.75, 0.01, 0.99}));
  feeds.masking = draft.settings.word({"masking", "random", {"random", "blocks"}}) == "blocks" ? PatchMasking::kBlocks
                                                                                               : PatchMasking::kRandom;
  feeds.patches = true;
  feeds.normalize_patches = draft.settings.flag("normalize_patches", true);
  ImageModelOptions options = size_of(draft.recipe);
  options.kept_patch_count = grid->patch_count - feeds.hidden_count;
  auto model = build_stored(draft.encoder, options);
  if (!model) {
    return std::unexpected(model.error());
  }
  draft.builder = GraphBuilder(std::move(model->graph));
  MaeDecoderInputs inputs;
  inputs.tokens = existing(draft, "last_hidden_state");
  inputs.ids_restore = draft.builder.input(std::string(kIdsRestoreFeed), DType::kI32, {kRowDim, grid->patch_count});
  const auto prediction =
      append_mae_decoder(draft.builder, draft.encoder.stored.config, inputs, draft.encoder.stored.source);
  if (!prediction) {
    return std::unexpected(prediction.error());
  }
  const std::string name = output(draft, "decoder.prediction", *prediction);
  LossTerm term{.name = "hidden_patches", .kind = LossKind::kMeanSquare};
  term.outputs = {name};
  term.feeds = {std::string(kPatchesFeed), std::string(kMaskFeed)};
  draft.network.learner.losses.push_back(std::move(term));
  draft.network.pictures.patches = name;
  // Sines and cosines: fixed.
  draft.rules[std::string(kMaePositions)].trained = false;
  draft.rules["embeddings.position_embeddings"].trained = false;
  return {};
}

Result<void> draft_data2vec(NetworkDraft& draft) {
  if (auto ok = expect_family(draft, "data2vec-vision", "data2vec"); !ok) {
    return ok;
  }
  if (draft.recipe.training.average_decay <= 0.0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"average_decay\": kind \"data2vec\" needs a teacher, which is the average of the "
                            "weights, found {}",
                            recipe_section(draft.recipe, "training"), draft.recipe.training.average_decay),
                "set average_decay to 0.99 to 0.9999, the longer the run the nearer to 1");
  }
  const auto grid = patch_grid(draft);
  if (!grid) {
    return std::unexpected(grid.error());
  }
  const auto layer_count =
      json_get<std::int64_t>(draft.encoder.stored.config, "num_hidden_layers", draft.encoder.stored.source);
  if (!layer_count) {
    return std::unexpected(layer_count.error());
  }
  PictureFeedPlan& feeds = draft.network.feeds;
  feeds.patch_size = grid->patch_size;
  feeds.hidden_count = hidden_count(*grid, draft.settings.real({"mask_share", 0.6, 0.01, 0.99}));
  feeds.masking = draft.settings.word({"masking", "blocks", {"random", "blocks"}}) == "blocks" ? PatchMasking::kBlocks
                                                                                               : PatchMasking::kRandom;
  const std::int64_t top_count =
      draft.settings.integer({"top_layer_count", std::max<std::int64_t>(*layer_count / 2, 1), 1, *layer_count});
  LossTerm term{.name = "layer_regression", .kind = LossKind::kLayerRegression};
  term.options.beta = draft.settings.real({"beta", 2.0, 1e-6, 1e3});
  term.options.target_norm = target_norm(draft);
  ImageModelOptions options = size_of(draft.recipe);
  options.masked_patches = MaskedPatches::kByIds;
  auto student = build_stored(draft.encoder, options);
  if (!student) {
    return std::unexpected(student.error());
  }
  draft.builder = GraphBuilder(std::move(student->graph));
  const ValueId tokens = existing(draft, fmt::format("{}{}", kFeaturesPrefix, *layer_count));
  const ValueId patches =
      draft.builder.slice("regression.patches", tokens, {.axis = 1, .begin = 1, .size = grid->patch_count});
  const std::int64_t size = draft.builder.shape(tokens).empty() ? 1 : draft.builder.shape(tokens).back();
  term.outputs = {output(draft, "regression", fresh_linear(draft, "regression", patches, size))};
  term.feeds = {std::string(kMaskFeed)};
  const Graph& plain = draft.encoder.model.graph;
  for (std::int64_t i = *layer_count - top_count; i < *layer_count; ++i) {
    const auto layer = plain.find(fmt::format("{}{}", kFeaturesPrefix, i + 1));
    if (!layer) {
      return std::unexpected(layer.error());
    }
    term.teacher_outputs.push_back(plain.value(*layer).name);
  }
  auto teacher = plain.cut(term.teacher_outputs);
  if (!teacher) {
    return std::unexpected(teacher.error());
  }
  draft.network.learner.graphs.emplace(kTeacherGraph, *std::move(teacher));
  draft.network.learner.averaged = true;
  draft.network.learner.losses.push_back(std::move(term));
  return {};
}

}  // namespace asterism
