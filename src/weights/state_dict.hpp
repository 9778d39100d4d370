// Which dict of a checkpoint holds the model's tensors, and their names without the prefixes of wrappers. Internal to
// the module.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "weights/pickle_value.hpp"

namespace asterism {

struct StateDict {
  std::map<std::string, PickleRef> tensors;
  std::string entry;
  std::vector<std::string> ignored;
};

// kCorrupt when there is no state dict where one may be, or when a name is there twice.
Result<StateDict> find_state_dict(const PickleDocument& document, std::string_view source);

}  // namespace asterism
