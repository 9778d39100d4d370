#include "server/embed_api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>
#include <utility>

#include "server/dialect.hpp"
#include "server/request_deadline.hpp"
#include "store/unit_vector.hpp"

namespace asterism::server {
namespace {

using Clock = std::chrono::steady_clock;

// More rows than this are bulk unless the client says otherwise.
constexpr std::size_t kInteractiveRowCountMax = 64;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

Result<Priority> priority_of(const HttpRequest& request, std::size_t row_count) {
  const std::string_view asked = request.header("x-priority");
  if (!asked.empty() && asked != "bulk" && asked != "interactive") {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("x-priority: expected bulk or interactive, found \"{}\"", asked));
  }
  const bool bulk = asked == "bulk" || (asked.empty() && row_count > kInteractiveRowCountMax);
  return bulk ? Priority::kBulk : Priority::kInteractive;
}

Error too_long(const EncoderInfo& info, std::size_t token_count) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = fmt::format("Input validation error: `inputs` must have less than {} tokens. Given: {}",
                                 info.token_count_max, token_count),
          .hint = {}};
}

Result<void> check(const EmbedCall& call, const EmbedApiLimits& limits) {
  if (auto counted = check_row_count(call.row_count(), limits); !counted) {
    return counted;
  }
  for (std::size_t i = 0; i < call.token_ids.size(); ++i) {
    if (call.token_ids[i].empty()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("input {}: expected token ids, found none", i));
    }
  }
  return {};
}

bool takes(const EncoderInfo& info, RowKind kind) {
  return kind == RowKind::kImage ? info.takes_images : info.takes_texts;
}

}  // namespace

Result<void> check_row_count(std::size_t row_count, const EmbedApiLimits& limits) {
  if (row_count == 0) {
    return fail(ErrorCode::kInvalidArgument, std::string(kEmptyInputMessage));
  }
  if (row_count > limits.row_count_max) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("batch size {} > maximum allowed batch size {}", row_count, limits.row_count_max));
  }
  return {};
}

Result<std::string> prompt_of(const EncoderInfo& info, const std::string& name) {
  if (name.empty()) {
    return std::string();
  }
  const auto found = std::ranges::find(info.prompts, name, &std::pair<std::string, std::string>::first);
  if (found == info.prompts.end()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("`prompt_name`: the model has no prompt \"{}\"", name));
  }
  return found->second;
}

double inner_product(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * b[i];
  }
  return sum;
}

// One call on its way; each stage hands it on.
struct EmbedApi::Running {
  std::shared_ptr<Exchange> exchange;
  EmbedCall call;
  OnEmbedded on_embedded;
  std::optional<Clock::time_point> deadline = {};
  Priority priority = Priority::kInteractive;
  std::shared_ptr<const LoadedModel> model = nullptr;
  bool is_variant = false;  // `model` is the variant that the call needs
  std::string prompt = {};
  std::size_t character_count = 0;
  double tokenization_ms = 0.0;

  void fail_with(const Error& error) const { on_embedded(std::unexpected(error)); }
  Result<EmbedAnswer> answer(const WorkResult& result) const;
};

Result<EmbedAnswer> EmbedApi::Running::answer(const WorkResult& result) const {
  const EncoderInfo& info = model->encoder.info();
  EmbedAnswer out{.model = model->name,
                  .row_count = result.rows.size(),
                  .dim = call.dim == 0 ? info.dim : call.dim,
                  .character_count = character_count,
                  .tokenization_ms = tokenization_ms,
                  .queue_ms = result.queue_ms,
                  .inference_ms = result.inference_ms};
  const bool normalize = call.normalize.value_or(model->normalized && call.pooled);
  for (std::size_t i = 0; i < out.row_count; ++i) {
    const RowReport& report = result.rows[i].report;
    if (report.error) {
      const bool of_model = report.error->code == ErrorCode::kInternal;
      return std::unexpected(Error{of_model ? ErrorCode::kInternal : ErrorCode::kInvalidArgument,
                                   fmt::format("input {}: {}", i, report.error->message), report.error->hint});
    }
    if (!call.truncate && report.truncated()) {
      return std::unexpected(too_long(info, report.token_count_given));
    }
    out.token_count += report.token_count_used;
    const std::span<const float> values = result.rows[i].values;
    // Tokens have the width of the model's last layer, which need not be that of its vectors (CLIP).
    const std::size_t width = call.pooled ? info.dim : values.size() / std::max(1U, report.token_count_used);
    if (!call.pooled) {
      out.row_lengths.push_back(report.token_count_used);
      out.dim = call.dim == 0 && width != 0 ? width : out.dim;
    }
    for (std::size_t begin = 0; begin + width <= values.size() && width != 0; begin += width) {
      const auto row = values.subspan(begin, out.dim);
      out.values.insert(out.values.end(), row.begin(), row.end());
      if (normalize) {
        make_unit(std::span(out.values).last(out.dim));
      }
    }
  }
  return out;
}

void EmbedApi::choose_model(const std::string& name, RowKind kind, ModelPool::OnModel on_model) {
  const auto& names = parts_.pool.names();
  // A name that nobody has: the pool says which there are.
  if (std::ranges::find(names, name) != names.end() || (!name.empty() && names.size() > 1)) {
    parts_.pool.get({.name = name}, std::move(on_model));
  } else {
    try_models(0, kind, std::move(on_model));
  }
}

void EmbedApi::try_models(std::size_t index, RowKind kind, ModelPool::OnModel on_model) {
  if (index == parts_.pool.names().size()) {
    on_model(fail(ErrorCode::kUnsupported,
                  fmt::format("no model of this server takes {}", kind == RowKind::kImage ? "images" : "texts")));
    return;
  }
  parts_.pool.get({.name = parts_.pool.names()[index]},
                  [this, index, kind, on_model = std::move(on_model)](ModelPool::Loaded model) mutable {
                    if (!model || takes((*model)->encoder.info(), kind)) {
                      on_model(std::move(model));
                    } else {
                      try_models(index + 1, kind, std::move(on_model));
                    }
                  });
}

void EmbedApi::embed(const std::shared_ptr<Exchange>& exchange, EmbedCall call, OnEmbedded on_embedded) {
  const std::size_t others = request_count_.fetch_add(1);
  OnEmbedded counted = [this, then = std::move(on_embedded)](Result<EmbedAnswer> answer) {
    request_count_.fetch_sub(1);
    if (answer) {
      parts_.metrics.embedded({.tokenization_ms = answer->tokenization_ms,
                               .queue_ms = answer->queue_ms,
                               .token_count = answer->token_count});
    } else {
      parts_.metrics.embedding_failed(error_traits(answer.error().code).name);
    }
    then(std::move(answer));
  };
  const auto running = std::make_shared<Running>(
      Running{.exchange = exchange, .call = std::move(call), .on_embedded = std::move(counted)});
  if (others >= limits_.request_count_max) {
    return running->fail_with({.code = ErrorCode::kOverloaded,
                               .message = "Model is overloaded",
                               .hint = fmt::format("{} requests are in flight: try again in a second", others)});
  }
  const auto valid = check(running->call, limits_);
  const auto deadline = request_deadline(exchange->request());
  const auto priority = priority_of(exchange->request(), running->call.row_count());
  if (!valid || !deadline || !priority) {
    return running->fail_with(!valid ? valid.error() : !deadline ? deadline.error() : priority.error());
  }
  running->deadline = *deadline;
  running->priority = *priority;
  if (!running->call.addresses.empty()) {
    return fetch(running);
  }
  begin(running);
}

void EmbedApi::begin(const std::shared_ptr<Running>& running) {
  choose_model(running->call.model, running->call.kind,
               [this, running](ModelPool::Loaded model) { prepare(running, std::move(model)); });
}

void EmbedApi::fetch(const std::shared_ptr<Running>& running) {
  const auto posted = parts_.tasks.post([this, running] {
    for (const auto& [row, url] : running->call.addresses) {
      auto bytes = parts_.fetcher.fetch(url);
      if (!bytes) {
        return running->fail_with(bytes.error());
      }
      running->call.rows[row] = *std::move(bytes);
    }
    begin(running);
  });
  if (!posted) {
    running->fail_with(posted.error());
  }
}

void EmbedApi::load_variant(const std::shared_ptr<Running>& running, const ModelVariant& variant) {
  running->is_variant = true;
  parts_.pool.get(variant, [this, running](ModelPool::Loaded model) { prepare(running, std::move(model)); });
}

void EmbedApi::prepare(const std::shared_ptr<Running>& running, ModelPool::Loaded model) {
  if (!model) {
    return running->fail_with(model.error());
  }
  running->model = *std::move(model);
  const EncoderInfo& info = running->model->encoder.info();
  EmbedCall& call = running->call;
  if (!takes(info, call.kind)) {
    return running->fail_with({.code = ErrorCode::kUnsupported,
                               .message = fmt::format("model \"{}\": takes no {}", running->model->name,
                                                      call.kind == RowKind::kImage ? "images" : "texts"),
                               .hint = {}});
  }
  if (call.dim > info.dim) {
    return running->fail_with(
        {.code = ErrorCode::kInvalidArgument,
         .message = fmt::format("`dimensions` must be at most {}, the values of the model's vector, found {}", info.dim,
                                call.dim),
         .hint = {}});
  }
  if (call.kind != RowKind::kText) {
    if (!call.prompt_name.empty()) {
      return running->fail_with(
          {.code = ErrorCode::kInvalidArgument,
           .message = fmt::format("`prompt_name`: expected none with {}, found \"{}\"",
                                  call.kind == RowKind::kImage ? "images" : "token ids", call.prompt_name),
           .hint = "prompts are words before texts"});
    }
    if (!call.pooled && !running->is_variant) {
      return load_variant(running, {.name = running->model->name, .pooled = false});
    }
    std::vector<std::string> rows = std::move(call.rows);
    for (const auto& ids : call.token_ids) {
      rows.push_back(row_of_tokens(ids));
    }
    return submit(running, call.kind, std::move(rows));
  }
  const std::string prompt_name = call.prompt_name.empty() ? info.default_prompt_name : call.prompt_name;
  const auto prompt = prompt_of(info, prompt_name);
  if (!prompt) {
    return running->fail_with(prompt.error());
  }
  // Pooling that leaves the prompt out has to know it when the model is loaded.
  const bool prompt_is_loaded = call.pooled && !info.prompt_is_pooled && !prompt->empty();
  if (!running->is_variant && (!call.pooled || prompt_is_loaded)) {
    return load_variant(running, {.name = running->model->name,
                                  .pooled = call.pooled,
                                  .prompt_name = prompt_is_loaded ? prompt_name : std::string()});
  }
  running->prompt = prompt_is_loaded ? std::string() : *prompt;
  std::size_t size_bytes = 0;
  for (const std::string& text : call.rows) {
    size_bytes += text.size();
  }
  running->character_count = size_bytes;
  const bool as_text = info.tokenizer.empty() || (info.family == "static" && call.pooled && !call.truncate_left);
  const auto stage = as_text ? &EmbedApi::run_text : &EmbedApi::tokenize;
  if (size_bytes <= kQuickTextSizeBytes) {
    (this->*stage)(running);
  } else {
    post_large(running, stage);
  }
}

// On another thread, so that the connection's goes on with others. What is small runs at once on its own: no more of
// that can pile up than there are threads of connections.
void EmbedApi::post_large(const std::shared_ptr<Running>& running,
                          void (EmbedApi::*stage)(const std::shared_ptr<Running>&)) {
  const std::size_t row_count = running->call.row_count();
  const std::size_t others = task_row_count_.fetch_add(row_count);
  auto posted = others + row_count > std::max(limits_.task_row_count_max, row_count)
                    ? fail(ErrorCode::kOverloaded, "Model is overloaded",
                           fmt::format("{} rows of large requests wait: try again in a second", others))
                    : parts_.tasks.post([this, running, row_count, stage] {
                        (this->*stage)(running);
                        task_row_count_.fetch_sub(row_count);
                      });
  if (!posted) {
    task_row_count_.fetch_sub(row_count);
    running->fail_with(posted.error());
  }
}

// A model that takes texts as they are.
void EmbedApi::run_text(const std::shared_ptr<Running>& running) {
  for (std::string& text : running->call.rows) {
    text.insert(0, running->prompt);
  }
  submit(running, RowKind::kText, std::move(running->call.rows));
}

void EmbedApi::tokenize(const std::shared_ptr<Running>& running) {
  const auto begin = Clock::now();
  const EmbedCall& call = running->call;
  TokenizeOptions options{.truncate_left = call.truncate_left};
  if (!running->prompt.empty()) {
    options.prompt = running->prompt;
  }
  const std::vector<std::string_view> texts(call.rows.begin(), call.rows.end());
  const auto tokens = running->model->encoder.tokenize(texts, options);
  if (!tokens) {
    return running->fail_with(tokens.error());
  }
  std::vector<std::string> rows;
  for (const TokenizedText& text : *tokens) {
    if (!call.truncate && text.token_count_given > text.ids.size()) {
      return running->fail_with(too_long(running->model->encoder.info(), text.token_count_given));
    }
    rows.push_back(row_of_tokens(text.ids));
  }
  running->tokenization_ms = milliseconds_since(begin);
  submit(running, RowKind::kTokens, std::move(rows));
}

void EmbedApi::submit(const std::shared_ptr<Running>& running, RowKind kind, std::vector<std::string> rows) {
  Work work{.encoder = model_rows(running->model, kind),
            .rows = std::move(rows),
            .priority = running->priority,
            .deadline = running->deadline};
  auto handle = parts_.scheduler.submit(std::move(work), [this, running](Result<WorkResult> result) {
    if (!result) {
      return refuse(*running, result.error());
    }
    auto answer = running->answer(*result);
    if (answer && parts_.traces.enabled()) {
      trace(*running, *answer);
    }
    running->on_embedded(std::move(answer));
  });
  if (handle) {
    running->exchange->on_client_gone([handle = *std::move(handle)]() mutable { handle.cancel(); });
  } else {
    refuse(*running, handle.error());
  }
}

// What the scheduler would not do, or not in time.
void EmbedApi::refuse(const Running& running, const Error& error) const {
  if (error.code == ErrorCode::kOverloaded) {
    running.exchange->set_retry_after(parts_.scheduler.retry_after(running.priority));
  }
  running.fail_with(error);
}

// The stages of the request, as spans within its own: they end now, one after the other.
void EmbedApi::trace(const Running& running, const EmbedAnswer& answer) const {
  const TraceContext& request = running.exchange->request().trace;
  auto end = std::chrono::system_clock::now();
  const auto record = [&](std::string name, double time_ms, std::vector<SpanAttribute> attributes) {
    const auto begin = end - std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                 std::chrono::duration<double, std::milli>(time_ms));
    TraceContext context = begin_trace(request);
    parts_.traces.record({.context = std::move(context),
                          .name = std::move(name),
                          .begin = begin,
                          .end = end,
                          .attributes = std::move(attributes)});
    end = begin;
  };
  record("inference", answer.inference_ms,
         {{"asterism.model", answer.model},
          {"asterism.row_count", static_cast<std::int64_t>(answer.row_count)},
          {"asterism.token_count", static_cast<std::int64_t>(answer.token_count)}});
  record("queue", answer.queue_ms, {});
  if (answer.tokenization_ms > 0.0) {
    record("tokenize", answer.tokenization_ms, {});
  }
}

}  // namespace asterism::server
