#include "models/clip_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/parameter_edit.hpp"

namespace asterism {

Result<Json> tower_config(const Json& config, std::string_view key, std::string_view source) {
  const auto it = config.find(key);
  if (it == config.end() || it->is_null()) {
    return config;
  }
  if (!it->is_object()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\": expected an object, found {}", source, key,
                                                 it->dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
  return *it;
}

Result<LogitScale> take_logit_scale(std::map<std::string, Tensor>& tensors, std::string_view source) {
  LogitScale scale;
  for (const auto& [name, target] :
       {std::pair{"logit_scale", &scale.log_scale}, std::pair{"logit_bias", &scale.bias}}) {
    const auto it = tensors.find(name);
    if (it == tensors.end()) {
      continue;
    }
    const auto value = scalar_of(it->second, name, source);
    if (!value) {
      return std::unexpected(value.error());
    }
    if (!std::isfinite(*value)) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: tensor \"{}\": expected a finite value", source, name));
    }
    *target = *value;
    tensors.erase(it);
  }
  return scale;
}

bool wants_projection(const Json& config) noexcept {
  if (config.contains("vision_config") && config.contains("text_config")) {
    return true;
  }
  const auto it = config.find("architectures");
  return it != config.end() && it->is_array() && std::ranges::any_of(*it, [](const Json& name) {
           return name.is_string() && name.get_ref<const std::string&>().ends_with("WithProjection");
         });
}

Result<void> expect_logit_scale(const Json& config, const LogitScale& scale, std::string_view source) {
  if (config.contains("vision_config") && config.contains("text_config") && !scale.log_scale) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: the weights do not fit the configuration: 1 missing: logit_scale", source),
                "check that config.json and the weights belong to the same model");
  }
  return {};
}

void drop_tensors(std::map<std::string, Tensor>& tensors, std::initializer_list<std::string_view> prefixes) {
  std::erase_if(tensors, [&](const auto& entry) {
    return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return entry.first.starts_with(prefix); });
  });
}

void add_prefix(std::map<std::string, Tensor>& tensors, std::string_view prefix,
                std::initializer_list<std::string_view> parts) {
  std::map<std::string, Tensor> renamed;
  for (auto& [name, tensor] : tensors) {
    const bool bare = std::ranges::any_of(parts, [&](std::string_view part) { return name.starts_with(part); });
    renamed.emplace(bare ? fmt::format("{}{}", prefix, name) : name, std::move(tensor));
  }
  tensors = std::move(renamed);
}

}  // namespace asterism
