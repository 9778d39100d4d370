// The classes and functions that a checkpoint may name, and what naming, calling or filling each of them means here.
// Internal to the module.
#pragma once

#include <span>
#include <string_view>

#include "asterism/error.hpp"
#include "weights/pickle_value.hpp"

namespace asterism {

// Never called, only looked up. kUnsupported names the class.
Result<PickleGlobal> find_pickle_global(std::string_view module, std::string_view name, std::string_view source);

// The value that stands for `global(*arguments)`.
Result<PickleValue> apply_pickle_rule(const PickleGlobal& global, std::span<const PickleRef> arguments,
                                      const PickleDocument& document, std::string_view source);

// The storage that a persistent id describes: ('storage', class, key, device, element count).
Result<PickleStorage> read_storage_id(PickleRef id, const PickleDocument& document, std::string_view source);

}  // namespace asterism
