#include "service/item_json.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "base/utf8.hpp"
#include "dataset/json_text.hpp"

namespace asterism::service {
namespace {

constexpr std::string_view kBase64Suffix = "_base64";

// "name":"text", or where a JSON string cannot say it "name_base64":"...".
void append_bytes(std::string& out, std::string_view name, std::string_view bytes) {
  const bool text = is_well_formed_utf8(bytes);
  fmt::format_to(std::back_inserter(out), "\"{}{}\":", name, text ? "" : kBase64Suffix);
  append_json_string(out, text ? std::string(bytes) : base64(bytes));
}

// Either spelling; empty where there is neither.
Result<std::string> bytes_of(const Json& object, std::string_view name, std::string_view source) {
  auto text = json_find<std::string>(object, name, source);
  if (!text || *text) {
    return text ? Result<std::string>(std::move(**text)) : std::unexpected(std::move(text.error()));
  }
  const std::string encoded_name = std::string(name) + std::string(kBase64Suffix);
  const auto encoded = json_find<std::string>(object, encoded_name, source);
  if (!encoded) {
    return std::unexpected(encoded.error());
  }
  auto bytes = decode_base64(encoded->value_or(""));
  if (!bytes) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: {}: expected base64", source, encoded_name));
  }
  return std::move(*bytes);
}

Result<asterism::ItemKind> kind_of(const Json& object, std::string_view source) {
  const auto name = json_get<std::string>(object, "kind", source);
  if (!name) {
    return std::unexpected(name.error());
  }
  for (const auto kind : {asterism::ItemKind::kVector, asterism::ItemKind::kText, asterism::ItemKind::kImage}) {
    if (*name == item_kind_name(kind)) {
      return kind;
    }
  }
  return fail(ErrorCode::kCorrupt, fmt::format("{}: kind: expected vector, text or image, found '{}'", source, *name));
}

Result<std::vector<float>> vector_of(const Json& object, std::string_view source) {
  std::vector<float> vector;
  const auto found = object.find("vector");
  if (found == object.end()) {
    return vector;
  }
  if (!found->is_array()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: vector: expected a list of float32 numbers", source));
  }
  vector.reserve(found->size());
  for (const Json& component : *found) {
    const float value = component.is_number() ? component.get<float>() : std::numeric_limits<float>::infinity();
    if (!std::isfinite(value)) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: vector: expected a list of float32 numbers", source));
    }
    vector.push_back(value);
  }
  return vector;
}

}  // namespace

void append_item_json(std::string& out, const Item& item) {
  out += '{';
  append_bytes(out, "id", item.id);
  fmt::format_to(std::back_inserter(out), ",\"kind\":\"{}\"", item_kind_name(item.kind));
  if (!item.content.empty()) {
    out += ',';
    append_bytes(out, "content", item.content);
  }
  if (!item.data.empty()) {
    out += ",\"data_base64\":";
    append_json_string(out, base64(item.data));
  }
  out += ",\"metadata\":" + (item.metadata.empty() ? std::string("{}") : item.metadata);
  if (!item.content_sha256.empty()) {
    out += ",\"sha256\":";
    append_json_string(out, item.content_sha256);
  }
  if (!item.vector.empty()) {
    out += ",\"vector\":";
    append_json_floats(out, item.vector);
  }
  out += '}';
}

Result<Item> parse_item_json(std::string_view line, std::string_view source) {
  const auto object = parse_json(line, source);
  if (!object) {
    return std::unexpected(object.error());
  }
  if (!object->is_object()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected an item, found {}", source, object->type_name()));
  }
  auto id = bytes_of(*object, "id", source);
  auto kind = kind_of(*object, source);
  auto content = bytes_of(*object, "content", source);
  auto data = bytes_of(*object, "data", source);
  auto digest = json_find<std::string>(*object, "sha256", source);
  auto vector = vector_of(*object, source);
  for (const Error* error :
       {id ? nullptr : &id.error(), kind ? nullptr : &kind.error(), content ? nullptr : &content.error(),
        data ? nullptr : &data.error(), digest ? nullptr : &digest.error(), vector ? nullptr : &vector.error()}) {
    if (error != nullptr) {
      return std::unexpected(*error);
    }
  }
  const auto metadata = object->find("metadata");
  return Item{.id = std::move(*id),
              .kind = *kind,
              .content = std::move(*content),
              .data = std::move(*data),
              .metadata = metadata == object->end() ? "{}" : metadata->dump(),
              .vector = std::move(*vector),
              .content_sha256 = std::move(*digest).value_or("")};
}

}  // namespace asterism::service
