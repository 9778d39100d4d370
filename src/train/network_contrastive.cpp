// Networks that compare pictures: two views of one, of one label, or with a teacher's vectors.
#include <fmt/format.h>

#include "train/network_draft.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kProjectionSizeMax = 1 << 14;
constexpr double kTemperatureMax = 100.0;
constexpr double kWeightMax = 1e6;

Result<void> expect_labels(const NetworkDraft& draft) {
  if (draft.data.class_names.size() >= 2) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: kind \"{}\" needs pictures of at least 2 labels, found {}", draft.settings.source(),
                          draft.kind, draft.data.class_names.size()),
              "put the pictures of each label into a folder of its own, or name a label_column");
}

ValueId embedding(NetworkDraft& draft) {
  return draft.builder.existing(draft.network.embedding);
}

ProjectionSize read_projection(NetworkDraft& draft, const ProjectionSize& missing) {
  return {draft.settings.integer({"projection_hidden_size", missing.hidden, 1, kProjectionSizeMax}),
          draft.settings.integer({"projection_size", missing.out, 1, kProjectionSizeMax})};
}

std::string projections(NetworkDraft& draft, const ProjectionSize& size) {
  return output(draft, "projection.3", fresh_projection(draft, "projection", embedding(draft), size));
}

}  // namespace

Result<void> draft_simclr(NetworkDraft& draft) {
  LossTerm term{.name = "nt_xent", .kind = LossKind::kNtXent};
  term.options.temperature = draft.settings.real({"temperature", 0.5, 1e-3, kTemperatureMax});
  term.outputs = {projections(draft, read_projection(draft, {draft.dim(), 128}))};
  draft.network.learner.losses.push_back(std::move(term));
  draft.network.feeds.view_count = 2;
  return {};
}

Result<void> draft_supervised_contrastive(NetworkDraft& draft) {
  if (auto ok = expect_labels(draft); !ok) {
    return ok;
  }
  LossTerm term{.name = "supervised_contrastive", .kind = LossKind::kSupervisedContrastive};
  term.options.temperature = draft.settings.real({"temperature", 0.1, 1e-3, kTemperatureMax});
  term.outputs = {projections(draft, read_projection(draft, {draft.dim(), 128}))};
  term.feeds = {std::string(kLabelsFeed)};
  draft.network.learner.losses.push_back(std::move(term));
  draft.network.feeds.view_count = 2;
  draft.network.feeds.labels = true;
  return {};
}

Result<void> draft_triplet(NetworkDraft& draft) {
  if (auto ok = expect_labels(draft); !ok) {
    return ok;
  }
  constexpr double kNormEpsilon = 1e-12;
  LossTerm term{.name = "triplet", .kind = LossKind::kTripletHard};
  term.options.margin = draft.settings.real({"margin", 0.2, 0.0, 2.0});
  draft.network.feeds.rows_per_label = draft.settings.integer({"rows_per_label", 4, 2, 1 << 12});
  term.outputs = {output(draft, "normalized", draft.builder.normalize("normalized", embedding(draft), kNormEpsilon))};
  term.feeds = {std::string(kLabelsFeed)};
  draft.network.learner.losses.push_back(std::move(term));
  draft.network.feeds.labels = true;
  return {};
}

Result<void> draft_vicreg(NetworkDraft& draft) {
  LossTerm term{.name = "vicreg", .kind = LossKind::kVicreg};
  term.options.invariance_weight = draft.settings.real({"invariance_weight", 25.0, 0.0, kWeightMax});
  term.options.variance_weight = draft.settings.real({"variance_weight", 25.0, 0.0, kWeightMax});
  term.options.covariance_weight = draft.settings.real({"covariance_weight", 1.0, 0.0, kWeightMax});
  term.outputs = {projections(draft, read_projection(draft, {512, 512}))};
  draft.network.learner.losses.push_back(std::move(term));
  draft.network.feeds.view_count = 2;
  return {};
}

Result<void> draft_distillation(NetworkDraft& draft) {
  draft.settings.allow({"teacher", "teacher_view_count"});
  const double cosine_weight = draft.settings.real({"cosine_weight", 1.0, 0.0, kWeightMax});
  const double similarity_weight = draft.settings.real({"similarity_weight", 0.0, 0.0, kWeightMax});
  const double temperature = draft.settings.real({"similarity_temperature", 0.0, 0.0, kTemperatureMax});
  const std::int64_t teacher_dim = draft.data.teacher_dim;
  if (teacher_dim < 1) {
    return fail(ErrorCode::kInternal, fmt::format("{}: the teacher's dim is not known", draft.settings.source()));
  }
  if (cosine_weight + similarity_weight <= 0.0) {
    draft.settings.refuse("\"cosine_weight\" and \"similarity_weight\": expected at least one above 0, found both 0");
  }
  if (cosine_weight > 0.0) {
    const ValueId vector = embedding(draft);
    const bool same = teacher_dim == draft.dim();
    LossTerm term{.name = "cosine", .kind = LossKind::kCosineDistance, .weight = cosine_weight};
    term.outputs = {output(draft, same ? draft.network.embedding : "to_teacher",
                           same ? vector : fresh_linear(draft, "to_teacher", vector, teacher_dim))};
    term.feeds = {std::string(kTeacherVectorsFeed)};
    draft.network.learner.losses.push_back(std::move(term));
  }
  if (similarity_weight > 0.0) {
    LossTerm term{.name = "similarity", .kind = LossKind::kSimilarityMatrix, .weight = similarity_weight};
    term.outputs = {output(draft, draft.network.embedding, embedding(draft))};
    term.feeds = {std::string(kTeacherVectorsFeed)};
    term.options.temperature = temperature;
    draft.network.learner.losses.push_back(std::move(term));
  }
  draft.network.feeds.teacher_vectors = true;
  return {};
}

}  // namespace asterism
