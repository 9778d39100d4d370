#include "server/embed_api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "server/dialect.hpp"

namespace asterism::server {
namespace {

// More rows than this are bulk unless the client says otherwise.
constexpr std::size_t kInteractiveRowCountMax = 64;
constexpr double kNormMin = 1e-12;  // torch.nn.functional.normalize

Result<std::string> prompt_of(const EncoderInfo& info, const std::string& asked) {
  const std::string& name = asked.empty() ? info.default_prompt_name : asked;
  if (name.empty()) {
    return std::string();
  }
  const auto found = std::ranges::find(info.prompts, name, &std::pair<std::string, std::string>::first);
  if (found == info.prompts.end()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("`prompt_name`: the model has no prompt \"{}\"", name));
  }
  return found->second;
}

Result<std::optional<std::chrono::steady_clock::time_point>> deadline_of(const HttpRequest& request) {
  const std::string_view text = request.header("x-timeout-ms");
  if (text.empty()) {
    return std::nullopt;
  }
  std::uint32_t time_ms = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), time_ms);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || time_ms == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("x-timeout-ms: expected milliseconds > 0, found \"{}\"", text));
  }
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(time_ms);
}

// In double, as numpy would sum.
void normalize_row(std::span<float> row) {
  double sum = 0.0;
  for (const float value : row) {
    sum += static_cast<double>(value) * value;
  }
  const double scale = 1.0 / std::max(std::sqrt(sum), kNormMin);
  for (float& value : row) {
    value = static_cast<float>(value * scale);
  }
}

Result<EmbedAnswer> finish(const LoadedModel& model, const EmbedCall& call, WorkResult result) {
  EmbedAnswer out{.model = model.name,
                  .row_count = result.vectors.row_count,
                  .dim = call.dim == 0 ? result.vectors.dim : call.dim,
                  .queue_ms = result.queue_ms,
                  .inference_ms = result.inference_ms};
  for (std::size_t i = 0; i < out.row_count; ++i) {
    const RowReport& report = result.vectors.reports[i];
    if (report.error) {
      return std::unexpected(
          Error{report.error->code == ErrorCode::kInternal ? ErrorCode::kInternal : ErrorCode::kInvalidArgument,
                fmt::format("input {}: {}", i, report.error->message), report.error->hint});
    }
    if (!call.truncate && report.truncated()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("Input validation error: `inputs` must have less than {} tokens. Given: {}",
                              model.encoder.info().token_count_max, report.token_count_given));
    }
    out.token_count += report.token_count_used;
    const auto row = result.vectors.row(i).first(out.dim);
    out.values.insert(out.values.end(), row.begin(), row.end());
    if (call.normalize.value_or(model.normalized)) {
      normalize_row(std::span(out.values).last(out.dim));
    }
  }
  return out;
}

Result<void> check(const EmbedCall& call, const EmbedApiLimits& limits) {
  if (call.rows.empty()) {
    return fail(ErrorCode::kInvalidArgument, std::string(kEmptyInputMessage));
  }
  if (call.rows.size() > limits.row_count_max) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("batch size {} > maximum allowed batch size {}", call.rows.size(), limits.row_count_max));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const LoadedModel>> EmbedApi::choose_model(const std::string& name, RowKind kind) {
  const auto& names = pool_.names();
  if (std::ranges::find(names, name) != names.end()) {
    return pool_.get(name);
  }
  if (!name.empty() && names.size() > 1) {
    return pool_.get(name);  // says which there are
  }
  Result<std::shared_ptr<const LoadedModel>> last = fail(ErrorCode::kNotFound, "the server has no model");
  for (const std::string& candidate : names) {
    last = pool_.get(candidate);
    if (!last) {
      return last;
    }
    const EncoderInfo& info = (*last)->encoder.info();
    if (kind == RowKind::kText ? info.takes_texts : info.takes_images) {
      return last;
    }
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("no model of this server takes {}", kind == RowKind::kText ? "texts" : "images"));
}

Result<WorkHandle> EmbedApi::submit(const HttpRequest& request, EmbedCall call, const OnEmbedded& on_embedded) {
  auto model = choose_model(call.model, call.kind);
  const auto valid = check(call, limits_);
  const auto deadline = deadline_of(request);
  if (!model || !valid || !deadline) {
    return std::unexpected(!model ? model.error() : !valid ? valid.error() : deadline.error());
  }
  const EncoderInfo& info = (*model)->encoder.info();
  if (call.dim > info.dim) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("`dimensions` must be at most {}, the values of the model's vector, found {}", info.dim, call.dim));
  }
  const auto prompt = call.kind == RowKind::kText ? prompt_of(info, call.prompt_name) : Result<std::string>("");
  if (!prompt) {
    return std::unexpected(prompt.error());
  }
  std::size_t character_count = 0;
  for (std::string& row : call.rows) {
    character_count += row.size();
    row.insert(0, *prompt);
  }
  const std::string_view asked = request.header("x-priority");
  if (!asked.empty() && asked != "bulk" && asked != "interactive") {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("x-priority: expected bulk or interactive, found \"{}\"", asked));
  }
  const bool bulk = asked == "bulk" || (asked.empty() && call.rows.size() > kInteractiveRowCountMax);
  Work work{.encoder = model_rows(*model, call.kind),
            .rows = std::move(call.rows),
            .priority = bulk ? Priority::kBulk : Priority::kInteractive,
            .deadline = *deadline};
  return scheduler_.submit(std::move(work), [on_embedded, model = *model, call = std::move(call),
                                             character_count](Result<WorkResult> result) {
    auto answer = result ? finish(*model, call, *std::move(result)) : std::unexpected(result.error());
    if (answer) {
      answer->character_count = character_count;
    }
    on_embedded(std::move(answer));
  });
}

void EmbedApi::embed(const std::shared_ptr<Exchange>& exchange, EmbedCall call, OnEmbedded on_embedded) {
  const OnEmbedded counted = [this, then = std::move(on_embedded)](Result<EmbedAnswer> answer) {
    metrics_.embedded(answer ? std::string_view() : error_traits(answer.error().code).name,
                      answer ? answer->queue_ms : 0.0, answer ? answer->token_count : 0);
    then(std::move(answer));
  };
  auto handle = submit(exchange->request(), std::move(call), counted);
  if (handle) {
    exchange->on_client_gone([handle = *std::move(handle)]() mutable { handle.cancel(); });
  } else {
    counted(std::unexpected(handle.error()));
  }
}

}  // namespace asterism::server
