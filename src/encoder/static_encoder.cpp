#include "encoder/static_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "encoder/module_config.hpp"
#include "encoder/prompt.hpp"
#include "encoder/static_table.hpp"
#include "encoder/text_loop.hpp"
#include "encoder/text_tokens.hpp"
#include "encoder/token_window.hpp"
#include "kernels/static_pool.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

// model2vec's own default when config.json has no max_length.
constexpr std::size_t kModel2VecTokenCountMax = 512;
constexpr float kModel2VecNormEpsilon = 1e-32F;  // added to the norm
constexpr float kTorchNormEpsilon = 1e-12F;      // lower bound of the norm
// Texts that one thread takes at a time, and below which a call stays on its own thread.
constexpr std::size_t kTextsPerChunk = 128;

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

std::size_t code_point_count(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, is_continuation));
}

// The first `count` code points of `text`.
std::string_view code_point_prefix(std::string_view text, std::size_t count) {
  if (text.size() <= count) {
    return text;
  }
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_continuation(text[i]) && seen++ == count) {
      return text.substr(0, i);
    }
  }
  return text;
}

// As model2vec: the median over the vocabulary of a token's length in code points, cut to an integer.
std::size_t median_token_length(const Tokenizer& tokenizer) {
  std::vector<std::size_t> lengths;
  lengths.reserve(tokenizer.vocabulary_size());
  for (std::size_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (const std::string_view token = tokenizer.token(static_cast<TokenId>(id)); !token.empty()) {
      lengths.push_back(code_point_count(token));
    }
  }
  if (lengths.empty()) {
    return 0;
  }
  const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
  std::ranges::nth_element(lengths, middle);
  if (lengths.size() % 2 == 1) {
    return *middle;
  }
  return (*middle + *std::max_element(lengths.begin(), middle)) / 2;
}

struct StaticSettings {
  TokenizeSettings tokenize;
  std::size_t code_point_count_max = 0;  // of a text; 0 = no limit
  TokenId dropped_id = -1;               // unknown tokens take no part; -1 = they do
  bool normalize = false;
  bool normalized_by_default = false;
  std::size_t pooled_dim = 0;  // columns that are summed and normalised
  std::size_t dim = 0;         // columns that are kept of those
};

class StaticEncoder final : public Encoder::Impl {
 public:
  StaticEncoder(Tokenizer tokenizer, StaticTable table, StaticSettings settings, std::size_t thread_count,
                EncoderInfo info)
      : tokenizer_(std::move(tokenizer)),
        table_(std::move(table)),
        view_(table_.view()),
        settings_(std::move(settings)),
        loop_(thread_count, kTextsPerChunk) {
    info_ = std::move(info);
  }

  Result<Embeddings> encode(std::span<const std::string_view> texts) const override {
    Embeddings out;
    out.row_count = texts.size();
    out.dim = settings_.dim;
    out.reports.resize(texts.size());
    out.values.resize(texts.size() * settings_.dim);
    for_each_text(texts.size(), [&](std::size_t i, TokenizeScratch& scratch) {
      out.reports[i] = encode_text(texts[i], scratch, std::span(out.values).subspan(i * settings_.dim, settings_.dim));
    });
    return out;
  }

  Result<Embeddings> encode_tokens(std::span<const std::vector<std::uint32_t>> texts) const override {
    if (auto checked = check_tokens(texts, {.vocabulary_size = tokenizer_.vocabulary_size()}); !checked) {
      return std::unexpected(checked.error());
    }
    Embeddings out = embeddings_for_tokens(texts, settings_.dim);
    for_each_text(texts.size(), [&](std::size_t i, TokenizeScratch& scratch) {
      scratch.encoding.ids.assign(texts[i].begin(), texts[i].end());
      write_row(scratch, std::span(out.values).subspan(i * settings_.dim, settings_.dim));
    });
    return out;
  }

  // A token's vector is that of a text which is this token alone; there is nothing but pooling between the two.
  Result<TokenEmbeddings> encode_each_token(std::span<const std::vector<std::uint32_t>> texts) const override {
    if (auto checked = check_tokens(texts, {.vocabulary_size = tokenizer_.vocabulary_size()}); !checked) {
      return std::unexpected(checked.error());
    }
    TokenEmbeddings out{.dim = settings_.dim, .token_counts = {}, .values = {}};
    auto scratch = scratch_.take();
    for (const auto& ids : texts) {
      out.token_counts.push_back(ids.size());
      for (const std::uint32_t id : ids) {
        scratch->encoding.ids.assign(1, static_cast<TokenId>(id));
        out.values.resize(out.values.size() + settings_.dim);
        write_row(*scratch, std::span(out.values).last(settings_.dim));
      }
    }
    scratch_.put(std::move(scratch));
    return out;
  }

  Result<std::vector<TokenizedText>> tokenize(std::span<const std::string_view> texts,
                                              const TokenizeOptions& options) const override {
    auto settings = settings_of_call(settings_.tokenize, options, info_, false);
    if (!settings) {
      return std::unexpected(settings.error());
    }
    std::vector<TokenizedText> out(texts.size());
    auto scratch = scratch_.take();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      out[i].token_count_given = static_cast<std::uint32_t>(tokenize_cut(*settings, texts[i], *scratch));
      out[i].ids.assign(scratch->encoding.ids.begin(), scratch->encoding.ids.end());
    }
    scratch_.put(std::move(scratch));
    return out;
  }
  Result<std::string> decode(std::span<const std::uint32_t> ids, bool skip_special_tokens) const override {
    return decode_ids(tokenizer_, ids, skip_special_tokens);
  }
  Result<std::vector<TokenPiece>> token_pieces(std::string_view text, bool add_special_tokens) const override {
    return pieces_of_text(tokenizer_, text, add_special_tokens);
  }

 private:
  // On this encoder's threads where there is enough to share.
  void for_each_text(std::size_t count, const std::function<void(std::size_t, TokenizeScratch&)>& body) const {
    const auto run_range = [&](std::size_t begin, std::size_t end) {
      auto scratch = scratch_.take();
      for (std::size_t i = begin; i < end; ++i) {
        body(i, *scratch);
      }
      scratch_.put(std::move(scratch));
    };
    loop_.run(count, run_range);
  }

  // Into scratch.encoding; the tokens that the text has, whether kept or not.
  std::size_t tokenize_cut(const TokenizeSettings& settings, std::string_view text, TokenizeScratch& scratch) const {
    std::size_t given = 0;
    if (settings_.code_point_count_max != 0 && !settings.truncate_left) {
      const std::string_view cut = code_point_prefix(text, settings_.code_point_count_max);
      if (cut.size() != text.size()) {
        tokenize_text(tokenizer_, settings, text, scratch);
        given = scratch.encoding.token_count_given;
        text = cut;
      }
    }
    tokenize_text(tokenizer_, settings, text, scratch);
    return std::max(given, scratch.encoding.token_count_given);
  }

  RowReport encode_text(std::string_view text, TokenizeScratch& scratch, std::span<float> row) const {
    const std::size_t given = tokenize_cut(settings_.tokenize, text, scratch);
    const std::size_t used = scratch.encoding.ids.size();
    write_row(scratch, row);
    return {.token_count_given = static_cast<std::uint32_t>(given),
            .token_count_used = static_cast<std::uint32_t>(used)};
  }

  // The vector of the tokens in scratch.encoding.
  void write_row(TokenizeScratch& scratch, std::span<float> row) const {
    gather(scratch);
    if (settings_.pooled_dim == settings_.dim) {
      pool(scratch, row);
    } else {
      scratch.pooled.resize(settings_.pooled_dim);
      pool(scratch, scratch.pooled);
      std::ranges::copy(std::span(scratch.pooled).first(settings_.dim), row.begin());
    }
  }

  // Ids to rows; the rows are asked for ahead of their use, since a table is larger than the near caches.
  void gather(TokenizeScratch& scratch) const {
    scratch.rows.clear();
    scratch.weights.clear();
    const std::size_t row_size_bytes = view_.dim * dtype_size_bytes(view_.dtype);
    for (const TokenId id : scratch.encoding.ids) {
      if (id == settings_.dropped_id) {
        continue;
      }
      const auto token = static_cast<std::size_t>(id);
      const std::uint32_t row =
          table_.row_of_token.empty() ? static_cast<std::uint32_t>(token) : table_.row_of_token[token];
      __builtin_prefetch(view_.data + row * row_size_bytes);
      scratch.rows.push_back(row);
      if (!table_.weight_of_token.empty()) {
        scratch.weights.push_back(table_.weight_of_token[token]);
      }
    }
  }

  void pool(TokenizeScratch& scratch, std::span<float> row) const {
    if (scratch.rows.empty()) {
      std::ranges::fill(row, 0.0F);
      return;
    }
    static_row_sum(view_, scratch.rows, scratch.weights, row);
    const auto count = static_cast<float>(scratch.rows.size());
    float square_sum = 0.0F;
    for (float& value : row) {
      value /= count;
      square_sum += value * value;
    }
    if (settings_.normalize) {
      const float norm = std::sqrt(square_sum);
      const float divisor = table_.model2vec ? norm + kModel2VecNormEpsilon : std::max(norm, kTorchNormEpsilon);
      for (float& value : row) {
        value /= divisor;
      }
    }
  }

  Tokenizer tokenizer_;
  StaticTable table_;
  StaticTableView view_;
  StaticSettings settings_;
  TextLoop loop_;
  mutable ScratchPool scratch_;
};

// max_length: absent means 512, null means none.
Result<std::size_t> model2vec_token_count_max(const Json& config, const std::string& source) {
  if (!config.is_object() || !config.contains("max_length")) {
    return kModel2VecTokenCountMax;
  }
  auto length = json_find<std::int64_t>(config, "max_length", source);
  if (!length) {
    return std::unexpected(length.error());
  }
  if (*length && **length <= 0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"max_length\": expected at least 1 or null, found {}", source, **length));
  }
  return static_cast<std::size_t>(length->value_or(0));
}

Result<void> check_config(const Json& config, const std::string& source) {
  if (config.is_null()) {
    return {};
  }
  // All but normalize and max_length tell how the model was made, not how it is used.
  return json_expect_only(
      config,
      {"normalize", "max_length", "model_type", "architectures", "tokenizer_name", "apply_pca", "apply_zipf",
       "sif_coefficient", "hidden_dim", "seq_length", "pooling", "embedding_dtype", "vocabulary_quantization",
       "language", "base_model_name", "cache_dir", "torch_dtype", "dtype", "transformers_version"},
      source);
}

Result<void> check_options(const EncoderOptions& options, std::size_t dim_max) {
  if (!options.layers.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("layer \"{}\": expected none: a static model has no layers", options.layers.front()));
  }
  if (!options.pooling.empty() && options.pooling != pooling_name(Pooling::kMean) && options.pooling != kNoPooling) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("pooling: expected mean, all that a static model has, found \"{}\"", options.pooling));
  }
  if (options.dim > dim_max) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("dim: expected at most {}, the length of the model's vectors, found {}", dim_max, options.dim));
  }
  return {};
}

// How one dialect reads its own files; options win.
Result<StaticSettings> choose_settings(const StaticModel& model, const StaticTable& table, const ModelLayout& layout,
                                       const EncoderOptions& options) {
  StaticSettings settings;
  settings.tokenize.add_special_tokens = false;
  if (table.model2vec) {
    if (auto known = check_config(model.config, model.source); !known) {
      return std::unexpected(known.error());
    }
    auto length = model2vec_token_count_max(model.config, model.source);
    auto normalize = model.config.is_null() ? Result<std::optional<bool>>{}
                                            : json_find<bool>(model.config, "normalize", model.source);
    if (!length || !normalize) {
      return std::unexpected(!length ? length.error() : normalize.error());
    }
    settings.tokenize.token_count_max = options.token_count_max != 0 ? options.token_count_max : *length;
    settings.code_point_count_max = settings.tokenize.token_count_max * median_token_length(model.tokenizer);
    settings.dropped_id = model.tokenizer.unknown_id();
    settings.normalize = normalize->value_or(false);
  } else {
    settings.tokenize.token_count_max =
        options.token_count_max != 0 ? options.token_count_max : model.tokenizer.token_count_max_in_file();
    settings.normalize = std::ranges::any_of(
        layout.modules, [](const ModuleSpec& spec) { return std::holds_alternative<NormalizeModule>(spec.module); });
  }
  settings.normalized_by_default = settings.normalize;
  settings.normalize = options.normalize.value_or(settings.normalize);
  settings.dim = options.dim != 0 ? options.dim : table.dim();
  settings.pooled_dim = settings.dim;
  if (options.dim == 0 && !table.model2vec && layout.output_dim) {
    // As the original: its own cut comes after Normalize, and only an explicit wish normalises again.
    settings.dim = std::min(*layout.output_dim, table.dim());
    settings.pooled_dim = options.normalize.has_value() ? settings.dim : table.dim();
  }
  auto prompt = choose_prompt(layout, options, !table.model2vec);
  if (!prompt) {
    return std::unexpected(prompt.error());
  }
  settings.tokenize.prompt = *std::move(prompt);
  return settings;
}

EncoderInfo describe(const StaticModel& model, const StaticTable& table, const StaticSettings& settings,
                     const ModelLayout& layout) {
  EncoderInfo info;
  info.takes_texts = true;
  info.family = "static";
  info.folder = layout.folder.string();
  info.dim = settings.dim;
  info.token_count_max = settings.tokenize.token_count_max;
  info.tokenizer = model.tokenizer.description();
  info.vocabulary_size = model.tokenizer.vocabulary_size();
  info.pooling = "mean";
  info.normalized = settings.normalize;
  info.normalized_by_default = settings.normalized_by_default;
  info.precision = "f32";
  info.modules.push_back(
      fmt::format("StaticEmbedding({} x {}, {})", table.view().row_count, table.dim(), dtype_name(table.rows.dtype())));
  if (settings.dim != table.dim()) {
    info.modules.push_back(fmt::format("Slice({} -> {})", table.dim(), settings.dim));
  }
  if (settings.normalize) {
    info.modules.emplace_back("Normalize");
  }
  info.prompts = layout.prompts;
  info.default_prompt_name = layout.default_prompt_name;
  return info;
}

}  // namespace

Result<StaticModel> read_static_model(const ModelLayout& layout) {
  auto tokenizer = Tokenizer::from_folder(layout.first_folder);
  if (!tokenizer) {
    return std::unexpected(tokenizer.error());
  }
  auto tensors = read_checkpoint(layout.first_folder);
  if (!tensors) {
    return std::unexpected(tensors.error());
  }
  Json config;
  const auto path = layout.folder / "config.json";
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    auto read = read_json_file(path);
    if (!read) {
      return std::unexpected(read.error());
    }
    config = *std::move(read);
  }
  return StaticModel{.tokenizer = *std::move(tokenizer),
                     .tensors = *std::move(tensors),
                     .config = std::move(config),
                     .source = layout.folder.string()};
}

Result<std::unique_ptr<Encoder::Impl>> make_static_encoder(StaticModel model, const ModelLayout& layout,
                                                           const EncoderOptions& options) {
  auto table = make_static_table(std::move(model.tensors), model.tokenizer.vocabulary_size(), model.source);
  if (!table) {
    return std::unexpected(table.error());
  }
  if (auto checked = check_options(options, table->dim()); !checked) {
    return std::unexpected(checked.error());
  }
  auto settings = choose_settings(model, *table, layout, options);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  EncoderInfo info = describe(model, *table, *settings, layout);
  if (options.precision == Precision::kBF16) {
    info.warnings.emplace_back("bf16 asked for, but a static model has no layers to run in it: computed in f32");
  }
  const std::size_t thread_count = options.thread_count != 0 ? options.thread_count : available_processor_count();
  return std::make_unique<StaticEncoder>(std::move(model.tokenizer), *std::move(table), *std::move(settings),
                                         thread_count, std::move(info));
}

}  // namespace asterism
