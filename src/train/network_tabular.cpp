// Autoencoders of table rows, and the folder they are written as.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/file.hpp"
#include "encoder/table_encoder.hpp"
#include "models/tabular.hpp"
#include "train/network_draft.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// Nats that a column's values are worth: what a guess by their frequencies costs. Columns of one value are left out
// before; a rare other value still counts as little.
double entropy_of(const CategoricalColumn& column) {
  constexpr double kLeast = 0.05;
  const auto total = static_cast<double>(std::accumulate(column.counts.begin(), column.counts.end(), std::int64_t{0}));
  double entropy = 0.0;
  for (const std::int64_t count : column.counts) {
    const double share = static_cast<double>(count) / total;
    entropy -= count > 0 ? share * std::log(share) : 0.0;
  }
  return std::max(kLeast, entropy);
}

Result<Json> model_config(const Recipe& recipe, const TableColumns& columns) {
  SettingsReader settings = model_settings(recipe);
  auto config = initial_tabular_config(settings, {columns.numeric_size(), columns.category_sizes()});
  if (config) {
    (*config)["columns"] = to_json(columns);
  }
  return config;
}

Result<PictureEncoder> make_encoder(const Recipe& recipe, const TableColumns& columns) {
  auto config = model_config(recipe, columns);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string source = recipe_section(recipe, "model");
  const auto plan = read_tabular_plan(*config, source);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  PictureEncoder encoder;
  encoder.stored.config = *std::move(config);
  encoder.stored.tensors = initial_tabular_tensors(*plan, recipe.training.seed);
  encoder.stored.source = source;
  auto model = build_tabular(encoder.stored.config, encoder.stored.tensors, source);
  if (!model) {
    return std::unexpected(model.error());
  }
  encoder.model.family = "tabular";
  encoder.model.graph = std::move(model->graph);
  encoder.model.parameters = std::move(model->parameters);
  return encoder;
}

// As a heading of metrics.csv can hold it.
std::string term_name(std::string_view column) {
  std::string name = fmt::format("category.{}", column);
  std::ranges::replace_if(
      name, [](char c) { return c == ',' || c == '"' || c == '\n' || c == '\r'; }, '_');
  return name;
}

// Every column weighs the same: a guess by mean or by frequencies costs 1.
void add_losses(NetworkDraft& draft, const TableColumns& columns) {
  const double column_count =
      static_cast<double>(columns.numeric_size()) + static_cast<double>(columns.categorical.size());
  if (columns.numeric_size() > 0) {
    const std::string name(kNumericReconstruction);
    LossTerm term{.name = "numeric",
                  .kind = LossKind::kMeanSquare,
                  .weight = static_cast<double>(columns.numeric_size()) / column_count};
    term.outputs = {output(draft, name, draft.builder.existing(name))};
    term.feeds = {std::string(kTargetFeed), std::string(kTargetWeightsFeed)};
    draft.network.learner.losses.push_back(std::move(term));
  }
  for (std::size_t c = 0; c < columns.categorical.size(); ++c) {
    const CategoricalColumn& column = columns.categorical[c];
    const std::string name = category_reconstruction(c);
    LossTerm term{.name = term_name(column.name),
                  .kind = LossKind::kCrossEntropy,
                  .weight = 1.0 / (column_count * entropy_of(column))};
    term.outputs = {output(draft, name, draft.builder.existing(name))};
    term.feeds = {category_target_feed(c)};
    draft.network.learner.losses.push_back(std::move(term));
  }
}

Result<void> check_recipe(const Recipe& recipe) {
  if (recipe.model.architecture != "tabular" || !recipe.model.from.empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: kind \"tabular_autoencoder\" trains the architecture \"tabular\" from fresh weights, "
                            "found {}",
                            recipe_section(recipe, "model"),
                            recipe.model.from.empty() ? "\"" + recipe.model.architecture + "\"" : "\"from\""));
  }
  return {};
}

Result<void> compare_folder(ParameterMap parameters, const std::optional<VectorProjection>& projection,
                            const fs::path& folder) {
  if (projection) {
    parameters.merge(projection_parameters(*projection));
  }
  const auto model = read_table_model(folder);
  if (!model) {
    return std::unexpected(model.error());
  }
  for (const auto& [name, read] : model->network.parameters) {
    const auto learnt = parameters.find(name);
    if (learnt == parameters.end() || learnt->second.shape() != read.shape() ||
        !std::ranges::equal(read.to_f32().bytes(), learnt->second.to_f32().bytes())) {
      return fail(ErrorCode::kInternal,
                  fmt::format("{}: \"{}\" reads back other than it was learnt", folder.string(), name),
                  "report this as a bug");
    }
  }
  return {};
}

}  // namespace

std::string category_target_feed(std::size_t column) {
  return fmt::format("{}.{}", kTargetFeed, column);
}

Result<TrainingNetwork> build_table_network(const Recipe& recipe, const TableColumns& columns) {
  if (auto ok = check_recipe(recipe); !ok) {
    return std::unexpected(ok.error());
  }
  const auto encoder = make_encoder(recipe, columns);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  const DataSummary no_pictures;
  NetworkDraft draft{.recipe = recipe,
                     .data = no_pictures,
                     .encoder = *encoder,
                     .kind = recipe_kind_name(recipe.objective.kind),
                     .settings = objective_settings(recipe),
                     .fresh = InitialTensors(recipe.training.seed),
                     .builder = GraphBuilder(encoder->model.graph)};
  draft.settings.allow({"kind"});
  const auto code = encoder->model.graph.find(kTabularCode);
  if (!code) {
    return std::unexpected(code.error());
  }
  draft.network.embedding = encoder->model.graph.value(*code).name;
  draft.network.dim = encoder->model.graph.value(*code).shape.back();
  draft.network.table.swap_share = draft.settings.real({"swap_share", 0.15, 0.0, 0.9});
  if (auto ok = draft.settings.done(); !ok) {
    return std::unexpected(ok.error());
  }
  add_losses(draft, columns);
  if (auto ok = finish_network(draft); !ok) {
    return std::unexpected(ok.error());
  }
  return std::move(draft.network);
}

Result<void> write_table_model(const Recipe& recipe, const TableColumns& columns, const ParameterMap& parameters,
                               const std::optional<VectorProjection>& projection, const fs::path& folder) {
  auto config = model_config(recipe, columns);
  if (!config) {
    return std::unexpected(config.error());
  }
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : parameters) {
    tensors.push_back({name, tensor.to_f32()});
  }
  if (projection) {
    put_vector_projection(*projection, *config, tensors);
  }
  if (auto ok = write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}}); !ok) {
    return ok;
  }
  constexpr int kIndent = 2;
  if (auto ok = write_file_atomic(folder / "config.json", config->dump(kIndent) + "\n"); !ok) {
    return ok;
  }
  return compare_folder(parameters, projection, folder);
}

}  // namespace asterism
