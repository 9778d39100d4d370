#include "models/tabular.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include "models/image_config.hpp"
#include "models/initial_parts.hpp"
#include "models/modules.hpp"
#include "models/vector_projection.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kNumericSizeMax = 1 << 16;
constexpr std::int64_t kCategorySizeMax = 1 << 24;
constexpr std::int64_t kEmbeddingSizeMax = 4096;
constexpr std::size_t kColumnCountMax = 4096;

std::string layer_path(std::string_view part, std::size_t index) {
  return fmt::format("{}.layers.{}", part, index);
}

std::string table_name(std::size_t column) {
  return fmt::format("encoder.categories.{}.weight", column);
}

// As concat() takes so many parts at once.
ValueId concat_all(GraphBuilder& builder, const std::string& name, std::vector<ValueId> parts) {
  for (std::size_t round = 0; parts.size() > kConcatInputCountMax; ++round) {
    std::vector<ValueId> joined;
    for (std::size_t begin = 0; begin < parts.size(); begin += kConcatInputCountMax) {
      const auto group = std::span(parts).subspan(begin, std::min(kConcatInputCountMax, parts.size() - begin));
      joined.push_back(builder.concat(fmt::format("{}.{}.{}", name, round, joined.size()), group));
    }
    parts = std::move(joined);
  }
  return builder.concat(name, parts);
}

// The first layer, before its activation: [rows, hidden_sizes[0]].
ValueId first_layer(GraphBuilder& builder, const TabularPlan& plan) {
  std::vector<ValueId> parts;
  if (plan.numeric_size > 0) {
    parts.push_back(builder.input(std::string(kNumericInput), DType::kF32, {kRowDim, plan.numeric_size}));
  }
  const std::int64_t width = plan.hidden_sizes.front();
  const bool one_hot = plan.embedding_sizes.empty();
  if (one_hot && plan.numeric_size > 0) {
    parts.front() = linear_module(builder, "encoder.numeric", parts.front(), width, Bias::kNo);
  }
  for (std::size_t c = 0; c < plan.category_sizes.size(); ++c) {
    const ValueId ids = builder.input(category_input(c), DType::kI32, {kRowDim});
    const std::int64_t size = one_hot ? width : plan.embedding_sizes[c];
    const ValueId table = builder.parameter(table_name(c), {plan.category_sizes[c], size});
    parts.push_back(builder.embedding(fmt::format("encoder.categories.{}", c), table, ids));
  }
  if (!one_hot) {
    return linear_module(builder, "encoder.input", concat_all(builder, "encoder.features", std::move(parts)), width);
  }
  ValueId sum = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    sum = builder.add(fmt::format("encoder.sum.{}", i), sum, parts[i]);
  }
  return builder.add("encoder.input", sum, builder.parameter("encoder.bias", {width}));
}

ValueId encode(GraphBuilder& builder, const TabularPlan& plan) {
  ValueId x = first_layer(builder, plan);
  for (std::size_t i = 0; i < plan.hidden_sizes.size(); ++i) {
    const std::string path = layer_path("encoder", i);
    if (i > 0) {
      x = linear_module(builder, path + ".dense", x, plan.hidden_sizes[i]);
    }
    x = builder.activation(path, x, plan.activation);
  }
  return linear_module(builder, "encoder.code", x, plan.code_size);
}

void decode(GraphBuilder& builder, const TabularPlan& plan, ValueId code) {
  ValueId x = code;
  for (std::size_t i = 0; i < plan.hidden_sizes.size(); ++i) {
    const std::string path = layer_path("decoder", i);
    x = linear_module(builder, path + ".dense", x, plan.hidden_sizes[plan.hidden_sizes.size() - 1 - i]);
    x = builder.activation(path, x, plan.activation);
  }
  if (plan.numeric_size > 0) {
    const ValueId numeric = linear_module(builder, "decoder.numeric", x, plan.numeric_size);
    builder.alias(std::string(kNumericReconstruction), numeric);
  }
  for (std::size_t c = 0; c < plan.category_sizes.size(); ++c) {
    const ValueId logits = linear_module(builder, fmt::format("decoder.categories.{}", c), x, plan.category_sizes[c]);
    builder.alias(category_reconstruction(c), logits);
  }
}

Result<std::vector<std::int64_t>> read_optional_sizes(const Json& config, std::string_view key, std::int64_t most,
                                                      std::string_view source) {
  const auto found = config.find(key);
  if (found == config.end() || (found->is_array() && found->empty())) {
    return std::vector<std::int64_t>{};
  }
  return read_sizes(config, key, most, source);
}

// The rule of fastai's emb_sz_rule: fitted by its authors to what worked on tables of theirs.
std::int64_t embedding_size_of(std::int64_t category_size) {
  constexpr double kMost = 50.0;
  return static_cast<std::int64_t>(
      std::min(kMost, std::max(1.0, std::round(1.6 * std::pow(static_cast<double>(category_size), 0.56)))));
}

}  // namespace

std::string category_input(std::size_t column) {
  return fmt::format("categories.{}", column);
}

std::string category_reconstruction(std::size_t column) {
  return fmt::format("reconstruction.categories.{}", column);
}

Result<TabularPlan> read_tabular_plan(const Json& config, std::string_view source) {
  ConfigReader reader(config, std::string(source));
  TabularPlan plan;
  plan.numeric_size = reader.value<std::int64_t>("numeric_size", 0);
  plan.code_size = reader.value<std::int64_t>("code_size", 0);
  plan.activation = reader.activation("activation", "relu");
  const bool embedded = reader.word("categories", "one_hot", {"one_hot", "embedding"}) == "embedding";
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  auto categories = read_optional_sizes(config, "category_sizes", kCategorySizeMax, source);
  auto embeddings = categories && embedded ? read_optional_sizes(config, "embedding_sizes", kEmbeddingSizeMax, source)
                                           : Result<std::vector<std::int64_t>>{};
  auto hidden = read_sizes(config, "hidden_sizes", kInitialWidthMax, source);
  if (!categories || !embeddings || !hidden) {
    return std::unexpected(!categories ? categories.error() : !embeddings ? embeddings.error() : hidden.error());
  }
  plan.category_sizes = *std::move(categories);
  plan.embedding_sizes = *std::move(embeddings);
  plan.hidden_sizes = *std::move(hidden);
  const std::size_t embedding_count = embedded ? plan.category_sizes.size() : 0;
  const bool fits =
      plan.numeric_size >= 0 && plan.numeric_size <= kNumericSizeMax && plan.code_size >= 1 &&
      plan.code_size <= kInitialWidthMax && plan.category_sizes.size() <= kColumnCountMax &&
      !plan.hidden_sizes.empty() && plan.hidden_sizes.size() <= static_cast<std::size_t>(kInitialDepthMax) &&
      plan.embedding_sizes.size() == embedding_count && (plan.numeric_size > 0 || !plan.category_sizes.empty());
  if (!fits) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("{}: expected a \"numeric_size\" from 0 to {} or some \"category_sizes\", a \"code_size\" "
                    "of 1 to {}, some \"hidden_sizes\" and {} \"embedding_sizes\"; found {}, {}, {}, {} and {}",
                    source, kNumericSizeMax, kInitialWidthMax, embedding_count, plan.numeric_size,
                    plan.category_sizes.size(), plan.code_size, plan.hidden_sizes.size(), plan.embedding_sizes.size()));
  }
  return plan;
}

Result<Json> initial_tabular_config(SettingsReader& settings, const TabularInput& input) {
  const std::string categories = settings.word({"categories", "one_hot", {"one_hot", "embedding"}});
  const std::int64_t embedding_size = settings.integer({"embedding_size", 0, 0, kEmbeddingSizeMax});
  const std::vector<std::int64_t> hidden = settings.integers({"hidden_sizes", {128, 64}, 1, kInitialWidthMax});
  const std::int64_t code_size = settings.integer({"code_size", 16, 1, kInitialWidthMax});
  const std::string activation = settings.word({"activation", "relu", {"relu", "gelu", "silu", "tanh"}});
  if (categories == "one_hot" && embedding_size > 0) {
    settings.refuse(fmt::format("\"embedding_size\": belongs to categories = \"embedding\", found \"{}\"", categories));
  }
  if (auto ok = settings.done(); !ok) {
    return std::unexpected(ok.error());
  }
  Json config{{"model_type", kTabularType},
              {"numeric_size", input.numeric_size},
              {"category_sizes", input.category_sizes},
              {"categories", categories},
              {"hidden_sizes", hidden},
              {"code_size", code_size},
              {"activation", activation}};
  if (categories == "embedding") {
    std::vector<std::int64_t> sizes;
    std::ranges::transform(input.category_sizes, std::back_inserter(sizes), [&](std::int64_t size) {
      return embedding_size > 0 ? embedding_size : embedding_size_of(size);
    });
    config["embedding_sizes"] = sizes;
  }
  return config;
}

std::map<std::string, Tensor> initial_tabular_tensors(const TabularPlan& plan, std::uint64_t seed) {
  InitialTensors tensors(seed);
  const InitialRule inner =
      plan.activation == Activation::kTanh ? InitialRule::kGlorotUniform : InitialRule::kKaimingUniform;
  const std::int64_t width = plan.hidden_sizes.front();
  const bool one_hot = plan.embedding_sizes.empty();
  std::int64_t features = plan.numeric_size;
  for (std::size_t c = 0; c < plan.category_sizes.size(); ++c) {
    const std::int64_t size = one_hot ? width : plan.embedding_sizes[c];
    // One row of each table is added, so that a column counts as one input of the layer.
    const auto fan = static_cast<double>(plan.numeric_size) + static_cast<double>(plan.category_sizes.size());
    const double deviation = one_hot ? std::sqrt(2.0 / fan) : 1.0 / std::sqrt(static_cast<double>(size));
    Tensor table = normal_values({seed, table_name(c)}, {plan.category_sizes[c], size}, deviation);
    std::ranges::fill(table.mutable_as<float>().first(static_cast<std::size_t>(size)), 0.0F);
    tensors.put(table_name(c), std::move(table));
    features += one_hot ? 0 : size;
  }
  if (!one_hot) {
    tensors.layer("encoder.input", {width, features}, inner);
  } else {
    if (plan.numeric_size > 0) {
      tensors.weight("encoder.numeric", {width, plan.numeric_size}, inner);
    }
    tensors.constant("encoder.bias", {width}, 0.0F);
  }
  for (std::size_t i = 1; i < plan.hidden_sizes.size(); ++i) {
    tensors.layer(layer_path("encoder", i) + ".dense", {plan.hidden_sizes[i], plan.hidden_sizes[i - 1]}, inner);
  }
  tensors.layer("encoder.code", {plan.code_size, plan.hidden_sizes.back()}, InitialRule::kGlorotUniform);
  std::int64_t in = plan.code_size;
  for (std::size_t i = 0; i < plan.hidden_sizes.size(); ++i) {
    const std::int64_t out = plan.hidden_sizes[plan.hidden_sizes.size() - 1 - i];
    tensors.layer(layer_path("decoder", i) + ".dense", {out, in}, inner);
    in = out;
  }
  if (plan.numeric_size > 0) {
    tensors.layer("decoder.numeric", {plan.numeric_size, in}, InitialRule::kGlorotUniform);
  }
  for (std::size_t c = 0; c < plan.category_sizes.size(); ++c) {
    tensors.layer(fmt::format("decoder.categories.{}", c), {plan.category_sizes[c], in}, InitialRule::kGlorotUniform);
  }
  return tensors.take();
}

Result<TabularModel> build_tabular(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source) {
  auto plan = read_tabular_plan(config, source);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  Json rest = config;
  const auto projection = take_vector_projection(rest, tensors, source);
  if (!projection) {
    return std::unexpected(projection.error());
  }
  GraphBuilder builder;
  const ValueId code = encode(builder, *plan);
  builder.alias(std::string(kTabularCode), code);
  decode(builder, *plan, code);
  auto graph = builder.finish(std::array{code});
  if (!graph) {
    return std::unexpected(graph.error());
  }
  TabularModel model{.plan = *std::move(plan),
                     .graph = *std::move(graph),
                     .parameters = {std::make_move_iterator(tensors.begin()), std::make_move_iterator(tensors.end())}};
  if (*projection) {
    const auto appended = append_vector_projection(model.graph, model.parameters, **projection, kTabularCode, source);
    if (!appended) {
      return std::unexpected(appended.error());
    }
  }
  if (auto ok = model.graph.check_parameters(model.parameters, source); !ok) {
    return std::unexpected(ok.error());
  }
  return model;
}

}  // namespace asterism
