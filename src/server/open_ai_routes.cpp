// OpenAI's embeddings, for texts, token ids and pictures. Pictures come in the forms that clients send: content parts
// of chat messages ("image_url"), of the responses API ("input_image"), and {"image": ...} as Jina has it.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/base64.hpp"
#include "server/embed_answers.hpp"
#include "server/request_body.hpp"
#include "server/routes.hpp"
#include "server/vector_writer.hpp"

namespace asterism::server {
namespace {

HttpResponse response(const EmbedAnswer& answer, bool as_base64) {
  HttpResponse out;
  out.body = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < answer.row_count; ++i) {
    out.body += i == 0 ? R"({"object":"embedding","embedding":)" : R"(,{"object":"embedding","embedding":)";
    if (as_base64) {
      fmt::format_to(std::back_inserter(out.body), "\"{}\"", base64(little_endian_bytes(answer.row(i))));
    } else {
      append_json(out.body, answer.row(i));
    }
    fmt::format_to(std::back_inserter(out.body), ",\"index\":{}}}", i);
  }
  out.body += R"(],"model":)";
  append_json_text(out.body, answer.model);
  fmt::format_to(std::back_inserter(out.body), R"(,"usage":{{"prompt_tokens":{0},"total_tokens":{0}}}}})",
                 answer.token_count);
  return out;
}

// Rows of both kinds were two calls: their answers in the order of the request.
Result<EmbedAnswer> merge(const std::vector<RowKind>& kinds, const Result<EmbedAnswer>& texts,
                          const Result<EmbedAnswer>& images) {
  if (!texts || !images) {
    return texts ? images : texts;
  }
  if (texts->dim != images->dim) {
    return fail(ErrorCode::kInternal,
                fmt::format("model \"{}\": expected texts and images of one space, found {} and {} "
                            "values",
                            texts->model, texts->dim, images->dim));
  }
  EmbedAnswer out = *texts;
  out.row_count = kinds.size();
  out.values.clear();
  std::size_t text = 0;
  std::size_t image = 0;
  for (const RowKind kind : kinds) {
    const auto row = kind == RowKind::kImage ? images->row(image++) : texts->row(text++);
    out.values.insert(out.values.end(), row.begin(), row.end());
  }
  out.token_count += images->token_count;
  return out;
}

// Rows of a request that has pictures among them.
struct MixedRows {
  std::vector<RowKind> kinds;
  EmbedCall texts;
  EmbedCall images;

  explicit MixedRows(const EmbedCall& common) : texts(common), images(common) {}
  void add_text(std::string text) {
    kinds.push_back(RowKind::kText);
    texts.rows.push_back(std::move(text));
  }
  Result<void> add_image(std::string_view source) {
    kinds.push_back(RowKind::kImage);
    return add_picture(source, images);
  }
};

constexpr std::string_view kPartForms =
    R"(expected a text, {"type": "text", "text"}, {"type": "image_url", "image_url": {"url"}}, {"text"} or {"image"})";

Result<void> add_part(const Json& part, MixedRows& rows) {
  if (part.is_string()) {
    rows.add_text(part.get<std::string>());
    return {};
  }
  const auto text_at = [](const Json& object, const char* key) -> const std::string* {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() ? found->get_ptr<const std::string*>() : nullptr;
  };
  const Json type = part.is_object() ? part.value("type", Json()) : Json();
  if (const std::string* text = text_at(part, "text"); text != nullptr && (type.is_null() || type == "text")) {
    rows.add_text(*text);
    return {};
  }
  if (const std::string* image = text_at(part, "image")) {
    return rows.add_image(*image);
  }
  const bool may_be_address = type.is_null() || type == "image_url" || type == "input_image";
  if (const std::string* image = text_at(part, "image_url"); image != nullptr && may_be_address) {
    return rows.add_image(*image);
  }
  if (may_be_address && part.is_object() && part.contains("image_url")) {
    if (const std::string* url = text_at(part["image_url"], "url")) {
      return rows.add_image(*url);
    }
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("`input`, entry {}: {}, found {}", rows.kinds.size(), kPartForms, json_excerpt(part)));
}

bool has_parts(const Json& body) {
  const auto input = body.find("input");
  return body.contains("messages") ||
         (input != body.end() &&
          (input->is_object() || (input->is_array() && std::ranges::any_of(*input, &Json::is_object))));
}

// A message is one row: several parts would need a model that reads them together.
Result<MixedRows> rows_of_messages(const Json& messages, const EmbedCall& common) {
  MixedRows rows(common);
  if (!messages.is_array() || messages.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("`messages`: expected a list of messages, found {}", messages.type_name()));
  }
  for (const Json& message : messages) {
    if (!message.is_object() || !message.contains("content")) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("`messages`, entry {}: expected a message with `content`", rows.kinds.size()));
    }
    const Json& content = message["content"];
    if (content.is_array() && content.size() != 1) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("`messages`, entry {}: expected one part of content, found {}: no model here makes one "
                              "vector of several",
                              rows.kinds.size(), content.size()));
    }
    if (auto added = add_part(content.is_array() ? content.front() : content, rows); !added) {
      return std::unexpected(added.error());
    }
  }
  return rows;
}

Result<MixedRows> mixed_rows_of(const Json& body, const EmbedCall& common) {
  if (const auto messages = body.find("messages"); messages != body.end()) {
    return rows_of_messages(*messages, common);
  }
  MixedRows rows(common);
  const Json& input = body["input"];
  const Json list = input.is_object() ? Json::array({input}) : input;
  for (const Json& part : list) {
    if (auto added = add_part(part, rows); !added) {
      return std::unexpected(added.error());
    }
  }
  return rows;
}

void run_mixed(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange,
               MixedRows rows, MakeResponse make) {
  if (rows.texts.rows.empty() || rows.images.rows.empty()) {
    return run(context, route, exchange, std::move(rows.images.rows.empty() ? rows.texts : rows.images),
               std::move(make));
  }
  // A model that takes pictures takes both; the first for texts might not.
  context.api.choose_model(
      rows.images.model, RowKind::kImage,
      [context, exchange, dialect = route.dialect, make = std::move(make),
       rows = std::move(rows)](const ModelPool::Loaded& model) mutable {
        if (!model) {
          return exchange->respond(error_response(dialect, model.error()));
        }
        rows.texts.model = (*model)->name;
        rows.images.model = (*model)->name;
        run_both(context, exchange, {std::move(rows.texts), std::move(rows.images)},
                 [exchange, dialect, make = std::move(make), kinds = std::move(rows.kinds)](
                     const Result<EmbedAnswer>& of_texts, const Result<EmbedAnswer>& of_images) {
                   const auto answer = merge(kinds, of_texts, of_images);
                   exchange->respond(answer ? make(*exchange, *answer) : error_response(dialect, answer.error()));
                 });
      });
}

void embeddings(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, body.error());
  }
  EmbedCall call;
  call.normalize = true;
  std::string format = "float";
  if (const auto error = first_error(read_dim(*body, "dimensions", call), read_field(*body, "model", call.model),
                                     read_field(*body, "prompt_name", call.prompt_name),
                                     read_choice(*body, "encoding_format", {"float", "base64"}, format))) {
    return refuse(route, exchange, *error);
  }
  const auto make = [as_base64 = format == "base64"](const Exchange&, const EmbedAnswer& answer) {
    return response(answer, as_base64);
  };
  if (body->contains("messages") && body->contains("input")) {
    return refuse(route, exchange,
                  {ErrorCode::kInvalidArgument, "expected `input` or `messages`, found both", "leave one out"});
  }
  if (has_parts(*body)) {
    auto rows = mixed_rows_of(*body, call);
    const auto counted = rows ? check_row_count(rows->kinds.size(), context.limits) : Result<void>{};
    if (const auto error = first_error(rows, counted)) {
      return refuse(route, exchange, *error);
    }
    return run_mixed(context, route, exchange, *std::move(rows), make);
  }
  if (const auto read = read_inputs(*body, "input", call); !read) {
    return refuse(route, exchange, read.error());
  }
  run(context, route, exchange, std::move(call), make);
}

RouteDoc doc(Dialect dialect) {
  return {.tag = "OpenAI",
          .summary = "Vectors of texts and pictures, of length 1",
          .description = dialect == Dialect::kOpenAi ? "As OpenAI has it, with pictures as parts of content."
                                                     : "As OpenAI has it, errors as TEI has them.",
          .parameters = {"Priority", "TimeoutMs"},
          .bodies = {{"application/json", "OpenAiEmbeddingRequest"}},
          .answers = {{200, "A vector for each text or picture", {{"application/json", "OpenAiEmbeddingList"}}}},
          .errors = model_errors(dialect)};
}

}  // namespace

std::vector<Route> open_ai_routes() {
  return {{Method::kPost, "/embeddings", Dialect::kTeiOpenAi, Scope::kRead, embeddings, doc(Dialect::kTeiOpenAi)},
          {Method::kPost, "/v1/embeddings", Dialect::kOpenAi, Scope::kRead, embeddings, doc(Dialect::kOpenAi)}};
}

}  // namespace asterism::server
