#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "server/multipart.hpp"
#include "server/routes.hpp"
#include "server/vector_writer.hpp"

namespace asterism::server {
namespace {

constexpr std::string_view kBody = "request body";

Result<Json> parse_object(const std::string& body) {
  auto json = parse_json(body, kBody);
  if (!json || json->is_object()) {
    return json;
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected an object, found {}", kBody, json->type_name()));
}

// A text, or a list of texts.
Result<std::vector<std::string>> texts_of(const Json& body, std::string_view key) {
  const auto found = body.find(std::string(key));
  if (found == body.end() || found->is_null()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("`{}`: expected a text or a list of texts, found none", key));
  }
  if (found->is_string()) {
    return std::vector<std::string>{found->get<std::string>()};
  }
  std::vector<std::string> out;
  if (found->is_array()) {
    for (const Json& entry : *found) {
      if (!entry.is_string()) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("`{}`, entry {}: expected a text, found {}", key, out.size(), entry.type_name()));
      }
      out.push_back(entry.get<std::string>());
    }
    return out;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("`{}`: expected a text or a list of texts, found {}", key, found->type_name()));
}

// The bytes of "data:image/png;base64,..." or of bare base64.
Result<std::string> picture_of(std::string_view text) {
  if (text.starts_with("http://") || text.starts_with("https://")) {
    return fail(ErrorCode::kUnsupported, "image: this server fetches no addresses",
                "send the picture itself: raw bytes, multipart, or a data URI");
  }
  if (text.starts_with("data:")) {
    const std::size_t comma = text.find(";base64,");
    if (comma == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, "image: expected a data URI with ;base64, in it");
    }
    text.remove_prefix(comma + std::string_view(";base64,").size());
  }
  auto bytes = decode_base64(text);
  if (!bytes) {
    return fail(ErrorCode::kInvalidArgument, "image: expected base64, found other characters");
  }
  return *std::move(bytes);
}

template <typename T>
Result<void> read_optional(const Json& body, std::string_view key, T& value) {
  auto found = json_find<T>(body, key, kBody);
  if (!found) {
    return std::unexpected(Error{ErrorCode::kInvalidArgument, found.error().message, found.error().hint});
  }
  if (*found) {
    value = **std::move(found);
  }
  return {};
}

// How many values of a vector are kept. 25.0 is an integer in JSON's schemas.
Result<void> read_dimensions(const Json& body, std::string_view key, EmbedCall& call) {
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) {
    return {};
  }
  double dim = 0.0;
  const auto read = read_optional(body, key, dim);
  if (read && (dim < 1.0 || dim != std::floor(dim) || dim > std::numeric_limits<std::int32_t>::max())) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("`{}` must be an integer > 0, found {}", key, found->dump()));
  }
  call.dim = static_cast<std::size_t>(dim);
  return read;
}

template <typename... Results>
std::optional<Error> first_error(const Results&... results) {
  std::optional<Error> out;
  ((out = out ? out : results ? std::nullopt : std::optional<Error>(results.error())), ...);
  return out;
}

std::vector<Header> tei_headers(const Exchange& exchange, const EmbedAnswer& answer) {
  const double total =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - exchange.started()).count();
  const auto whole = [](double value) { return fmt::format("{:.0f}", value); };
  return {{"x-compute-type", "cpu"},
          {"x-compute-time", whole(total)},
          {"x-compute-characters", std::to_string(answer.character_count)},
          {"x-compute-tokens", std::to_string(answer.token_count)},
          {"x-total-time", whole(total)},
          {"x-tokenization-time", "0"},
          {"x-queue-time", whole(answer.queue_ms)},
          {"x-inference-time", whole(answer.inference_ms)}};
}

// Rows as the client asks by Accept: JSON, bytes or .npy.
HttpResponse rows_response(const Exchange& exchange, const EmbedAnswer& answer) {
  HttpResponse out;
  out.headers = tei_headers(exchange, answer);
  const std::string_view accept = exchange.request().header("accept");
  if (accept.find("application/octet-stream") != std::string_view::npos) {
    out.content_type = "application/octet-stream";
    out.headers.push_back({"x-shape", fmt::format("{},{}", answer.row_count, answer.dim)});
    out.body = little_endian_bytes(answer.values);
  } else if (accept.find("application/x-npy") != std::string_view::npos) {
    out.content_type = "application/x-npy";
    out.body = npy_bytes(answer.values, answer.dim);
  } else {
    append_json_rows(out.body, answer.values, answer.dim);
  }
  return out;
}

using MakeResponse = std::function<HttpResponse(const Exchange&, const EmbedAnswer&)>;

void run(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange, EmbedCall call,
         MakeResponse make) {
  context.api.embed(exchange, std::move(call),
                    [exchange, dialect = route.dialect, make = std::move(make)](Result<EmbedAnswer> answer) {
                      exchange->respond(answer ? make(*exchange, *answer) : error_response(dialect, answer.error()));
                    });
}

void refuse(const Route& route, const std::shared_ptr<Exchange>& exchange, const Error& error) {
  exchange->respond(error_response(route.dialect, error));
}

void tei_embed(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, {ErrorCode::kUsage, body.error().message, body.error().hint});
  }
  EmbedCall call;
  bool normalize = true;
  auto texts = texts_of(*body, "inputs");
  if (const auto error =
          first_error(texts, read_optional(*body, "normalize", normalize), read_dimensions(*body, "dimensions", call),
                      read_optional(*body, "prompt_name", call.prompt_name), read_optional(*body, "model", call.model),
                      read_optional(*body, "truncate", call.truncate))) {
    return refuse(route, exchange, *error);
  }
  call.rows = *std::move(texts);
  call.normalize = normalize;
  run(context, route, exchange, std::move(call), rows_response);
}

void tei_similarity(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, {ErrorCode::kUsage, body.error().message, body.error().hint});
  }
  const Json inputs = body->contains("inputs") && (*body)["inputs"].is_object() ? (*body)["inputs"] : Json::object();
  const auto source = json_get<std::string>(inputs, "source_sentence", "`inputs`");
  const auto sentences = texts_of(inputs, "sentences");
  if (const auto error = first_error(source, sentences)) {
    return refuse(route, exchange, *error);
  }
  if (sentences->empty()) {
    return refuse(route, exchange, {ErrorCode::kInvalidArgument, std::string(kEmptyInputMessage), {}});
  }
  EmbedCall call;
  call.rows = {*source};
  call.rows.insert(call.rows.end(), sentences->begin(), sentences->end());
  call.normalize = true;
  run(context, route, exchange, std::move(call), [](const Exchange& done, const EmbedAnswer& answer) {
    std::vector<float> scores;
    const auto query = std::span(answer.values).first(answer.dim);
    for (std::size_t row = 1; row < answer.row_count; ++row) {
      const auto other = std::span(answer.values).subspan(row * answer.dim, answer.dim);
      double sum = 0.0;
      for (std::size_t i = 0; i < answer.dim; ++i) {
        sum += static_cast<double>(query[i]) * other[i];
      }
      scores.push_back(static_cast<float>(sum));
    }
    HttpResponse out;
    out.headers = tei_headers(done, answer);
    append_json(out.body, scores);
    return out;
  });
}

HttpResponse open_ai_response(const EmbedAnswer& answer, bool as_base64) {
  HttpResponse out;
  out.body = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < answer.row_count; ++i) {
    out.body += i == 0 ? R"({"object":"embedding","embedding":)" : R"(,{"object":"embedding","embedding":)";
    const auto row = std::span(answer.values).subspan(i * answer.dim, answer.dim);
    if (as_base64) {
      fmt::format_to(std::back_inserter(out.body), "\"{}\"", base64(little_endian_bytes(row)));
    } else {
      append_json(out.body, row);
    }
    fmt::format_to(std::back_inserter(out.body), ",\"index\":{}}}", i);
  }
  out.body += R"(],"model":)";
  append_json_text(out.body, answer.model);
  fmt::format_to(std::back_inserter(out.body), R"(,"usage":{{"prompt_tokens":{0},"total_tokens":{0}}}}})",
                 answer.token_count);
  return out;
}

void open_ai_embeddings(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, {ErrorCode::kUsage, body.error().message, body.error().hint});
  }
  EmbedCall call;
  std::string format = "float";
  auto texts = texts_of(*body, "input");
  if (const auto error =
          first_error(texts, read_dimensions(*body, "dimensions", call), read_optional(*body, "model", call.model),
                      read_optional(*body, "encoding_format", format))) {
    return refuse(route, exchange, *error);
  }
  if (format != "float" && format != "base64") {
    return refuse(route, exchange,
                  {ErrorCode::kInvalidArgument,
                   fmt::format("`encoding_format`: expected \"float\" or \"base64\", found \"{}\"", format),
                   {}});
  }
  call.rows = *std::move(texts);
  call.normalize = true;
  run(context, route, exchange, std::move(call),
      [as_base64 = format == "base64"](const Exchange&, const EmbedAnswer& answer) {
        return open_ai_response(answer, as_base64);
      });
}

Result<void> read_cohere_truncate(const Json& body, EmbedCall& call) {
  std::string truncate = "END";
  if (auto read = read_optional(body, "truncate", truncate); !read) {
    return read;
  }
  if (truncate != "END" && truncate != "NONE") {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("`truncate`: expected \"END\" or \"NONE\", found \"{}\"", truncate));
  }
  call.truncate = truncate == "END";
  return {};
}

// Whoever asks for other numbers shall not get floats.
Result<void> check_cohere_types(const Json& body) {
  const auto found = body.find("embedding_types");
  if (found == body.end() || found->is_null() || *found == Json::array({"float"})) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("`embedding_types`: expected [\"float\"], found {}",
                          found->dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60)));
}

void cohere_embed(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, {ErrorCode::kUsage, body.error().message, body.error().hint});
  }
  EmbedCall call;
  auto texts = texts_of(*body, "texts");
  if (const auto error =
          first_error(texts, read_optional(*body, "model", call.model), read_cohere_truncate(*body, call),
                      check_cohere_types(*body), read_dimensions(*body, "output_dimension", call))) {
    return refuse(route, exchange, *error);
  }
  call.rows = *std::move(texts);
  auto kept = std::make_shared<std::vector<std::string>>(call.rows);
  run(context, route, exchange, std::move(call), [kept](const Exchange&, const EmbedAnswer& answer) {
    HttpResponse out;
    out.body = R"({"id":"","embeddings":{"float":)";
    append_json_rows(out.body, answer.values, answer.dim);
    out.body += R"(},"texts":[)";
    for (std::size_t i = 0; i < kept->size(); ++i) {
      out.body += i == 0 ? "" : ",";
      append_json_text(out.body, (*kept)[i]);
    }
    fmt::format_to(std::back_inserter(out.body),
                   R"(],"meta":{{"api_version":{{"version":"2"}},"billed_units":{{"input_tokens":{}}}}}}})",
                   answer.token_count);
    return out;
  });
}

// Raw bytes of one picture, parts of a form, or JSON with data URIs under "inputs".
Result<std::vector<std::string>> pictures_of(const HttpRequest& request) {
  const std::string_view type = request.header("content-type");
  if (type.starts_with("multipart/")) {
    const auto boundary = multipart_boundary(type);
    const auto parts = boundary ? parse_multipart(request.body, *boundary) : std::unexpected(boundary.error());
    if (!parts) {
      return std::unexpected(parts.error());
    }
    std::vector<std::string> out;
    std::ranges::transform(*parts, std::back_inserter(out),
                           [](const MultipartPart& part) { return std::string(part.data); });
    return out;
  }
  if (!type.starts_with("application/json")) {
    return request.body.empty() ? std::vector<std::string>{} : std::vector<std::string>{request.body};
  }
  const auto body = parse_object(request.body);
  auto texts = body ? texts_of(*body, "inputs") : std::unexpected(body.error());
  if (!texts) {
    return texts;
  }
  for (std::string& text : *texts) {
    auto bytes = picture_of(text);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    text = *std::move(bytes);
  }
  return texts;
}

void embed_image(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  auto pictures = pictures_of(exchange->request());
  if (!pictures) {
    return refuse(route, exchange, pictures.error());
  }
  const std::string normalize = query_value(exchange->request().query, "normalize");
  if (!normalize.empty() && normalize != "true" && normalize != "false") {
    return refuse(
        route, exchange,
        {ErrorCode::kInvalidArgument, fmt::format("`normalize`: expected true or false, found \"{}\"", normalize), {}});
  }
  EmbedCall call;
  call.kind = RowKind::kImage;
  call.rows = *std::move(pictures);
  call.model = query_value(exchange->request().query, "model");
  call.normalize = normalize != "false";
  run(context, route, exchange, std::move(call), rows_response);
}

// Errors of what queues and runs a model: an unknown model, a bad value, a failed model, a full queue, a deadline.
std::vector<int> model_errors(Dialect dialect) {
  const bool tei = dialect == Dialect::kTei || dialect == Dialect::kTeiOpenAi;
  return {404, 422, tei ? 424 : 500, 429, 504};
}

std::vector<std::string_view> tei_header_names() {
  return {"x-compute-type", "x-compute-time",      "x-compute-characters", "x-compute-tokens",
          "x-total-time",   "x-tokenization-time", "x-queue-time",         "x-inference-time"};
}

AnswerDoc rows_answer() {
  AnswerDoc out{.description = "A vector for each row",
                .contents = {{"application/json", "Vectors"}, {"application/octet-stream"}, {"application/x-npy"}},
                .headers = tei_header_names()};
  out.headers.push_back("x-shape");
  return out;
}

RouteDoc embed_doc() {
  return {.tag = "Text embeddings",
          .summary = "Vectors of texts",
          .description =
              "As text-embeddings-inference has it. By Accept: JSON, little-endian float32 "
              "(application/octet-stream, its shape in x-shape) or a .npy file (application/x-npy).",
          .parameters = {"Priority", "TimeoutMs"},
          .bodies = {{"application/json", "EmbedRequest"}},
          .answers = {rows_answer()},
          .errors = model_errors(Dialect::kTei)};
}

RouteDoc similarity_doc() {
  return {.tag = "Text embeddings",
          .summary = "How near sentences are to one",
          .parameters = {"Priority", "TimeoutMs"},
          .bodies = {{"application/json", "SimilarityRequest"}},
          .answers = {{200, "A cosine for each sentence", {{"application/json", "Scores"}}, tei_header_names()}},
          .errors = model_errors(Dialect::kTei)};
}

RouteDoc open_ai_doc(Dialect dialect) {
  return {
      .tag = "OpenAI",
      .summary = "Vectors of texts, of length 1",
      .description = dialect == Dialect::kOpenAi ? "As OpenAI has it." : "As OpenAI has it, errors as TEI has them.",
      .parameters = {"Priority", "TimeoutMs"},
      .bodies = {{"application/json", "OpenAiEmbeddingRequest"}},
      .answers = {{200, "A vector for each text", {{"application/json", "OpenAiEmbeddingList"}}}},
      .errors = model_errors(dialect)};
}

RouteDoc cohere_doc() {
  return {.tag = "Cohere",
          .summary = "Vectors of texts",
          .description = "As Cohere's v2 has it, with vectors of floats.",
          .parameters = {"Priority", "TimeoutMs"},
          .bodies = {{"application/json", "CohereEmbedRequest"}},
          .answers = {{200, "A vector for each text", {{"application/json", "CohereEmbedResponse"}}}},
          .errors = model_errors(Dialect::kCohere)};
}

RouteDoc embed_image_doc() {
  return {.tag = "Pictures",
          .summary = "Vectors of pictures",
          .description = "One picture as the body, several in a form, or JSON with data URIs.",
          .parameters = {"QueryModel", "QueryNormalize", "Priority", "TimeoutMs"},
          .bodies = {{"application/json", "PictureRequest"},
                     {"image/jpeg", "Picture"},
                     {"image/png", "Picture"},
                     {"image/webp", "Picture"},
                     {"application/octet-stream", "Picture"},
                     {"multipart/form-data", "PictureForm"}},
          .answers = {rows_answer()},
          .errors = model_errors(Dialect::kTei)};
}

}  // namespace

std::vector<Route> embed_routes() {
  return {{Method::kPost, "/embed", Dialect::kTei, Scope::kRead, tei_embed, embed_doc()},
          {Method::kPost, "/", Dialect::kTei, Scope::kRead, tei_embed, embed_doc()},
          {Method::kPost, "/similarity", Dialect::kTei, Scope::kRead, tei_similarity, similarity_doc()},
          {Method::kPost, "/embeddings", Dialect::kTeiOpenAi, Scope::kRead, open_ai_embeddings,
           open_ai_doc(Dialect::kTeiOpenAi)},
          {Method::kPost, "/v1/embeddings", Dialect::kOpenAi, Scope::kRead, open_ai_embeddings,
           open_ai_doc(Dialect::kOpenAi)},
          {Method::kPost, "/v2/embed", Dialect::kCohere, Scope::kRead, cohere_embed, cohere_doc()},
          {Method::kPost, "/embed_image", Dialect::kTei, Scope::kRead, embed_image, embed_image_doc()}};
}

}  // namespace asterism::server
