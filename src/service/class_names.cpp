#include "service/class_names.hpp"

#include <charconv>
#include <optional>
#include <system_error>

#include "base/json.hpp"

namespace asterism::service {
namespace {

std::optional<std::size_t> parse_index(const std::string& text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::vector<std::string> transformers_names(const Json& id2label, std::size_t count) {
  std::vector<std::string> names(count);
  std::size_t known = 0;
  for (const auto& [key, value] : id2label.items()) {
    const auto index = parse_index(key);
    if (!index || *index >= count || !value.is_string() || !names[*index].empty()) {
      return {};
    }
    names[*index] = value.get<std::string>();
    known += static_cast<std::size_t>(!names[*index].empty());
  }
  return known == count ? names : std::vector<std::string>{};
}

std::vector<std::string> timm_names(const Json& config, std::size_t count) {
  const auto labels = config.find("label_names");
  if (labels == config.end() || !labels->is_array() || labels->size() != count) {
    return {};
  }
  const auto descriptions = config.find("label_descriptions");
  std::vector<std::string> names;
  for (const Json& label : *labels) {
    if (!label.is_string()) {
      return {};
    }
    const auto name = label.get<std::string>();
    const bool described = descriptions != config.end() && descriptions->is_object() && descriptions->contains(name) &&
                           (*descriptions)[name].is_string();
    names.push_back(described ? (*descriptions)[name].get<std::string>() : name);
  }
  return names;
}

}  // namespace

std::vector<std::string> class_names(const std::filesystem::path& model, std::size_t count) {
  std::error_code ignored;
  const std::filesystem::path path = model / "config.json";
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return {};
  }
  const auto config = read_json_file(path);
  if (!config || !config->is_object()) {
    return {};
  }
  if (const auto id2label = config->find("id2label"); id2label != config->end() && id2label->is_object()) {
    return transformers_names(*id2label, count);
  }
  if (auto names = timm_names(*config, count); !names.empty()) {
    return names;
  }
  const auto inner = config->find("pretrained_cfg");
  return inner != config->end() && inner->is_object() ? timm_names(*inner, count) : std::vector<std::string>{};
}

}  // namespace asterism::service
