// Cohere's /v2/embed: texts, pictures, or a list of either, as floats, base64, bytes or bits.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>

#include "base/base64.hpp"
#include "server/embed_answers.hpp"
#include "server/request_body.hpp"
#include "server/request_id.hpp"
#include "server/routes.hpp"
#include "server/vector_writer.hpp"

namespace asterism::server {
namespace {

constexpr std::array<std::string_view, 6> kTypes{"float", "int8", "uint8", "binary", "ubinary", "base64"};
constexpr std::size_t kByteBits = 8;
// Of a vector of length 1 the values are about 1 / sqrt(dim): bytes reach to so many times that.
constexpr float kByteReach = 8.0F;
constexpr float kByteMax = 127.0F;

// Signs, the first value in the highest bit, as numpy.packbits and sentence-transformers' quantize_embeddings.
std::vector<int> packed_signs(std::span<const float> row, int offset) {
  std::vector<int> out((row.size() + kByteBits - 1) / kByteBits, 0);
  for (std::size_t i = 0; i < row.size(); ++i) {
    out[i / kByteBits] |= row[i] > 0.0F ? 1 << (kByteBits - 1 - i % kByteBits) : 0;
  }
  for (int& byte : out) {
    byte += offset;
  }
  return out;
}

// Bytes in [-127, 127] of a vector of length 1, all by one scale, which depends on nothing but its dim: bytes of
// different requests can be compared, and no texts are needed to calibrate. What is larger than the reach is cut.
std::vector<int> scaled_bytes(std::span<const float> row, int offset) {
  const float reach = std::min(1.0F, kByteReach / std::sqrt(static_cast<float>(row.size())));
  std::vector<int> out(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    out[i] = static_cast<int>(std::clamp(std::nearbyint(row[i] / reach * kByteMax), -kByteMax, kByteMax)) + offset;
  }
  return out;
}

std::vector<int> whole_numbers(std::span<const float> row, std::string_view type) {
  if (type == "int8" || type == "uint8") {
    return scaled_bytes(row, type == "uint8" ? 128 : 0);
  }
  return packed_signs(row, type == "binary" ? -128 : 0);
}

void append_rows(std::string& out, const EmbedAnswer& answer, std::string_view type) {
  if (type == "float") {
    append_json_rows(out, answer.values, answer.dim);
    return;
  }
  out += "[";
  for (std::size_t i = 0; i < answer.row_count; ++i) {
    out += i == 0 ? "" : ",";
    if (type == "base64") {
      fmt::format_to(std::back_inserter(out), "\"{}\"", base64(little_endian_bytes(answer.row(i))));
    } else {
      fmt::format_to(std::back_inserter(out), "[{}]", fmt::join(whole_numbers(answer.row(i), type), ","));
    }
  }
  out += "]";
}

// What a request says beside its rows.
struct Shape {
  std::vector<std::string> types{"float"};
  std::vector<std::string> texts = {};  // given back
};

HttpResponse response(const EmbedAnswer& answer, const Shape& shape) {
  HttpResponse out;
  out.body = fmt::format(R"({{"id":"{}","embeddings":{{)", make_request_id());
  for (std::size_t i = 0; i < shape.types.size(); ++i) {
    fmt::format_to(std::back_inserter(out.body), "{}\"{}\":", i == 0 ? "" : ",", shape.types[i]);
    append_rows(out.body, answer, shape.types[i]);
  }
  out.body += R"(},"texts":[)";
  for (std::size_t i = 0; i < shape.texts.size(); ++i) {
    out.body += i == 0 ? "" : ",";
    append_json_text(out.body, shape.texts[i]);
  }
  fmt::format_to(
      std::back_inserter(out.body),
      R"(],"meta":{{"api_version":{{"version":"2"}},"billed_units":{{"input_tokens":{}}}}},"response_type":"embeddings_by_type"}})",
      answer.token_count);
  return out;
}

Result<void> read_types(const Json& body, Shape& shape) {
  if (!body.contains("embedding_types") || body["embedding_types"].is_null()) {
    return {};
  }
  auto types = texts_of(body, "embedding_types");
  if (!types) {
    return std::unexpected(types.error());
  }
  for (const std::string& type : *types) {
    if (std::ranges::find(kTypes, type) == kTypes.end()) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("`embedding_types`: expected some of {}, found \"{}\"", fmt::join(kTypes, ", "), type));
    }
  }
  std::ranges::sort(*types);
  types->erase(std::ranges::unique(*types).begin(), types->end());
  if (!types->empty()) {
    shape.types = *std::move(types);
  }
  return {};
}

// Texts or pictures.
Result<void> read_rows(const Json& body, EmbedCall& call) {
  const auto given = [&](const char* key) { return body.contains(key) && !body[key].is_null(); };
  if (given("images") && given("texts")) {
    return fail(ErrorCode::kInvalidArgument, "expected `texts` or `images`, found both", "leave one out");
  }
  if (given("images")) {
    return read_pictures(body, "images", call);
  }
  auto texts = texts_of(body, "texts");
  if (!texts) {
    return std::unexpected(texts.error());
  }
  call.rows = *std::move(texts);
  return {};
}

// The model's own words for that purpose, where it has any.
std::string prompt_name_of(const EncoderInfo& info, std::string_view input_type) {
  const auto first_of = [&](std::initializer_list<std::string_view> names) -> std::string {
    for (const std::string_view name : names) {
      const auto found = std::ranges::find(info.prompts, name, &std::pair<std::string, std::string>::first);
      if (found != info.prompts.end()) {
        return found->first;
      }
    }
    return {};
  };
  if (input_type == "search_query") {
    return first_of({"query", "search_query", "web_search_query"});
  }
  if (input_type == "search_document") {
    return first_of({"document", "passage", "search_document"});
  }
  return first_of({input_type});
}

void embed(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_object(exchange->request().body);
  if (!body) {
    return refuse(route, exchange, body.error());
  }
  EmbedCall call;
  Shape shape;
  std::string truncate = "END";
  std::string input_type = "none";
  if (const auto error = first_error(
          read_rows(*body, call), read_field(*body, "model", call.model), read_types(*body, shape),
          read_choice(*body, "truncate", {"NONE", "START", "END"}, truncate),
          read_choice(*body, "input_type",
                      {"none", "search_document", "search_query", "classification", "clustering", "image"}, input_type),
          read_dim(*body, "output_dimension", call))) {
    return refuse(route, exchange, *error);
  }
  call.normalize = true;
  call.truncate = truncate != "NONE";
  call.truncate_left = truncate == "START";
  if (call.kind == RowKind::kText) {
    shape.texts = call.rows;
  }
  auto make = [shape = std::move(shape)](const Exchange&, const EmbedAnswer& answer) {
    return response(answer, shape);
  };
  context.api.choose_model(call.model, call.kind,
                           [context, &route, exchange, call = std::move(call), input_type,
                            make = std::move(make)](const ModelPool::Loaded& model) mutable {
                             if (!model) {
                               return refuse(route, exchange, model.error());
                             }
                             call.prompt_name = prompt_name_of((*model)->encoder.info(), input_type);
                             run(context, route, exchange, std::move(call), std::move(make));
                           });
}

RouteDoc doc() {
  return {.tag = "Cohere",
          .summary = "Vectors of texts or pictures",
          .description =
              "As Cohere's v2 has it, vectors of length 1. `input_type` chooses the model's prompt of that name, where "
              "it has one.",
          .parameters = {"Priority", "TimeoutMs"},
          .bodies = {{"application/json", "CohereEmbedRequest"}},
          .answers = {{200, "A vector for each text or picture", {{"application/json", "CohereEmbedResponse"}}}},
          .errors = model_errors(Dialect::kCohere)};
}

}  // namespace

std::vector<Route> cohere_routes() {
  return {{Method::kPost, "/v2/embed", Dialect::kCohere, Scope::kRead, embed, doc()}};
}

}  // namespace asterism::server
