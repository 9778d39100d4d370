#include "server/openapi.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "asterism/version.hpp"

namespace asterism::server {
namespace {

constexpr std::string_view kRefStart = "#/components/";
constexpr std::string_view kSecurityScheme = "key";
constexpr std::string_view kConditionKey = "x-if";

// As a key of OpenAPI: "get".
std::string method_key(Method method) {
  std::string out(method_name(method));
  std::ranges::transform(out, out.begin(), [](char c) { return static_cast<char>(c - 'A' + 'a'); });
  return out;
}

std::string_view error_schema(Dialect dialect) {
  switch (dialect) {
    case Dialect::kTei:
      return "TeiError";
    case Dialect::kTeiOpenAi:
      return "TeiOpenAiError";
    case Dialect::kOpenAi:
      return "OpenAiError";
    case Dialect::kCohere:
      return "CohereError";
    case Dialect::kAsterism:
      break;
  }
  return "AsterismError";
}

std::string_view scope_name(Scope scope) {
  return scope == Scope::kRead ? "read" : scope == Scope::kWrite ? "write" : "admin";
}

std::string_view error_description(int status) {
  switch (status) {
    case 400:
      return "Malformed: HTTP, JSON, or a request for nothing";
    case 401:
      return "No valid key";
    case 403:
      return "The key's scope does not include this";
    case 404:
      return "There is no such thing";
    case 408:
      return "The body came too slowly";
    case 409:
      return "It is there already, or in another state";
    case 412:
      return "The condition does not hold";
    case 413:
      return "The body is too large";
    case 415:
      return "The body's type or Content-Encoding is not understood";
    case 422:
      return "A value that cannot be: the message says which";
    case 424:
      return "The model failed";
    case 429:
      return "The queue is full or the key's rate exceeded: try again later";
    case 431:
      return "The headers are too large";
    case 500:
      return "The server failed";
    case 503:
      return "Stopping, or a worker hangs";
    case 504:
      return "Not done by x-timeout-ms";
    default:
      return status_reason(status);
  }
}

// "/v1/collections/{name}" with POST: "post_v1_collections_name".
std::string operation_id(const Route& route) {
  std::string out = method_key(route.method);
  for (const char c : route.path) {
    if (c == '/' || c == '-' || c == '.') {
      out += '_';
    } else if (c != '{' && c != '}') {
      out += c;
    }
  }
  return out.ends_with('_') ? out + "root" : out;
}

std::vector<std::string_view> path_names(std::string_view path) {
  std::vector<std::string_view> out;
  for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
    out.push_back(path.substr(open + 1, path.find('}', open) - open - 1));
  }
  return out;
}

// Every "$name" replaced, at any depth; false where the value shall go with its key, or the object for its "x-if".
bool replace_values(Json& json, const std::map<std::string, Json, std::less<>>& values) {
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    const auto found = text.starts_with('$') ? values.find(std::string_view(text).substr(1)) : values.end();
    if (found != values.end()) {
      json = found->second;
      return !json.is_null();
    }
  } else if (json.is_structured()) {
    for (auto entry = json.begin(); entry != json.end();) {
      entry = replace_values(*entry, values) ? std::next(entry) : json.erase(entry);
    }
  }
  if (json.is_object() && json.contains(kConditionKey)) {
    const bool holds = json[kConditionKey] == true;
    json.erase(kConditionKey);
    return holds;
  }
  return true;
}

class DocumentWriter {
 public:
  DocumentWriter(std::span<const OpenApiFragment> fragments, const OpenApiSettings& settings)
      : fragments_(fragments), settings_(settings) {}

  Result<Json> document(std::span<const Route> routes) {
    if (auto read = read_fragments(); !read) {
      return std::unexpected(read.error());
    }
    Json paths = Json::object();
    Json tags = Json::array();
    for (const Route& route : routes) {
      Json& path = paths[std::string(route.path)];
      path[method_key(route.method)] = operation(route);
      const Json tag{{"name", route.doc.tag}};
      if (std::ranges::find(tags, tag) == tags.end()) {
        tags.push_back(tag);
      }
    }
    Json out{{"openapi", "3.1.0"},
             {"info",
              {{"title", "Asterism"},
               {"version", kVersion},
               {"description",
                "Texts and pictures to vectors. Routes of text-embeddings-inference, OpenAI and Cohere, each with the "
                "errors that its clients look for."}}},
             {"tags", std::move(tags)},
             {"paths", std::move(paths)}};
    out["components"] = components();
    if (error_) {
      return std::unexpected(*error_);
    }
    return out;
  }

 private:
  void missing(std::string message) {
    if (!error_) {
      error_ = Error{ErrorCode::kInternal, std::move(message), "describe it beside the route or in assets/server"};
    }
  }

  Result<void> read_fragments() {
    for (const OpenApiFragment& fragment : fragments_) {
      auto json = parse_json(fragment.text, fragment.file);
      if (!json) {
        return std::unexpected(json.error());
      }
      for (const auto& [section, entries] : json->items()) {
        for (auto& [name, value] : entries.items()) {
          replace_values(value, settings_.values);
          if (known_[section].contains(name)) {
            return fail(ErrorCode::kInternal, fmt::format("{}: {}/{} is there twice", fragment.file, section, name));
          }
          known_[section][name] = std::move(value);
        }
      }
    }
    return {};
  }

  Json ref(std::string_view section, std::string_view name) {
    used_.emplace(section, name);
    return Json{{"$ref", fmt::format("{}{}/{}", kRefStart, section, name)}};
  }

  Json content(const std::vector<ContentDoc>& contents) {
    Json out = Json::object();
    for (const ContentDoc& one : contents) {
      out[std::string(one.content_type)] =
          one.schema.empty() ? Json::object() : Json{{"schema", ref("schemas", one.schema)}};
    }
    return out;
  }

  Json answer(const AnswerDoc& doc) {
    Json out{{"description", doc.description}};
    for (const std::string_view header : doc.headers) {
      out["headers"][std::string(header)] = ref("headers", header);
    }
    if (!doc.contents.empty()) {
      out["content"] = content(doc.contents);
    }
    return out;
  }

  Json error_answer(const Route& route, int status) {
    AnswerDoc doc{.status = status,
                  .description = error_description(status),
                  .contents = {{"application/json", error_schema(route.dialect)}}};
    if (status == 429 || status == 503) {
      doc.headers.push_back("retry-after");
    } else if (status == 401) {
      doc.headers.push_back("www-authenticate");
    }
    return answer(doc);
  }

  std::set<int> error_statuses(const Route& route) const {
    std::set<int> out{400, 431, 503};
    out.insert(route.doc.errors.begin(), route.doc.errors.end());
    if (settings_.keys_needed && route.scope != Scope::kOpen) {
      out.insert({401, 403, 429});
    }
    if (!route.doc.bodies.empty()) {
      out.insert({408, 413, 415});
    }
    return out;
  }

  Json parameters(const Route& route) {
    Json out = Json::array();
    std::set<std::string> described;
    for (const std::string_view name : route.doc.parameters) {
      out.push_back(ref("parameters", name));
      const Json& parameter = known_["parameters"][std::string(name)];
      if (parameter.value("in", "") == "path") {
        described.insert(parameter.value("name", ""));
      }
    }
    for (const std::string_view name : path_names(route.path)) {
      if (!described.contains(std::string(name))) {
        missing(fmt::format("{}: the parameter {} has no documentation", route.path, name));
      }
    }
    return out;
  }

  Json operation(const Route& route) {
    const RouteDoc& doc = route.doc;
    if (doc.tag.empty() || doc.summary.empty() || doc.answers.empty()) {
      missing(fmt::format("{} {}: expected documentation with tag, summary and answers, found none",
                          method_key(route.method), route.path));
    }
    Json out{{"tags", {doc.tag}}, {"summary", doc.summary}, {"operationId", operation_id(route)}};
    if (!doc.description.empty()) {
      out["description"] = doc.description;
    }
    if (Json given = parameters(route); !given.empty()) {
      out["parameters"] = std::move(given);
    }
    if (!doc.bodies.empty()) {
      out["requestBody"] = Json{{"required", doc.body_needed}, {"content", content(doc.bodies)}};
    }
    Json& responses = out["responses"] = Json::object();
    for (const AnswerDoc& one : doc.answers) {
      responses[std::to_string(one.status)] = answer(one);
    }
    for (const int status : error_statuses(route)) {
      // A health check says by 503 what it is asked for: its own words come first.
      if (!responses.contains(std::to_string(status))) {
        responses[std::to_string(status)] = error_answer(route, status);
      }
    }
    if (settings_.keys_needed) {
      // Roles: which scope a key needs.
      out["security"] = route.scope == Scope::kOpen
                            ? Json::array()
                            : Json::array({Json{{std::string(kSecurityScheme), {scope_name(route.scope)}}}});
    }
    return out;
  }

  void note_refs(const Json& json) {
    for (const auto& [key, value] : json.items()) {
      if (key == "$ref" && value.is_string()) {
        const std::string path = value.get<std::string>();
        const std::size_t slash = path.rfind('/');
        if (path.starts_with(kRefStart) && slash > kRefStart.size()) {
          used_.emplace(path.substr(kRefStart.size(), slash - kRefStart.size()), path.substr(slash + 1));
        }
      } else if (value.is_structured()) {
        note_refs(value);
      }
    }
  }

  // What is named somewhere, and what that names in turn.
  Json components() {
    std::set<std::pair<std::string, std::string>> written;
    while (written.size() < used_.size()) {
      const auto names = used_;
      for (const auto& [section, name] : names) {
        if (!written.emplace(section, name).second) {
          continue;
        }
        if (!known_[section].contains(name)) {
          missing(fmt::format("{}/{} is named, but no fragment has it", section, name));
          continue;
        }
        note_refs(known_[section][name]);
      }
    }
    Json out = Json::object();
    for (const auto& [section, name] : written) {
      out[section][name] = known_[section][name];
    }
    if (settings_.keys_needed) {
      out["securitySchemes"][std::string(kSecurityScheme)] = {{"type", "http"}, {"scheme", "bearer"}};
    }
    return out;
  }

  std::span<const OpenApiFragment> fragments_;
  const OpenApiSettings& settings_;
  std::map<std::string, Json> known_;                   // by section, then by name
  std::set<std::pair<std::string, std::string>> used_;  // section, name
  std::optional<Error> error_;
};

}  // namespace

Result<Json> open_api_document(std::span<const Route> routes, std::span<const OpenApiFragment> fragments,
                               const OpenApiSettings& settings) {
  return DocumentWriter(fragments, settings).document(routes);
}

std::vector<std::string> documented_query_names(const Json& document, const Route& route) {
  std::vector<std::string> out;
  const Json& operation = document.at("paths").at(std::string(route.path)).at(method_key(route.method));
  for (const Json& reference : operation.value("parameters", Json::array())) {
    const Json& parameter = document.at(Json::json_pointer(reference.at("$ref").get<std::string>().substr(1)));
    if (parameter.at("in") == "query") {
      out.push_back(parameter.at("name").get<std::string>());
    }
  }
  return out;
}

}  // namespace asterism::server
