// Makes sure that a model is on this machine before it is loaded, so that a first download can be seen and stopped.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/log.hpp"
#include "dataset/row.hpp"
#include "hub/hub.hpp"

namespace asterism::service {

struct ModelFetch {
  const CancelFlag* cancel = nullptr;                   // borrowed; may be null
  std::function<void(const HubProgress&)> on_progress;  // only when something is downloaded
  LogSink log;
};

// Nothing to do, and a few system calls, for the built-in model, a folder, or a model that is here already.
Result<void> fetch_model(std::string_view model, const ModelFetch& fetch);

HubOptions hub_options(const ModelFetch& fetch);

// "builtin" is two models: for pictures the one that takes them is meant. Any other name stays.
std::string model_for(std::string_view model, PayloadKind kind);

}  // namespace asterism::service
