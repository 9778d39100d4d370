#include "encoder/text_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "base/first_error.hpp"
#include "base/json.hpp"
#include "base/thread_pool.hpp"
#include "encoder/backend_choice.hpp"
#include "encoder/batch_plan.hpp"
#include "encoder/executables.hpp"
#include "encoder/finite.hpp"
#include "encoder/prompt.hpp"
#include "encoder/text_graph.hpp"
#include "encoder/text_tokens.hpp"
#include "encoder/token_window.hpp"
#include "models/family.hpp"
#include "tokenizer/tokenizer.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

// Texts that are tokenised and sorted by length together: bounds the memory of a call.
constexpr std::size_t kWindowTextCount = 16384;
// Tokens of one run: enough that its fixed cost vanishes, few enough that the activations of a layer stay small.
constexpr std::size_t kDefaultTokenBudget = 4096;

Error without_pooling() {
  return {.code = ErrorCode::kUnsupported,
          .message = "pooling \"none\": a vector a text was asked for, and there is one a token",
          .hint = "name a pooling (mean, cls, ...) or leave it out"};
}

Error with_pooling() {
  return {.code = ErrorCode::kUnsupported,
          .message = "a vector a token was asked for, and the encoder pools",
          .hint = "load it with pooling \"none\""};
}

class TextEncoder final : public TokenEncoder {
 public:
  struct Parts {
    Tokenizer tokenizer;
    TokenizeSettings settings;
    std::unique_ptr<Executables> executables = nullptr;
    std::unique_ptr<ThreadPool> pool = nullptr;
    std::size_t dim = 0;
    FeedOptions feeds = {};
    std::size_t token_budget = 0;
    bool batch_invariant = false;
    TokenLimits tokens = {};
    bool prompt_is_fixed = false;  // pooling leaves out as many tokens as the prompt has
    bool pools = true;             // else the graph ends with a vector a token
  };
  TextEncoder(Parts parts, EncoderInfo info) : parts_(std::move(parts)) { info_ = std::move(info); }

  Result<Embeddings> encode(std::span<const std::string_view> texts) const override {
    if (!parts_.pools) {
      return std::unexpected(without_pooling());
    }
    Embeddings out;
    out.row_count = texts.size();
    out.dim = parts_.dim;
    out.reports.resize(texts.size());
    out.values.resize(texts.size() * parts_.dim);
    for (std::size_t begin = 0; begin < texts.size(); begin += kWindowTextCount) {
      const std::size_t count = std::min(kWindowTextCount, texts.size() - begin);
      auto done = encode_window(texts.subspan(begin, count), std::span(out.reports).subspan(begin, count),
                                std::span(out.values).subspan(begin * parts_.dim, count * parts_.dim));
      if (!done) {
        return std::unexpected(done.error());
      }
    }
    return out;
  }

  Result<Embeddings> encode_tokens(std::span<const std::vector<std::uint32_t>> texts) const override {
    if (!parts_.pools) {
      return std::unexpected(without_pooling());
    }
    Embeddings out = embeddings_for_tokens(texts, parts_.dim);
    if (auto done = run_tokens(texts, {.values = out.values}); !done) {
      return std::unexpected(done.error());
    }
    return out;
  }

  Result<TokenEmbeddings> encode_each_token(std::span<const std::vector<std::uint32_t>> texts) const override {
    if (parts_.pools) {
      return std::unexpected(with_pooling());
    }
    TokenEmbeddings out{.dim = parts_.dim, .token_counts = {}, .values = {}};
    std::vector<std::size_t> first_rows;
    std::size_t row_count = 0;
    for (const auto& ids : texts) {
      out.token_counts.push_back(ids.size());
      first_rows.push_back(row_count);
      row_count += ids.size();
    }
    out.values.resize(row_count * parts_.dim);
    if (auto done = run_tokens(texts, {.values = out.values, .first_rows = first_rows}); !done) {
      return std::unexpected(done.error());
    }
    return out;
  }

  Result<std::vector<TokenizedText>> tokenize(std::span<const std::string_view> texts,
                                              const TokenizeOptions& options) const override {
    auto settings = settings_of_call(parts_.settings, options, info_, parts_.prompt_is_fixed);
    if (!settings) {
      return std::unexpected(settings.error());
    }
    return tokenize_texts(parts_.tokenizer, *settings, texts, scratch_);
  }
  Result<std::string> decode(std::span<const std::uint32_t> ids, bool skip_special_tokens) const override {
    return decode_ids(parts_.tokenizer, ids, skip_special_tokens);
  }
  Result<std::vector<TokenPiece>> token_pieces(std::string_view text, bool add_special_tokens) const override {
    return pieces_of_text(parts_.tokenizer, text, add_special_tokens);
  }

  const Tokenizer& tokenizer() const noexcept override { return parts_.tokenizer; }

 private:
  // Where the rows of a window go.
  struct Target {
    std::span<float> values;                       // [rows, dim]
    std::span<const std::size_t> first_rows = {};  // of each text's tokens; empty = a row a text
  };

  Result<void> run_tokens(std::span<const std::vector<std::uint32_t>> texts, const Target& target) const {
    if (auto checked = check_tokens(texts, parts_.tokens); !checked || texts.empty()) {
      return checked;
    }
    std::unique_lock<std::mutex> pool_lock;
    if (texts.size() > 1) {
      pool_lock = std::unique_lock(pool_mutex_);
    }
    return run_window(TokenWindow::from_tokens(texts), std::move(pool_lock), target);
  }

  // Runs of the pool are one at a time; a call that needs no pool does not wait for one that has it.
  Result<void> encode_window(std::span<const std::string_view> texts, std::span<RowReport> reports,
                             std::span<float> values) const {
    std::unique_lock<std::mutex> pool_lock;
    if (texts.size() > 1) {
      pool_lock = std::unique_lock(pool_mutex_);
    }
    ThreadPool* pool = pool_lock.owns_lock() ? parts_.pool.get() : nullptr;
    return run_window(TokenWindow::make(parts_.tokenizer, parts_.settings, texts, scratch_, pool, reports),
                      std::move(pool_lock), {.values = values});
  }

  // Without the lock there is no pool: everything runs on the calling thread.
  Result<void> run_window(const TokenWindow& window, std::unique_lock<std::mutex> pool_lock,
                          const Target& target) const {
    auto choice = parts_.executables->choose(window.token_count());
    if (!choice) {
      return std::unexpected(choice.error());
    }
    const BatchPlan plan = make_plan(window, choice->stream_count);
    if (plan.size() == 1 || choice->stream_count == 1 || !pool_lock.owns_lock()) {
      pool_lock = {};
      for (std::size_t i = 0; i < plan.size(); ++i) {
        if (auto done = run_batch(*choice->executable, window, plan.batch(i), target); !done) {
          return done;
        }
      }
      return {};
    }
    return run_batches(*choice->executable, window, plan, *parts_.pool, target);
  }

  BatchPlan make_plan(const TokenWindow& window, std::size_t stream_count) const {
    const BatchLimits limits =
        parts_.batch_invariant
            ? BatchLimits{.token_count_max = std::numeric_limits<std::size_t>::max(), .text_count_max = 1}
            : BatchLimits{.token_count_max = parts_.token_budget, .stream_count = stream_count};
    return plan_batches(window.token_counts(), limits);
  }

  Result<void> run_batches(const Executable& executable, const TokenWindow& window, const BatchPlan& plan,
                           ThreadPool& pool, const Target& target) const {
    FirstError error;
    pool.parallel_for(plan.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end && !error.is_set(); ++i) {
        if (auto done = run_batch(executable, window, plan.batch(i), target); !done) {
          error.set(std::move(done.error()));
        }
      }
    });
    if (auto failed = error.take()) {
      return std::unexpected(*std::move(failed));
    }
    return {};
  }

  // Writes the rows of the batch where their texts stand in the window.
  Result<void> run_batch(const Executable& executable, const TokenWindow& window, Batch batch,
                         const Target& target) const {
    auto outputs = executable.run(make_feeds(window, batch, parts_.feeds));
    if (!outputs) {
      return std::unexpected(outputs.error());
    }
    const Tensor rows = outputs->front().to_f32();
    const auto row_count_of = [&](std::uint32_t text) {
      return target.first_rows.empty() ? 1 : window.tokens(text).size();
    };
    std::size_t row_count = 0;
    for (const std::uint32_t text : batch) {
      row_count += row_count_of(text);
    }
    if (rows.element_count() != row_count * parts_.dim) {
      return fail(ErrorCode::kInternal, fmt::format("backend: expected [{}, {}] values, found {}", row_count,
                                                    parts_.dim, shape_to_string(rows.shape())));
    }
    auto source = rows.as<float>();
    for (const std::uint32_t text : batch) {
      const std::size_t count = row_count_of(text) * parts_.dim;
      const std::size_t first_row = target.first_rows.empty() ? text : target.first_rows[text];
      std::ranges::copy(source.first(count), target.values.subspan(first_row * parts_.dim).begin());
      source = source.subspan(count);
    }
    return {};
  }

  Parts parts_;
  mutable ScratchPool scratch_;
  mutable std::mutex pool_mutex_;
};

struct LengthLimits {
  std::size_t positions = 0;
  std::size_t special_tokens = 0;
};

// Options first, then the model's files, then the position embeddings there are.
Result<std::size_t> choose_token_count_max(const ModelLayout& layout, const EncoderOptions& options,
                                           const LengthLimits& limits) {
  std::size_t length = layout.token_count_max.value_or(limits.positions);
  if (layout.token_count_max_capped) {
    length = std::min(length, limits.positions);
  }
  std::string source = layout.token_count_max_source;
  if (options.token_count_max != 0) {
    length = options.token_count_max;
    source = "longest input";
  }
  if (length > limits.positions) {
    return fail(options.token_count_max != 0 ? ErrorCode::kInvalidArgument : ErrorCode::kMismatch,
                fmt::format("{}: expected at most {} tokens, as many as {} has position embeddings, found {}", source,
                            limits.positions, layout.first_folder.string(), length));
  }
  if (length <= limits.special_tokens) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected more than the {} special tokens of every input, found {}", source,
                            limits.special_tokens, length));
  }
  return length;
}

Result<TextModel> read_text_model(const ModelLayout& layout) {
  const auto path = layout.first_folder / "config.json";
  auto config = read_json_file(path);
  if (!config) {
    return std::unexpected(config.error());
  }
  auto tensors = read_checkpoint(layout.first_folder);
  if (!tensors) {
    return std::unexpected(tensors.error());
  }
  return build_text_model(*config, *std::move(tensors), path.string());
}

// Tokens of the prompt alone that pooling leaves out: those in front, not the special token that closes the text.
std::size_t prompt_token_count(const Tokenizer& tokenizer, const TokenizeSettings& settings) {
  if (settings.prompt.empty()) {
    return 0;
  }
  const Encoding encoding = tokenizer.encode(settings.prompt, {.add_special_tokens = settings.add_special_tokens,
                                                               .token_count_max = settings.token_count_max});
  const bool closed = !encoding.ids.empty() && tokenizer.is_special(encoding.ids.back());
  return encoding.ids.size() - (closed ? 1 : 0);
}

// Special tokens before the first token of a text.
std::size_t leading_special_count(const Tokenizer& tokenizer) {
  const Encoding encoding = tokenizer.encode("a", {.with_offsets = true});
  const auto text = std::ranges::find_if(encoding.offsets, [](const TokenOffset& offset) { return offset.end != 0; });
  return static_cast<std::size_t>(text - encoding.offsets.begin());
}

EncoderInfo describe(const ModelLayout& layout, const TextGraph& graph) {
  EncoderInfo info;
  info.takes_texts = true;
  info.folder = layout.folder.string();
  info.dim = graph.dim;
  info.pooling = graph.pooling;
  info.normalized = graph.normalized;
  info.normalized_by_default = graph.normalized_by_default;
  info.modules = graph.modules;
  info.prompts = layout.prompts;
  info.default_prompt_name = layout.default_prompt_name;
  info.prompt_is_pooled = graph.include_prompt;
  info.op_count = graph.graph.op_count();
  info.op_count_whole = graph.op_count_whole;
  info.warnings = graph.warnings;
  return info;
}

Result<Tokenizer> read_tokenizer(const ModelLayout& layout, const TextModel& model) {
  const TokenizerOverrides overrides{.lowercase = layout.lowercase ? TokenizerOverrides::Lowercase::kOn
                                                                   : TokenizerOverrides::Lowercase::kAsInFile};
  auto tokenizer = Tokenizer::from_folder(layout.first_folder, overrides);
  if (tokenizer && tokenizer->vocabulary_size() > static_cast<std::size_t>(model.vocabulary_size)) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tokenizer and weights disagree: the tokenizer has {} tokens, the weights have {} rows",
                            layout.first_folder.string(), tokenizer->vocabulary_size(), model.vocabulary_size));
  }
  return tokenizer;
}

// What stays at the front of a text that is cut from the left, and what pooling leaves out there.
void set_edges(const ModelLayout& layout, const TextGraph& graph, TextEncoder::Parts& parts) {
  parts.settings.truncate_left = layout.truncate_left;
  parts.settings.leading_special_count = leading_special_count(parts.tokenizer);
  if (!graph.include_prompt) {
    parts.prompt_is_fixed = true;
    parts.feeds = {.skip_token_count = prompt_token_count(parts.tokenizer, parts.settings),
                   .share_dim = graph.token_dim};
  }
}

}  // namespace

Result<std::unique_ptr<TokenEncoder>> make_text_encoder(const ModelLayout& layout, const EncoderOptions& options) {
  auto prompt = choose_prompt(layout, options);
  if (!prompt) {
    return std::unexpected(prompt.error());
  }
  auto model = read_text_model(layout);
  if (!model) {
    return std::unexpected(model.error());
  }
  auto tokenizer = read_tokenizer(layout, *model);
  if (!tokenizer) {
    return std::unexpected(tokenizer.error());
  }
  const std::string family = model->family;
  const TextEnd end = model->end;
  const TokenLimits tokens{.vocabulary_size = static_cast<std::size_t>(model->vocabulary_size),
                           .token_count_max = static_cast<std::size_t>(model->token_count_max)};
  const auto fixed_token_count = static_cast<std::size_t>(model->fixed_token_count);
  const auto pad_token = static_cast<TokenId>(model->pad_token);
  auto length = choose_token_count_max(layout, options,
                                       {.positions = static_cast<std::size_t>(model->token_count_max),
                                        .special_tokens = tokenizer->special_token_count()});
  if (!length) {
    return std::unexpected(length.error());
  }
  auto graph = build_text_graph(layout, *std::move(model), options);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  TextEncoder::Parts parts{.tokenizer = *std::move(tokenizer),
                           .settings = {.prompt = *std::move(prompt), .token_count_max = *length}};
  parts.tokens = tokens;
  set_edges(layout, *graph, parts);
  if (graph->pools_itself) {
    parts.feeds.end = end;
    parts.settings.fixed_token_count = std::min(fixed_token_count, *length);
    parts.settings.pad_token = pad_token;
  }
  EncoderInfo info = describe(layout, *graph);
  info.family = family;
  info.token_count_max = *length;
  info.tokenizer = parts.tokenizer.description();
  info.vocabulary_size = tokens.vocabulary_size;
  const auto backend = choose_backend(options.precision, info.warnings);
  if (!backend) {
    return std::unexpected(backend.error());
  }
  info.precision = backend->precision_name;
  const std::size_t thread_count = options.thread_count != 0 ? options.thread_count : available_processor_count();
  parts.pool = std::make_unique<ThreadPool>(thread_count);
  if (auto finite = check_finite(graph->parameters, *parts.pool, layout.folder.string()); !finite) {
    return std::unexpected(finite.error());
  }
  parts.dim = graph->dim;
  parts.pools = options.pooling != kNoPooling;
  parts.token_budget = options.batch_token_budget != 0 ? options.batch_token_budget : kDefaultTokenBudget;
  parts.batch_invariant = options.batch_invariant;
  parts.executables = std::make_unique<Executables>(
      compile_graph(backend->module->make_backend(), std::move(graph->graph), std::move(graph->parameters)),
      Executables::Options{
          .precision = backend->precision, .thread_count = thread_count, .bulk_only = options.batch_invariant});
  return std::make_unique<TextEncoder>(std::move(parts), std::move(info));
}

}  // namespace asterism
