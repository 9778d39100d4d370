// Pickles and checkpoints written by hand, to lie with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support.hpp"

namespace asterism::pickled {

inline std::string text(std::string_view value) {
  return std::string("X") + little_endian(value.size(), 4) + std::string(value);
}

inline std::string integer(std::int64_t value) {
  return std::string("\x8A\x08") + little_endian(static_cast<std::uint64_t>(value), 8);
}

inline std::string global(std::string_view module, std::string_view name) {
  return std::string("c") + std::string(module) + std::string("\n") + std::string(name) + "\n";
}

inline std::string tuple(const std::vector<std::string>& items) {
  std::string out = "(";
  for (const std::string& item : items) {
    out += item;
  }
  return out + "t";
}

inline std::string integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  for (const std::int64_t value : values) {
    items.push_back(integer(value));
  }
  return tuple(items);
}

struct StorageId {
  std::string type = global("torch", "FloatStorage");
  std::string key = text("0");
  std::string count = integer(4);
};

inline std::string storage(const StorageId& id = {}) {
  return tuple({text("storage"), id.type, id.key, text("cpu"), id.count}) + "Q";
}

struct TensorParts {
  std::string storage = pickled::storage();
  std::string offset = integer(0);
  std::string shape = integers({4});
  std::string strides = integers({1});
};

inline std::string tensor(const TensorParts& parts = {}) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple({parts.storage, parts.offset, parts.shape, parts.strides, "\x89",
                global("collections", "OrderedDict") + ")R"}) +
         "R";
}

// {"w": value}
inline std::string state_dict(const std::string& value) {
  return std::string("}") + text("w") + value + "s";
}

// The old form of torch.save around an object: four 32-bit floats in storage '0'.
inline std::string stream(const std::string& object) {
  const std::string magic("\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.", 15);
  return magic + "\x80\x02M\xE9\x03." + std::string("\x80\x02}X") + little_endian(13, 4) + "little_endian\x88s." +
         std::string("\x80\x02") + object + "." + std::string("\x80\x02]") + text("0") + std::string("a.") +
         little_endian(4, 8) + std::string(16, '\0');
}

}  // namespace asterism::pickled
