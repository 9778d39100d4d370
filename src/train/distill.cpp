#include "train/distill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "analysis/pca.hpp"
#include "asterism/encoder.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/system_error.hpp"
#include "encoder/model_layout.hpp"
#include "encoder/text_encoder.hpp"
#include "hub/hub.hpp"
#include "tensor/dtype.hpp"
#include "tensor/tensor.hpp"
#include "train/static_vocabulary.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// Tokens that the teacher sees between two looks at progress and cancel.
constexpr std::size_t kTokensPerStep = 2048;
constexpr float kInt8Max = 127.0F;

Result<void> check_options(const DistillOptions& options) {
  if (options.dim == 0) {
    return fail(ErrorCode::kInvalidArgument, "dim: expected at least 1, found 0");
  }
  if (!(options.sif_coefficient >= 0.0 && options.sif_coefficient < 1.0)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("sif coefficient: expected a value from 0 to below 1, found {}", options.sif_coefficient));
  }
  return {};
}

struct Teacher {
  fs::path folder;  // with its tokenizer.json
  std::unique_ptr<TokenEncoder> encoder;
};

// The bare transformer with mean pooling: what stands behind it in the teacher's chain was trained on whole texts.
Result<Teacher> load_teacher(std::string_view name, const DistillOptions& options) {
  if (is_builtin_model(name)) {
    return fail(ErrorCode::kUnsupported, "distil: expected a transformer as teacher, found a built-in model");
  }
  auto location = resolve_model(name, hub_options_from_environment());
  if (!location) {
    return std::unexpected(location.error());
  }
  auto layout = read_model_layout(location->folder);
  if (!layout) {
    return std::unexpected(layout.error());
  }
  if (layout->kind != LayoutKind::kTransformer) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a transformer as teacher, found a static model", location->folder.string()));
  }
  EncoderOptions encoder_options;
  encoder_options.precision = Precision::kF32;
  encoder_options.thread_count = options.thread_count;
  encoder_options.layers = {"last_hidden_state"};
  encoder_options.pooling = "mean";
  encoder_options.normalize = false;
  encoder_options.prompt = "";
  auto encoder = make_text_encoder(*layout, encoder_options);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  return Teacher{.folder = layout->first_folder, .encoder = *std::move(encoder)};
}

// The tokens that the teacher puts around a text: what an empty one has, in front and behind.
struct Surroundings {
  std::vector<TokenId> front;
  std::vector<TokenId> back;
};

Surroundings surroundings_of(const Tokenizer& tokenizer) {
  const Encoding encoding = tokenizer.encode("a", {.with_offsets = true});
  Surroundings around;
  bool passed = false;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    if (encoding.offsets[i].end != 0) {
      passed = true;
    } else {
      (passed ? around.back : around.front).push_back(encoding.ids[i]);
    }
  }
  return around;
}

Result<std::vector<float>> embed_tokens(const Teacher& teacher, const std::vector<VocabularyToken>& tokens,
                                        const DistillOptions& options) {
  const Surroundings around = surroundings_of(teacher.encoder->tokenizer());
  std::vector<float> rows;
  for (std::size_t begin = 0; begin < tokens.size(); begin += kTokensPerStep) {
    if (options.cancel != nullptr && options.cancel->requested()) {
      return fail(ErrorCode::kCancelled, "distil: stopped");
    }
    std::vector<std::vector<std::uint32_t>> texts;
    for (std::size_t i = begin; i < std::min(begin + kTokensPerStep, tokens.size()); ++i) {
      std::vector<std::uint32_t> text(around.front.begin(), around.front.end());
      text.push_back(static_cast<std::uint32_t>(tokens[i].id));
      text.insert(text.end(), around.back.begin(), around.back.end());
      texts.push_back(std::move(text));
    }
    auto values = teacher.encoder->encode_tokens(texts);
    if (!values) {
      return std::unexpected(values.error());
    }
    rows.insert(rows.end(), values->values.begin(), values->values.end());
    if (options.on_progress) {
      options.on_progress({.token_count_done = begin + texts.size(), .token_count = tokens.size()});
    }
  }
  return rows;
}

// SIF: a / (a + p), with p by Zipf's law over the place in the vocabulary, which starts at rank 2.
std::vector<double> frequency_weights(std::size_t count, double coefficient) {
  std::vector<double> weights(count, 1.0);
  if (coefficient == 0.0) {
    return weights;
  }
  double total = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    total += 1.0 / static_cast<double>(i + 2);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double probability = 1.0 / static_cast<double>(i + 2) / total;
    weights[i] = coefficient / (coefficient + probability);
  }
  return weights;
}

struct Table {
  std::vector<float> rows;  // [tokens, dim]
  std::size_t dim = 0;
  double explained_variance_ratio = 0.0;
};

Result<Table> reduce(std::vector<float> rows, std::size_t token_count, const DistillOptions& options) {
  const RowsView view{.values = rows, .row_count = token_count, .dim = rows.size() / token_count};
  if (options.dim > std::min(view.dim, token_count)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("dim: expected at most {}, as the teacher gives, found {}",
                                                         std::min(view.dim, token_count), options.dim));
  }
  auto pca = Pca::fit(view, options.dim);
  if (!pca) {
    return std::unexpected(pca.error());
  }
  auto reduced = pca->transform(view);
  if (!reduced) {
    return std::unexpected(reduced.error());
  }
  Table table{.rows = *std::move(reduced), .dim = options.dim};
  for (const double ratio : pca->explained_variance_ratios()) {
    table.explained_variance_ratio += ratio;
  }
  const std::vector<double> weights = frequency_weights(token_count, options.sif_coefficient);
  for (std::size_t i = 0; i < token_count; ++i) {
    for (float& value : std::span(table.rows).subspan(i * table.dim, table.dim)) {
      value = static_cast<float>(value * weights[i]);
    }
  }
  return table;
}

// Rows of unreachable tokens go only now: the principal axes are those of the whole vocabulary either way.
void keep_reachable(Table& table, std::vector<VocabularyToken>& tokens) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].reachable) {
      std::copy_n(table.rows.begin() + static_cast<std::ptrdiff_t>(i * table.dim), table.dim,
                  table.rows.begin() + static_cast<std::ptrdiff_t>(kept * table.dim));
      tokens[kept++] = tokens[i];
    }
  }
  tokens.resize(kept);
  table.rows.resize(kept * table.dim);
}

Tensor store(const Table& table, StaticStorage storage) {
  const Shape shape{static_cast<std::int64_t>(table.rows.size() / table.dim), static_cast<std::int64_t>(table.dim)};
  if (storage == StaticStorage::kF32) {
    Tensor out(DType::kF32, shape);
    std::ranges::copy(table.rows, out.mutable_as<float>().begin());
    return out;
  }
  if (storage == StaticStorage::kF16) {
    Tensor out(DType::kF16, shape);
    std::ranges::transform(table.rows, out.mutable_as<std::uint16_t>().begin(), f32_to_f16);
    return out;
  }
  float magnitude_max = 0.0F;
  for (const float value : table.rows) {
    magnitude_max = std::max(magnitude_max, std::abs(value));
  }
  const float scale = magnitude_max > 0.0F ? kInt8Max / magnitude_max : 0.0F;
  Tensor out(DType::kI8, shape);
  std::ranges::transform(table.rows, out.mutable_as<std::int8_t>().begin(),
                         [&](float value) { return static_cast<std::int8_t>(std::nearbyint(value * scale)); });
  return out;
}

std::string_view storage_name(StaticStorage storage) {
  switch (storage) {
    case StaticStorage::kInt8:
      return "int8";
    case StaticStorage::kF16:
      return "float16";
    case StaticStorage::kF32:
      break;
  }
  return "float32";
}

Json make_config(std::string_view teacher, const DistillOptions& options) {
  Json config;
  config["model_type"] = "model2vec";
  config["architectures"] = {"StaticModel"};
  config["tokenizer_name"] = teacher;
  config["apply_pca"] = options.dim;
  config["sif_coefficient"] = options.sif_coefficient == 0.0 ? Json(nullptr) : Json(options.sif_coefficient);
  config["hidden_dim"] = options.dim;
  config["seq_length"] = 1000000;
  config["normalize"] = true;
  config["pooling"] = "mean";
  config["embedding_dtype"] = storage_name(options.storage);
  return config;
}

constexpr std::string_view kModulesJson = R"([
  {"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"},
  {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"}
]
)";

struct ModelFiles {
  std::string tokenizer;
  std::string config;
  Tensor table;
};

// The weights go last: a folder without them is no model, so a half-written one is never taken for whole.
Result<std::uint64_t> write_folder(const fs::path& folder, const ModelFiles& files) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return system_failure(fmt::format("{}: cannot make the folder", folder.string()), error);
  }
  fs::remove(folder / "model.safetensors", error);
  const std::pair<std::string_view, std::string_view> texts[] = {
      {"config.json", files.config}, {"modules.json", kModulesJson}, {"tokenizer.json", files.tokenizer}};
  for (const auto& [name, text] : texts) {
    if (auto written = write_file_atomic(folder / name, text); !written) {
      return std::unexpected(written.error());
    }
  }
  auto written = write_safetensors(folder / "model.safetensors", {{"embeddings", files.table}});
  if (!written) {
    return std::unexpected(written.error());
  }
  std::uint64_t size_bytes = 0;
  for (const std::string_view name : {"config.json", "modules.json", "tokenizer.json", "model.safetensors"}) {
    size_bytes += fs::file_size(folder / name, error);
  }
  return size_bytes;
}

}  // namespace

Result<DistillResult> distill(std::string_view teacher_name, const fs::path& folder, const DistillOptions& options) {
  if (auto checked = check_options(options); !checked) {
    return std::unexpected(checked.error());
  }
  auto teacher = load_teacher(teacher_name, options);
  if (!teacher) {
    return std::unexpected(teacher.error());
  }
  const Tokenizer& tokenizer = teacher->encoder->tokenizer();
  std::vector<VocabularyToken> tokens = select_vocabulary(tokenizer);
  if (tokens.empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a vocabulary, found no token", teacher->folder.string()));
  }
  auto rows = embed_tokens(*teacher, tokens, options);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  auto table = reduce(*std::move(rows), tokens.size(), options);
  if (!table) {
    return std::unexpected(table.error());
  }
  if (options.drop_unreachable) {
    keep_reachable(*table, tokens);
  }
  auto tokenizer_json = make_static_tokenizer_json(teacher->folder, tokenizer, tokens);
  if (!tokenizer_json) {
    return std::unexpected(tokenizer_json.error());
  }
  auto size_bytes = write_folder(folder, {.tokenizer = *std::move(tokenizer_json),
                                          .config = make_config(teacher_name, options).dump(2) + "\n",
                                          .table = store(*table, options.storage)});
  if (!size_bytes) {
    return std::unexpected(size_bytes.error());
  }
  return DistillResult{.token_count = tokens.size(),
                       .token_count_dropped = tokenizer.vocabulary_size() - tokens.size(),
                       .dim = table->dim,
                       .explained_variance_ratio = table->explained_variance_ratio,
                       .size_bytes = *size_bytes};
}

}  // namespace asterism
