// Autoencoders: plain, denoising, sparse, variational.
#include <fmt/format.h>

#include <array>

#include "models/autoencoder.hpp"
#include "train/network_draft.hpp"

namespace asterism {
namespace {

constexpr double kWeightMax = 1e6;
constexpr std::string_view kHalf = "variational.half";

std::string value_name(const Graph& graph, std::string_view name) {
  const auto found = graph.find(name);
  return found ? graph.value(*found).name : std::string(name);
}

// z = mean + exp(log_variance / 2) * noise. Kingma and Welling 2014, section 2.4. Ends the encoder's graph at the two
// and decodes z.
Result<void> sample_code(NetworkDraft& draft, const AutoencoderPlan& plan) {
  const Graph& whole = draft.encoder.model.graph;
  const std::array names{value_name(whole, kCode), value_name(whole, kLogVariance)};
  auto graph = whole.cut(names);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  draft.builder = GraphBuilder(*std::move(graph));
  GraphBuilder& builder = draft.builder;
  const ValueId mean = builder.existing(names[0]);
  const ValueId log_variance = builder.existing(names[1]);
  draft.fresh.constant(std::string(kHalf), {1}, 0.5F);
  draft.rules[std::string(kHalf)].trained = false;
  const ValueId half =
      builder.multiply("variational.log_deviation", log_variance, builder.parameter(std::string(kHalf), {1}));
  const ValueId deviation = builder.activation("variational.deviation", half, Activation::kExp);
  const ValueId noise = builder.input(std::string(kNoiseFeed), DType::kF32, {kRowDim, plan.code_size});
  const ValueId spread = builder.multiply("variational.spread", deviation, noise);
  const ValueId code = builder.add("variational.code", mean, spread);
  decode_picture(builder, plan, code);
  LossTerm term{.name = "divergence", .kind = LossKind::kGaussianDivergence};
  const auto pixels = static_cast<double>(plan.channel_count * plan.image_size * plan.image_size);
  // The reconstruction is a mean over pixels, the divergence a sum over the code: both are of one pixel so.
  term.weight = draft.settings.real({"divergence_weight", 1.0, 0.0, kWeightMax}) / pixels;
  term.outputs = {output(draft, names[0], mean), output(draft, names[1], log_variance)};
  draft.network.learner.losses.push_back(std::move(term));
  draft.network.feeds.noise_dim = plan.code_size;
  return {};
}

void add_reconstruction(NetworkDraft& draft) {
  const std::string kind =
      draft.settings.word({"loss", "mean_square", {"mean_square", "smooth_l1", "binary_cross_entropy"}});
  LossTerm term{.name = "reconstruction", .kind = LossKind::kMeanSquare};
  const std::string picture(kReconstruction);
  const std::string logits(kReconstructionLogits);
  output(draft, picture, draft.builder.existing(picture));
  term.outputs = {picture};
  if (kind == "smooth_l1") {
    term.kind = LossKind::kSmoothL1;
    term.options.beta = draft.settings.real({"beta", 0.1, 1e-6, 1e3});
  } else if (kind == "binary_cross_entropy") {
    term.kind = LossKind::kBinaryCrossEntropy;
    term.outputs = {output(draft, logits, draft.builder.existing(logits))};
  }
  term.feeds = {std::string(kTargetFeed)};
  draft.network.learner.losses.push_back(std::move(term));
  draft.network.pictures.reconstruction = picture;
  draft.network.feeds.target = true;
}

void add_noise(NetworkDraft& draft) {
  const std::string noise = draft.settings.word({"noise", "none", {"none", "gaussian", "masking"}});
  if (noise == "none") {
    return;
  }
  const bool gaussian = noise == "gaussian";
  draft.network.feeds.input_noise = gaussian ? InputNoise::kGaussian : InputNoise::kMasking;
  draft.network.feeds.input_noise_level = draft.settings.real({"noise_level", gaussian ? 0.2 : 0.3, 0.0, 1.0});
}

void add_sparsity(NetworkDraft& draft, const AutoencoderPlan& plan) {
  const std::string sparsity = draft.settings.word({"sparsity", "none", {"none", "magnitude", "activity"}});
  if (sparsity == "none") {
    return;
  }
  const bool activity = sparsity == "activity";
  LossTerm term{.name = "sparsity", .kind = activity ? LossKind::kCodeActivity : LossKind::kCodeMagnitude};
  term.weight = draft.settings.real({"sparsity_weight", activity ? 1e-2 : 1e-3, 0.0, kWeightMax});
  if (activity) {
    term.options.target_activity = draft.settings.real({"target_activity", 0.05, 1e-4, 0.9999});
    if (plan.code_activation != Activation::kSigmoid) {
      draft.settings.refuse("\"sparsity\": \"activity\" needs a code between 0 and 1",
                            "set code_activation = \"sigmoid\" in [model]");
    }
  }
  term.outputs = {output(draft, draft.network.embedding, draft.builder.existing(draft.network.embedding))};
  draft.network.learner.losses.push_back(std::move(term));
}

}  // namespace

Result<void> draft_autoencoder(NetworkDraft& draft) {
  const PictureEncoder& encoder = draft.encoder;
  if (encoder.model.family != "autoencoder") {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: kind \"autoencoder\" trains the architecture \"autoencoder\", found \"{}\"",
                            recipe_section(draft.recipe, "model"), encoder.model.family));
  }
  const auto plan = read_autoencoder_plan(encoder.stored.config, encoder.stored.source);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  const bool variational = draft.settings.flag("variational", plan->variational);
  if (variational != plan->variational) {
    draft.settings.refuse(fmt::format("\"variational\": expected {}, as the model of \"from\" is, found {}",
                                      plan->variational, variational));
  }
  if (plan->variational) {
    if (auto ok = sample_code(draft, *plan); !ok) {
      return ok;
    }
  }
  add_reconstruction(draft);
  add_noise(draft);
  add_sparsity(draft, *plan);
  draft.evaluated.emplace_back(kReconstruction);
  return {};
}

}  // namespace asterism
