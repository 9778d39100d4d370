// A classifier whose last layer is cut off when it embeds.
#include <fmt/format.h>

#include <numeric>

#include "train/network_draft.hpp"

namespace asterism {
namespace {

// Each class counts as much as every other: n / (classes * n of the class), as scikit-learn's "balanced".
std::vector<float> balanced_weights(const std::vector<std::int64_t>& counts) {
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  std::vector<float> weights;
  for (const std::int64_t count : counts) {
    weights.push_back(
        count > 0 ? static_cast<float>(total / (static_cast<double>(counts.size()) * static_cast<double>(count)))
                  : 0.0F);
  }
  return weights;
}

// "none", "balanced", or a number for each class in their order.
std::vector<float> class_weights(NetworkDraft& draft) {
  const Json* const value = draft.settings.any("class_weights");
  const std::string word = value != nullptr && value->is_string() ? value->get<std::string>() : "";
  if (value == nullptr || word == "none") {
    return {};
  }
  if (word == "balanced") {
    return balanced_weights(draft.data.class_counts);
  }
  std::vector<float> weights;
  for (std::size_t i = 0; value->is_array() && i < value->size(); ++i) {
    const Json& weight = (*value)[i];
    if (weight.is_number() && weight.get<double>() >= 0.0) {
      weights.push_back(weight.get<float>());
    }
  }
  if (weights.size() != draft.data.class_names.size()) {
    draft.settings.refuse(
        fmt::format("\"class_weights\": expected \"none\", \"balanced\" or {} numbers from 0, found {}",
                    draft.data.class_names.size(), value->dump()));
  }
  return weights;
}

}  // namespace

Result<void> draft_supervised(NetworkDraft& draft) {
  if (draft.data.class_names.size() < 2) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: kind \"supervised\" needs pictures of at least 2 labels, found {}",
                            draft.settings.source(), draft.data.class_names.size()),
                "put the pictures of each label into a folder of its own, or name a label_column");
  }
  const Graph& graph = draft.encoder.model.graph;
  const auto logits = graph.find(kLogits);
  if (!logits) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: the model has no classifier to train", recipe_section(draft.recipe, "model")));
  }
  const std::string name = graph.value(*logits).name;
  LossTerm term{.name = "cross_entropy", .kind = LossKind::kCrossEntropy};
  term.options.label_smoothing = draft.settings.real({"label_smoothing", 0.0, 0.0, 0.99});
  term.options.class_weights = class_weights(draft);
  term.outputs = {output(draft, name, draft.builder.existing(name))};
  term.feeds = {std::string(kLabelsFeed)};
  draft.network.feeds.labels = true;
  draft.network.feeds.mixup_alpha = draft.recipe.augmentation.mixup_alpha;
  if (draft.network.feeds.mixup_alpha > 0.0) {
    term.feeds.emplace_back(kOtherLabelsFeed);
    term.feeds.emplace_back(kShareFeed);
  }
  draft.network.learner.losses.push_back(std::move(term));
  draft.evaluated.push_back(name);
  draft.network.classifier = name;
  return {};
}

}  // namespace asterism
