#include "server/embed_answers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "server/arrow_stream.hpp"
#include "server/vector_writer.hpp"

namespace asterism::server {

std::vector<Header> tei_headers(const Exchange& exchange, const EmbedAnswer& answer) {
  const double total =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - exchange.started()).count();
  const auto whole = [](double value) { return fmt::format("{:.0f}", value); };
  return {{"x-compute-type", "cpu"},
          {"x-compute-time", whole(total)},
          {"x-compute-characters", std::to_string(answer.character_count)},
          {"x-compute-tokens", std::to_string(answer.token_count)},
          {"x-total-time", whole(total)},
          {"x-tokenization-time", whole(answer.tokenization_ms)},
          {"x-queue-time", whole(answer.queue_ms)},
          {"x-inference-time", whole(answer.inference_ms)}};
}

namespace {

constexpr std::string_view kBytesType = "application/octet-stream";
constexpr std::string_view kNpyType = "application/x-npy";

// The first that the client takes; JSON where it takes none of them.
std::string_view chosen_type(const Exchange& exchange) {
  const std::string_view accept = exchange.request().header("accept");
  for (const std::string_view type : {kBytesType, kNpyType, kArrowStreamType}) {
    if (accept.find(type) != std::string_view::npos) {
      return type;
    }
  }
  return "application/json";
}

// As bytes, with the shape in a header, or as a .npy file, which holds it.
void write_array(HttpResponse& out, std::string_view type, std::span<const float> values,
                 std::span<const std::size_t> shape) {
  if (type == kBytesType) {
    out.headers.push_back({"x-shape", fmt::format("{}", fmt::join(shape, ","))});
  } else {
    out.body = npy_header(shape);
  }
  out.body += little_endian_bytes(values);
}

}  // namespace

HttpResponse rows_response(const Exchange& exchange, const EmbedAnswer& answer) {
  HttpResponse out{.content_type = std::string(chosen_type(exchange)), .headers = tei_headers(exchange, answer)};
  if (out.content_type == kBytesType || out.content_type == kNpyType) {
    write_array(out, out.content_type, answer.values, std::array{answer.row_count, answer.dim});
  } else if (out.content_type == kArrowStreamType) {
    out.body = arrow_stream(answer.values, answer.dim);
  } else {
    append_json_rows(out.body, answer.values, answer.dim);
  }
  return out;
}

HttpResponse token_rows_response(const Exchange& exchange, const EmbedAnswer& answer) {
  HttpResponse out{.content_type = std::string(chosen_type(exchange)), .headers = tei_headers(exchange, answer)};
  const std::vector<std::size_t>& lengths = answer.row_lengths;
  if (out.content_type == kBytesType || out.content_type == kNpyType) {
    const auto other = std::ranges::find_if(lengths, [&](std::size_t length) { return length != lengths.front(); });
    if (other != lengths.end()) {
      return error_response(Dialect::kTei, 406,
                            fmt::format("{}: expected texts of as many tokens each, found {} and {}", out.content_type,
                                        lengths.front(), *other),
                            fmt::format("ask for application/json or {}, or for one text at once", kArrowStreamType));
    }
    write_array(out, out.content_type, answer.values, std::array{lengths.size(), lengths.front(), answer.dim});
    return out;
  }
  if (out.content_type == kArrowStreamType) {
    out.body = arrow_stream_of_lists(answer.values, answer.dim, lengths);
    return out;
  }
  std::span<const float> rest = answer.values;
  for (const std::size_t length : lengths) {
    out.body.push_back(out.body.empty() ? '[' : ',');
    append_json_rows(out.body, rest.first(length * answer.dim), answer.dim);
    rest = rest.subspan(length * answer.dim);
  }
  out.body.push_back(']');
  return out;
}

void run(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange, EmbedCall call,
         MakeResponse make) {
  context.api.embed(exchange, std::move(call),
                    [exchange, dialect = route.dialect, make = std::move(make)](Result<EmbedAnswer> answer) {
                      exchange->respond(answer ? make(*exchange, *answer) : error_response(dialect, answer.error()));
                    });
}

void run_both(const RouteContext& context, const std::shared_ptr<Exchange>& exchange, std::array<EmbedCall, 2> calls,
              OnBothEmbedded on_both) {
  struct Both {
    std::mutex mutex;
    std::array<std::optional<Result<EmbedAnswer>>, 2> answers;
    OnBothEmbedded on_both;
  };
  const auto both = std::make_shared<Both>();
  both->on_both = std::move(on_both);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    context.api.embed(exchange, std::move(calls[i]), [both, i](Result<EmbedAnswer> answer) {
      {
        const std::scoped_lock lock(both->mutex);
        both->answers[i] = std::move(answer);
        if (!both->answers[1 - i]) {
          return;
        }
      }
      both->on_both(*both->answers[0], *both->answers[1]);
    });
  }
}

void refuse(const Route& route, const std::shared_ptr<Exchange>& exchange, const Error& error) {
  exchange->respond(error_response(route.dialect, error));
}

// An unknown model, a bad value, a failed model, a full queue, a deadline.
std::vector<int> model_errors(Dialect dialect) {
  const bool tei = dialect == Dialect::kTei || dialect == Dialect::kTeiOpenAi;
  return tei ? std::vector<int>{404, 422, 424, 429, 504} : std::vector<int>{404, 429, 500, 504};
}

std::vector<std::string_view> tei_header_names() {
  return {"x-compute-type", "x-compute-time",      "x-compute-characters", "x-compute-tokens",
          "x-total-time",   "x-tokenization-time", "x-queue-time",         "x-inference-time"};
}

AnswerDoc rows_answer() {
  AnswerDoc out{.description = "A vector for each row",
                .contents = {{"application/json", "Vectors"}, {kBytesType}, {kNpyType}, {kArrowStreamType}},
                .headers = tei_header_names()};
  out.headers.push_back("x-shape");
  return out;
}

}  // namespace asterism::server
