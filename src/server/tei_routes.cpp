// Routes of text-embeddings-inference: /embed, /embed_all, /similarity, /tokenize, /decode.
// Facts: text-embeddings-inference router/src/http/{server,types}.rs.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "server/embed_answers.hpp"
#include "server/request_body.hpp"
#include "server/routes.hpp"
#include "server/vector_writer.hpp"

namespace asterism::server {
namespace {

void embed_inputs(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange,
                  const Json& body) {
  EmbedCall call;
  bool normalize = true;
  if (const auto error =
          first_error(read_inputs(body, "inputs", call), read_field(body, "normalize", normalize),
                      read_dim(body, "dimensions", call), read_field(body, "prompt_name", call.prompt_name),
                      read_field(body, "model", call.model), read_truncation(body, call))) {
    return refuse(route, exchange, *error);
  }
  call.normalize = normalize;
  run(context, route, exchange, std::move(call), rows_response);
}

void embed(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  return body ? embed_inputs(context, route, exchange, *body) : refuse(route, exchange, body.error());
}

void embed_all(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, body.error());
  }
  EmbedCall call;
  call.pooled = false;
  if (const auto error =
          first_error(read_inputs(*body, "inputs", call), read_field(*body, "prompt_name", call.prompt_name),
                      read_field(*body, "model", call.model), read_truncation(*body, call))) {
    return refuse(route, exchange, *error);
  }
  run(context, route, exchange, std::move(call), token_rows_response);
}

void compare_inputs(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange,
                    const Json& body) {
  const auto object_of = [&](const char* key) -> Result<Json> {
    const Json found = body.value(key, Json());
    if (found.is_object() || found.is_null()) {
      return found.is_null() ? Json::object() : found;
    }
    return fail(ErrorCode::kInvalidArgument, fmt::format("`{}`: expected an object, found {}", key, found.type_name()));
  };
  const auto inputs = object_of("inputs");
  const auto parameters = object_of("parameters");
  if (const auto error = first_error(inputs, parameters)) {
    return refuse(route, exchange, *error);
  }
  EmbedCall call;
  auto source = json_get<std::string>(*inputs, "source_sentence", "`inputs`");
  auto sentences = texts_of(*inputs, "sentences");
  if (const auto error = first_error(source, sentences, read_truncation(*parameters, call),
                                     read_field(*parameters, "prompt_name", call.prompt_name),
                                     read_field(body, "model", call.model))) {
    return refuse(route, exchange, *error);
  }
  if (sentences->empty()) {
    return refuse(route, exchange, {ErrorCode::kInvalidArgument, std::string(kEmptyInputMessage), {}});
  }
  call.rows.push_back(*std::move(source));
  std::ranges::move(*sentences, std::back_inserter(call.rows));
  call.normalize = true;
  run(context, route, exchange, std::move(call), [](const Exchange& done, const EmbedAnswer& answer) {
    std::vector<float> scores;
    for (std::size_t row = 1; row < answer.row_count; ++row) {
      scores.push_back(static_cast<float>(inner_product(answer.row(0), answer.row(row))));
    }
    HttpResponse out;
    out.headers = tei_headers(done, answer);
    append_json(out.body, scores);
    return out;
  });
}

void similarity(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  return body ? compare_inputs(context, route, exchange, *body) : refuse(route, exchange, body.error());
}

// Clients of one model's address tell the task by the form of what they send.
void root(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, body.error());
  }
  const bool sentences = body->value("inputs", Json()).is_object();
  return sentences ? compare_inputs(context, route, exchange, *body) : embed_inputs(context, route, exchange, *body);
}

// Byte positions of a text as positions in code points; asked for in ascending order of `begin`.
class CodePointPositions {
 public:
  explicit CodePointPositions(std::string_view text) : text_(text) {}

  std::pair<std::size_t, std::size_t> of(std::size_t begin, std::size_t end) {
    if (begin < byte_) {
      byte_ = 0;
      count_ = 0;
    }
    count_ += count(byte_, begin);
    byte_ = begin;
    return {count_, count_ + count(begin, end)};
  }

 private:
  std::size_t count(std::size_t begin, std::size_t end) const {
    return static_cast<std::size_t>(std::ranges::count_if(text_.substr(begin, end - begin), [](char byte) {
      return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;  // not within a sequence
    }));
  }

  std::string_view text_;
  std::size_t byte_ = 0;
  std::size_t count_ = 0;
};

Result<Json> pieces_json(const LoadedModel& model, std::string_view text, bool add_special_tokens) {
  const auto pieces = model.encoder.token_pieces(text, add_special_tokens);
  if (!pieces) {
    return std::unexpected(pieces.error());
  }
  CodePointPositions positions(text);
  Json out = Json::array();
  for (const TokenPiece& piece : *pieces) {
    Json token{
        {"id", piece.id}, {"text", piece.text}, {"special", piece.special}, {"start", nullptr}, {"stop", nullptr}};
    if (!piece.added) {
      const auto [start, stop] = positions.of(piece.begin, piece.end);
      token["text"] = text.substr(piece.begin, piece.end - piece.begin);
      token["start"] = start;
      token["stop"] = stop;
    }
    out.push_back(std::move(token));
  }
  return out;
}

// What /tokenize and /decode do with a model: an array with an entry for each input.
using UseTokenizer = std::function<Result<Json>(const LoadedModel&)>;

void use_tokenizer(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange,
                   const std::string& model_name, UseTokenizer use) {
  const auto answer = [exchange, dialect = route.dialect, use = std::move(use)](const ModelPool::Loaded& model) {
    const auto json = model ? use(**model) : std::unexpected(model.error());
    exchange->respond(json ? HttpResponse{.body = json->dump(-1, ' ', false, Json::error_handler_t::replace)}
                           : error_response(dialect, json.error()));
  };
  context.api.choose_model(
      model_name, RowKind::kText,
      [&tasks = context.tasks, exchange, dialect = route.dialect, answer](const ModelPool::Loaded& model) {
        if (exchange->request().body.size() <= kQuickTextSizeBytes) {
          return answer(model);
        }
        if (const auto posted = tasks.post([answer, model] { answer(model); }); !posted) {
          exchange->respond(error_response(dialect, posted.error()));
        }
      });
}

void tokenize(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, body.error());
  }
  auto texts = texts_of(*body, "inputs");
  bool add_special_tokens = true;
  std::string prompt_name;
  std::string model_name;
  if (const auto error =
          first_error(texts, read_field(*body, "add_special_tokens", add_special_tokens),
                      read_field(*body, "prompt_name", prompt_name), read_field(*body, "model", model_name),
                      check_row_count(texts ? texts->size() : 1, context.limits))) {
    return refuse(route, exchange, *error);
  }
  use_tokenizer(context, route, exchange, model_name,
                [texts = *std::move(texts), add_special_tokens, prompt_name](const LoadedModel& model) -> Result<Json> {
                  const auto prompt = prompt_of(model.encoder.info(), prompt_name);
                  if (!prompt) {
                    return std::unexpected(prompt.error());
                  }
                  Json out = Json::array();
                  for (const std::string& text : texts) {
                    auto pieces = pieces_json(model, fmt::format("{}{}", *prompt, text), add_special_tokens);
                    if (!pieces) {
                      return pieces;
                    }
                    out.push_back(*std::move(pieces));
                  }
                  return out;
                });
}

void decode(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, body.error());
  }
  auto texts = token_ids_of(*body, "ids");
  bool skip_special_tokens = true;
  std::string model_name;
  if (const auto error = first_error(texts, read_field(*body, "skip_special_tokens", skip_special_tokens),
                                     read_field(*body, "model", model_name),
                                     check_row_count(texts ? texts->size() : 1, context.limits))) {
    return refuse(route, exchange, *error);
  }
  use_tokenizer(context, route, exchange, model_name,
                [texts = *std::move(texts), skip_special_tokens](const LoadedModel& model) -> Result<Json> {
                  Json out = Json::array();
                  for (const auto& ids : texts) {
                    const auto text = model.encoder.decode(ids, skip_special_tokens);
                    if (!text) {
                      return std::unexpected(text.error());
                    }
                    out.push_back(*text);
                  }
                  return out;
                });
}

RouteDoc embed_doc() {
  return {.tag = "Text embeddings",
          .summary = "Vectors of texts",
          .description =
              "As text-embeddings-inference has it. By Accept: JSON, little-endian float32 "
              "(application/octet-stream, its shape in x-shape), a .npy file (application/x-npy) or an Arrow stream.",
          .parameters = {"Priority", "TimeoutMs"},
          .bodies = {{"application/json", "EmbedRequest"}},
          .answers = {rows_answer()},
          .errors = model_errors(Dialect::kTei)};
}

RouteDoc root_doc() {
  AnswerDoc answer = rows_answer();
  answer.description = "A vector for each row, or a cosine for each sentence";
  answer.contents.front().schema = "VectorsOrScores";
  return {.tag = "Text embeddings",
          .summary = "As /embed or /similarity",
          .description = "For clients of one model's address, such as InferenceClient: what they send says which.",
          .parameters = {"Priority", "TimeoutMs"},
          .bodies = {{"application/json", "EmbedOrSimilarityRequest"}},
          .answers = {answer},
          .errors = model_errors(Dialect::kTei)};
}

RouteDoc embed_all_doc() {
  AnswerDoc answer = rows_answer();
  answer.description = "For each text a vector a token";
  answer.contents.front() = {"application/json", "TokenVectors"};
  auto errors = model_errors(Dialect::kTei);
  errors.push_back(406);  // an array of texts that have not as many tokens each
  return {.tag = "Text embeddings",
          .summary = "Vectors of every token",
          .description =
              "What the model's last layer gives, before pooling and scaling. The model is loaded a second "
              "time, without its pooling, when this is first asked for.",
          .parameters = {"Priority", "TimeoutMs"},
          .bodies = {{"application/json", "EmbedAllRequest"}},
          .answers = {std::move(answer)},
          .errors = std::move(errors)};
}

RouteDoc similarity_doc() {
  return {.tag = "Text embeddings",
          .summary = "How near sentences are to one",
          .parameters = {"Priority", "TimeoutMs"},
          .bodies = {{"application/json", "SimilarityRequest"}},
          .answers = {{200, "A cosine for each sentence", {{"application/json", "Scores"}}, tei_header_names()}},
          .errors = model_errors(Dialect::kTei)};
}

RouteDoc tokenize_doc() {
  return {.tag = "Tokens",
          .summary = "Tokens of texts",
          .description = "Nothing is truncated. Positions are in characters (code points) of prompt and text.",
          .bodies = {{"application/json", "TokenizeRequest"}},
          .answers = {{200, "For each text its tokens", {{"application/json", "TokenLists"}}}},
          .errors = {404, 422, 424, 429}};
}

RouteDoc decode_doc() {
  return {.tag = "Tokens",
          .summary = "Texts of token ids",
          .bodies = {{"application/json", "DecodeRequest"}},
          .answers = {{200, "A text for each list", {{"application/json", "DecodedTexts"}}}},
          .errors = {404, 422, 424, 429}};
}

}  // namespace

std::vector<Route> tei_routes() {
  return {{Method::kPost, "/embed", Dialect::kTei, Scope::kRead, embed, embed_doc()},
          {Method::kPost, "/", Dialect::kTei, Scope::kRead, root, root_doc()},
          {Method::kPost, "/embed_all", Dialect::kTei, Scope::kRead, embed_all, embed_all_doc()},
          {Method::kPost, "/similarity", Dialect::kTei, Scope::kRead, similarity, similarity_doc()},
          {Method::kPost, "/tokenize", Dialect::kTei, Scope::kRead, tokenize, tokenize_doc()},
          {Method::kPost, "/decode", Dialect::kTei, Scope::kRead, decode, decode_doc()}};
}

}  // namespace asterism::server
