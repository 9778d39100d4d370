#include "service/model_fetch.hpp"

#include "asterism/encoder.hpp"

namespace asterism::service {

HubOptions hub_options(const ModelFetch& fetch) {
  HubOptions options = hub_options_from_environment();
  options.cancel = fetch.cancel;
  options.on_progress = fetch.on_progress;
  options.log = fetch.log;
  return options;
}

Result<void> fetch_model(std::string_view model, const ModelFetch& fetch) {
  if (is_builtin_model(model)) {
    return {};
  }
  auto location = resolve_model(model, hub_options(fetch));
  if (!location) {
    return std::unexpected(location.error());
  }
  return {};
}

std::string model_for(std::string_view model, PayloadKind kind) {
  return std::string(kind == PayloadKind::kImage ? image_model(model) : model);
}

}  // namespace asterism::service
