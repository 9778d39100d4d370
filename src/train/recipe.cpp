#include "train/recipe.hpp"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <array>
#include <limits>
#include <optional>
#include <sstream>

#include "base/file.hpp"
#include "train/recipe_section.hpp"

namespace asterism {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kManyMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kThreadCountMax = 1024;
constexpr std::int64_t kImageSizeMax = 4096;
constexpr std::int64_t kWhiteningMax = 1 << 16;
constexpr double kJustBelowOne = 1.0 - 1e-9;
// Smallest rate or scale that means anything in f32 arithmetic.
constexpr double kTiny = 1e-30;

constexpr std::array<RecipeWord<RecipeKind>, 11> kKinds{{{"supervised", RecipeKind::kSupervised},
                                                         {"autoencoder", RecipeKind::kAutoencoder},
                                                         {"masked_autoencoder", RecipeKind::kMaskedAutoencoder},
                                                         {"simclr", RecipeKind::kSimclr},
                                                         {"supervised_contrastive", RecipeKind::kSupervisedContrastive},
                                                         {"triplet", RecipeKind::kTriplet},
                                                         {"vicreg", RecipeKind::kVicreg},
                                                         {"data2vec", RecipeKind::kData2vec},
                                                         {"distillation", RecipeKind::kDistillation},
                                                         {"tabular_autoencoder", RecipeKind::kTabularAutoencoder},
                                                         {"fusion", RecipeKind::kFusion}}};
constexpr std::array<RecipeWord<Precision>, 3> kPrecisions{
    {{"auto", Precision::kAuto}, {"f32", Precision::kF32}, {"bf16", Precision::kBF16}}};
constexpr std::array<RecipeWord<DType>, 2> kWeights{{{"f32", DType::kF32}, {"f16", DType::kF16}}};
constexpr std::array<RecipeWord<LearnerDevice>, 3> kDevices{
    {{"auto", LearnerDevice::kAuto}, {"cpu", LearnerDevice::kCpu}, {"cuda", LearnerDevice::kCuda}}};
constexpr std::array<RecipeWord<OptimizerKind>, 3> kOptimizers{
    {{"adamw", OptimizerKind::kAdamW}, {"sgd", OptimizerKind::kSgd}, {"lamb", OptimizerKind::kLamb}}};
constexpr std::array<RecipeWord<ScheduleKind>, 3> kSchedules{
    {{"constant", ScheduleKind::kConstant}, {"cosine", ScheduleKind::kCosine}, {"step", ScheduleKind::kStep}}};

constexpr std::array<std::string_view, 9> kSections{"data",     "evaluation", "model",    "objective", "augmentation",
                                                    "training", "optimizer",  "schedule", "output"};
// Of pictures that are evaluated apart from those that are learnt from.
constexpr double kEvaluationTestShare = 0.3;

// Which pictures, and what their labels are.
void read_rows(RecipeSection& section, DataRecipe& data) {
  section.texts("inputs", data.inputs);
  section.text("image_column", data.image_column);
  section.text("image_folder", data.image_folder);
  section.integer("tile_size", data.tile_size, {0, kImageSizeMax});
  section.text("label_column", data.label_column);
  section.text("group_column", data.group_column);
  section.text("label_pattern", data.label_pattern);
  section.text("group_pattern", data.group_pattern);
  section.text("labels_file", data.labels_file);
  section.real("test_share", data.test_share, {0.0, kJustBelowOne});
  section.integer("split_seed", data.split_seed, {0, static_cast<std::uint64_t>(kManyMax)});
}

void read_data(RecipeSection& section, DataRecipe& data, RecipeKind /*kind*/) {
  read_rows(section, data);
  section.text("text_column", data.text_column);
  section.real("validation_share", data.validation_share, {0.0, kJustBelowOne});
  section.texts("numeric_columns", data.numeric_columns);
  section.texts("categorical_columns", data.categorical_columns);
  section.integer("rare_count_min", data.rare_count_min, {1, kManyMax});
  section.integer("rows_max", data.row_count_max, {0, kManyMax});
  std::int64_t cache_mb = 0;
  section.integer("cache_mb", cache_mb, {0, std::int64_t{1} << 30});
  data.cache_size_bytes = cache_mb * 1'000'000;
  if (data.validation_share + data.test_share > kJustBelowOne) {
    section.refuse(section.has("test_share") ? "test_share" : "validation_share",
                   fmt::format("validation_share {} and test_share {} leave nothing to learn from",
                               data.validation_share, data.test_share));
  }
  if (data.inputs.empty()) {
    section.refuse("inputs", "expected at least one folder or file, found none",
                   "name them in [data] inputs, or give --input PATH");
  }
}

void read_evaluation(RecipeSection& section, DataRecipe& evaluation, RecipeKind kind) {
  evaluation.validation_share = 0.0;
  evaluation.test_share = kEvaluationTestShare;
  read_rows(section, evaluation);
  if (evaluation.inputs.empty()) {
    section.refuse("inputs", "expected at least one folder or file, found none",
                   "name the pictures to evaluate on, or remove [evaluation]");
  }
  if (learns_from_labels(kind) || kind == RecipeKind::kTabularAutoencoder || kind == RecipeKind::kFusion) {
    section.refuse("inputs",
                   fmt::format("belongs to kinds that learn from pictures without labels, found kind \"{}\"",
                               recipe_kind_name(kind)),
                   "remove [evaluation]; figures are of the test split of [data]");
  }
}

void read_output(RecipeSection& section, OutputRecipe& output, RecipeKind kind) {
  section.integer("whitening", output.whitening, {0, kWhiteningMax});
  if (output.whitening > 0 && kind == RecipeKind::kFusion) {
    section.refuse("whitening", "belongs to kinds that train an encoder, found kind \"fusion\"");
  }
}

void read_model(RecipeSection& section, ModelRecipe& model, RecipeKind kind) {
  section.text("architecture", model.architecture);
  section.text("from", model.from);
  section.integer("image_size", model.image_size, {1, kImageSizeMax});
  section.integer("channels", model.channel_count, {1, 4});
  if (model.channel_count != 3) {
    model.mean.assign(static_cast<std::size_t>(model.channel_count), 0.5);
    model.std = model.mean;
  }
  section.reals("mean", model.mean, {-kInfinity, kInfinity});
  section.reals("std", model.std, {kTiny, kInfinity});
  section.word("weights", model.weights_dtype, kWeights);
  section.texts("frozen", model.frozen);
  model.settings = section.rest();
  model.places = section.places();
  for (const auto* key : {"mean", "std"}) {
    const std::size_t count = std::string_view(key) == "mean" ? model.mean.size() : model.std.size();
    if (count != static_cast<std::size_t>(model.channel_count)) {
      section.refuse(key, fmt::format("expected {} numbers, one a channel, found {}", model.channel_count, count));
    }
  }
  if (kind != RecipeKind::kFusion && model.from.empty()) {
    section.require("architecture", "the word of an architecture, such as \"resnet\"");
  }
}

void read_augmentation(RecipeSection& section, AugmentationRecipe& augmentation, RecipeKind kind) {
  const RecipeRange<double> share{0.0, 1.0};
  section.real("crop_area_min", augmentation.crop_area_min, {1e-3, 1.0});
  section.real("crop_aspect_max", augmentation.crop_aspect_max, {1.0, 10.0});
  section.flag("flip", augmentation.flip);
  section.integer("shift_pixels", augmentation.shift_pixels, {0, kImageSizeMax});
  section.real("rotation_degrees", augmentation.rotation_degrees, {0.0, 180.0});
  section.real("jitter_probability", augmentation.jitter_probability, share);
  section.real("brightness", augmentation.brightness, share);
  section.real("contrast", augmentation.contrast, share);
  section.real("saturation", augmentation.saturation, share);
  section.real("hue", augmentation.hue, {0.0, 0.5});
  section.real("grey_probability", augmentation.grey_probability, share);
  section.real("blur_probability", augmentation.blur_probability, share);
  section.real("blur_sigma_min", augmentation.blur_sigma_min, {1e-3, 100.0});
  section.real("blur_sigma_max", augmentation.blur_sigma_max, {1e-3, 100.0});
  section.real("solarize_probability", augmentation.solarize_probability, share);
  section.real("erase_probability", augmentation.erase_probability, share);
  section.real("mixup_alpha", augmentation.mixup_alpha, {0.0, 100.0});
  if (augmentation.blur_sigma_min > augmentation.blur_sigma_max) {
    section.refuse("blur_sigma_min", fmt::format("expected at most blur_sigma_max, {}, found {}",
                                                 augmentation.blur_sigma_max, augmentation.blur_sigma_min));
  }
  if (augmentation.mixup_alpha > 0.0 && kind != RecipeKind::kSupervised) {
    section.refuse("mixup_alpha", fmt::format("mixing labels is for \"supervised\", found objective.kind \"{}\"",
                                              recipe_kind_name(kind)));
  }
}

void read_training(RecipeSection& section, TrainingRecipe& training, RecipeKind /*kind*/) {
  section.integer("epochs", training.epoch_count, {1, 1'000'000});
  section.integer("batch_size", training.batch_size, {1, 1 << 20});
  section.integer("accumulation", training.accumulation_count, {1, 1 << 16});
  section.word("precision", training.precision, kPrecisions);
  section.word("device", training.device, kDevices);
  section.integer("threads", training.thread_count, {0, kThreadCountMax});
  section.integer("workers", training.worker_count, {0, kThreadCountMax});
  section.integer("seed", training.seed, {0, static_cast<std::uint64_t>(kManyMax)});
  section.integer("checkpoint_steps", training.checkpoint_steps, {0, kManyMax});
  section.integer("checkpoints", training.checkpoint_count, {1, 1000});
  section.integer("early_stopping_epochs", training.early_stopping_epochs, {0, 1'000'000});
  section.text("early_stopping_metric", training.early_stopping_metric);
  section.integer("evaluation_epochs", training.evaluation_epochs, {1, 1'000'000});
  section.integer("evaluation_vectors", training.evaluation_vector_count, {0, kEvaluationVectorCountMax});
  section.real("average_decay", training.average_decay, {0.0, kJustBelowOne});
  section.real("average_decay_start", training.average_decay_start, {0.0, kJustBelowOne});
  section.real("average_ramp_epochs", training.average_ramp_epochs, {0.0, 1e6});
  if (training.average_decay_start > training.average_decay) {
    section.refuse("average_decay_start", fmt::format("expected at most average_decay, {}, found {}",
                                                      training.average_decay, training.average_decay_start));
  }
}

void read_optimizer(RecipeSection& section, TrainingRecipe& training, RecipeKind /*kind*/) {
  OptimizerOptions& optimizer = training.optimizer;
  section.word("kind", optimizer.kind, kOptimizers);
  section.real("learning_rate", training.learning_rate, {0.0, 1e3});
  section.real("layer_decay", training.layer_decay, {kTiny, 1.0});
  section.real("beta1", optimizer.beta1, {0.0, kJustBelowOne});
  section.real("beta2", optimizer.beta2, {0.0, kJustBelowOne});
  section.real("epsilon", optimizer.epsilon, {kTiny, 1.0});
  section.real("momentum", optimizer.momentum, {0.0, kJustBelowOne});
  section.flag("nesterov", optimizer.nesterov);
  section.real("weight_decay", optimizer.weight_decay, {0.0, 1e3});
  section.real("gradient_norm_max", optimizer.gradient_norm_max, {0.0, kInfinity});
  const bool is_sgd = optimizer.kind == OptimizerKind::kSgd;
  for (const auto* key : {"beta1", "beta2", "epsilon"}) {
    if (section.has(key) && is_sgd) {
      section.refuse(key, "belongs to \"adamw\" and \"lamb\", found kind \"sgd\"");
    }
  }
  for (const auto* key : {"momentum", "nesterov"}) {
    if (section.has(key) && !is_sgd) {
      section.refuse(key, "belongs to \"sgd\", found another kind", "set optimizer.kind = \"sgd\", or leave it out");
    }
  }
}

void read_schedule(RecipeSection& section, TrainingRecipe& training, RecipeKind /*kind*/) {
  section.word("kind", training.schedule, kSchedules);
  section.real("warmup_epochs", training.warmup_epochs, {0.0, 1e6});
  section.real("learning_rate_min", training.learning_rate_min, {0.0, 1e3});
  section.reals("step_epochs", training.step_epochs, {0.0, 1e6});
  section.real("step_factor", training.step_factor, {kTiny, 1.0});
  if (training.schedule == ScheduleKind::kStep && training.step_epochs.empty()) {
    section.refuse("step_epochs", "expected the epochs at which the rate steps down, found none");
  }
  if (training.schedule != ScheduleKind::kStep && section.has("step_epochs")) {
    section.refuse("step_epochs", "belongs to schedule.kind \"step\"", "set schedule.kind = \"step\", or leave it out");
  }
  if (training.learning_rate_min > training.learning_rate) {
    section.refuse("learning_rate_min", fmt::format("expected at most optimizer.learning_rate, {}, found {}",
                                                    training.learning_rate, training.learning_rate_min));
  }
}

// Reads one section into a part of the recipe, and notes its settings.
template <typename Part>
Result<void> read_section(const toml::table& root, std::string_view name, Recipe& recipe, Part& part,
                          void (*read)(RecipeSection&, Part&, RecipeKind)) {
  RecipeSection section(root, name, recipe.file.string());
  read(section, part, recipe.objective.kind);
  if (auto done = section.finish(); !done) {
    return done;
  }
  recipe.settings[std::string(name)] = section.settings();
  return {};
}

// With [evaluation], nothing of [data] is kept for figures.
Result<void> read_evaluated(const toml::table& root, Recipe& recipe) {
  if (!root.contains("evaluation")) {
    return {};
  }
  if (auto read = read_section(root, "evaluation", recipe, recipe.evaluation, read_evaluation); !read) {
    return read;
  }
  const toml::node_view<const toml::node> share = root["data"]["test_share"];
  if (share && recipe.data.test_share > 0.0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: [data]: \"test_share\": expected 0 beside [evaluation], whose rows figures are of, "
                            "found {}",
                            recipe_place(*share.node(), recipe.file.string()), recipe.data.test_share),
                "remove it; [evaluation] has a test_share of its own");
  }
  recipe.data.test_share = 0.0;
  recipe.settings["data"]["test_share"] = 0.0;
  return {};
}

Result<void> read_top(const toml::table& root, Recipe& recipe) {
  recipe.name = recipe.file.stem().string();
  RecipeSection section(root, "", recipe.file.string());
  section.text("name", recipe.name);
  section.text("description", recipe.description);
  if (recipe.name.empty() || recipe.name.find('/') != std::string::npos) {
    section.refuse("name", "expected a word that can name a folder");
  }
  section.expect_sections(kSections);
  recipe.settings["name"] = recipe.name;
  return section.finish();
}

Result<void> read_objective(const toml::table& root, Recipe& recipe) {
  RecipeSection section(root, "objective", recipe.file.string());
  section.require("kind", "what to learn, such as kind = \"supervised\"");
  section.word("kind", recipe.objective.kind, kKinds);
  recipe.objective.settings = section.rest();
  recipe.objective.places = section.places();
  recipe.settings["objective"] = section.settings();
  return section.finish();
}

Result<toml::table> parse_toml(std::string_view text, std::string_view source_in_errors, std::string source_of_nodes) {
  try {
    return toml::parse(text, std::move(source_of_nodes));
  } catch (const toml::parse_error& e) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}:{}: expected TOML: {}", source_in_errors, e.source().begin.line,
                                                 std::string_view(e.description())));
  }
}

// Takes over what `from` holds, table by table. Moved, since a copied node no longer knows where it stood.
void merge(toml::table& into, toml::table&& from) {
  for (auto&& [key, value] : from) {
    toml::node* there = into.get(key.str());
    toml::table* inner = value.as_table();
    if (there != nullptr && there->is_table() && inner != nullptr) {
      merge(*there->as_table(), std::move(*inner));
    } else {
      into.insert_or_assign(key.str(), std::move(value));
    }
  }
}

Result<void> apply_override(toml::table& root, const std::string& text) {
  const std::size_t equals = text.find('=');
  const bool one_line = text.find_first_of("\n\r") == std::string::npos;
  if (equals == std::string::npos || equals == 0 || !one_line || text.size() > kRecipeSizeBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("override '{}': expected SECTION.KEY=VALUE", text.substr(0, 80)),
                "for example training.epochs=3");
  }
  auto parsed = parse_toml(text, fmt::format("override '{}'", text), text);
  if (!parsed) {
    // A shell takes quotes away; a bare word is meant as a text.
    const std::string_view word = std::string_view(text).substr(equals + 1);
    if (word.find_first_of("'\"[]{}#=,") != std::string_view::npos) {
      return std::unexpected(parsed.error());
    }
    auto quoted = parse_toml(fmt::format("{}='{}'", text.substr(0, equals), word), text, text);
    if (!quoted) {
      return std::unexpected(parsed.error());
    }
    parsed = std::move(quoted);
  }
  merge(root, std::move(*parsed));
  return {};
}

std::string effective_text(const toml::table& root, std::string_view text, const std::vector<std::string>& overrides) {
  if (overrides.empty()) {
    return std::string(text);
  }
  std::ostringstream out;
  out << root << '\n';
  return out.str();
}

}  // namespace

bool learns_from_labels(RecipeKind kind) noexcept {
  return kind == RecipeKind::kSupervised || kind == RecipeKind::kSupervisedContrastive || kind == RecipeKind::kTriplet;
}

std::string_view recipe_kind_name(RecipeKind kind) noexcept {
  for (const auto& known : kKinds) {
    if (known.value == kind) {
      return known.word;
    }
  }
  return "unknown";
}

Result<Recipe> parse_recipe(std::string_view text, const std::filesystem::path& file,
                            const std::vector<std::string>& overrides) {
  auto root = parse_toml(text, file.string(), {});
  if (!root) {
    return std::unexpected(root.error());
  }
  for (const std::string& override_text : overrides) {
    if (auto applied = apply_override(*root, override_text); !applied) {
      return std::unexpected(applied.error());
    }
  }
  Recipe recipe;
  recipe.file = file;
  recipe.text = effective_text(*root, text, overrides);
  Result<void> read = read_top(*root, recipe);
  const auto then = [&](auto next) {
    if (read) {
      read = next();
    }
  };
  then([&] { return read_objective(*root, recipe); });
  then([&] { return read_section(*root, "data", recipe, recipe.data, read_data); });
  then([&] { return read_evaluated(*root, recipe); });
  then([&] { return read_section(*root, "model", recipe, recipe.model, read_model); });
  then([&] { return read_section(*root, "augmentation", recipe, recipe.augmentation, read_augmentation); });
  then([&] { return read_section(*root, "training", recipe, recipe.training, read_training); });
  then([&] { return read_section(*root, "optimizer", recipe, recipe.training, read_optimizer); });
  then([&] { return read_section(*root, "schedule", recipe, recipe.training, read_schedule); });
  then([&] { return read_section(*root, "output", recipe, recipe.output, read_output); });
  if (!read) {
    return std::unexpected(read.error());
  }
  return recipe;
}

Result<Recipe> read_recipe(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  const auto text = read_file(file, kRecipeSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  return parse_recipe(*text, file, overrides);
}

}  // namespace asterism
