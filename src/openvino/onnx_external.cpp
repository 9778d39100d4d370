#include "openvino/onnx_external.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

#include "base/file.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using Bytes = std::span<const std::byte>;

// One field of a protobuf message; `bytes` of those with a length.
struct Field {
  std::uint64_t number = 0;
  std::optional<Bytes> bytes;
};

class MessageReader {
 public:
  explicit MessageReader(Bytes bytes) noexcept : bytes_(bytes) {}

  bool at_end() const noexcept { return bytes_.empty(); }

  // Nothing where the bytes are no field.
  std::optional<Field> next() noexcept {
    const auto tag = varint();
    if (!tag || (*tag >> 3U) == 0) {
      return std::nullopt;
    }
    Field field{*tag >> 3U, std::nullopt};
    switch (*tag & 7U) {
      case 0:
        return varint() ? std::optional(field) : std::nullopt;
      case 1:
        return skip(8) ? std::optional(field) : std::nullopt;
      case 5:
        return skip(4) ? std::optional(field) : std::nullopt;
      case 2:
        break;
      default:
        return std::nullopt;
    }
    const auto size = varint();
    if (!size || *size > bytes_.size()) {
      return std::nullopt;
    }
    field.bytes = bytes_.first(static_cast<std::size_t>(*size));
    bytes_ = bytes_.subspan(static_cast<std::size_t>(*size));
    return field;
  }

 private:
  std::optional<std::uint64_t> varint() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(bytes_[0]);
      bytes_ = bytes_.subspan(1);
      value |= (byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        return value;
      }
    }
    return std::nullopt;
  }
  bool skip(std::size_t size) noexcept {
    if (size > bytes_.size()) {
      return false;
    }
    bytes_ = bytes_.subspan(size);
    return true;
  }

  Bytes bytes_;
};

enum class Message : std::uint8_t {
  kModel,
  kGraph,
  kFunction,
  kNode,
  kAttribute,
  kSparseTensor,
  kTensor,
  kExternalData,
};

struct Child {
  Message parent;
  std::uint64_t number;
  Message message;
};
// The ways from a model to its tensors; all other fields are passed over.
constexpr Child kChildren[]{
    {Message::kModel, 7, Message::kGraph},
    {Message::kModel, 25, Message::kFunction},
    {Message::kFunction, 7, Message::kNode},
    {Message::kGraph, 1, Message::kNode},
    {Message::kGraph, 5, Message::kTensor},
    {Message::kGraph, 15, Message::kSparseTensor},
    {Message::kNode, 5, Message::kAttribute},
    {Message::kAttribute, 5, Message::kTensor},
    {Message::kAttribute, 6, Message::kGraph},
    {Message::kAttribute, 10, Message::kTensor},
    {Message::kAttribute, 11, Message::kGraph},
    {Message::kAttribute, 22, Message::kSparseTensor},
    {Message::kAttribute, 23, Message::kSparseTensor},
    {Message::kSparseTensor, 1, Message::kTensor},
    {Message::kSparseTensor, 2, Message::kTensor},
    {Message::kTensor, 13, Message::kExternalData},
};

const Child* find_child(Message parent, std::uint64_t number) noexcept {
  for (const Child& child : kChildren) {
    if (child.parent == parent && child.number == number) {
      return &child;
    }
  }
  return nullptr;
}

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A key and a value. Returns false when the bytes are no message.
bool read_entry(Bytes bytes, std::set<std::string>& locations) {
  std::string key;
  std::string value;
  for (MessageReader reader(bytes); !reader.at_end();) {
    const auto field = reader.next();
    if (!field) {
      return false;
    }
    if (field->bytes && (field->number == 1 || field->number == 2)) {
      (field->number == 1 ? key : value) = text_of(*field->bytes);
    }
  }
  if (key == "location") {
    locations.insert(value);
  }
  return true;
}

bool walk(Message message, Bytes bytes, int depth, std::set<std::string>& locations) {
  if (message == Message::kExternalData) {
    return read_entry(bytes, locations);
  }
  for (MessageReader reader(bytes); !reader.at_end();) {
    const auto field = reader.next();
    if (!field) {
      return false;
    }
    const Child* child = field->bytes ? find_child(message, field->number) : nullptr;
    if (child != nullptr && (depth >= kOnnxDepthMax || !walk(child->message, *field->bytes, depth + 1, locations))) {
      return false;
    }
  }
  return true;
}

bool is_below(const std::string& location) {
  const fs::path path(location);
  if (location.empty() || path.is_absolute() || location.find('\0') != std::string::npos ||
      location.find('\\') != std::string::npos) {
    return false;
  }
  for (const fs::path& part : path) {
    if (part == "..") {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<std::set<std::string>> onnx_external_locations(Bytes bytes, std::string_view source) {
  std::set<std::string> locations;
  if (bytes.empty() || !walk(Message::kModel, bytes, 0, locations)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected an ONNX model, found other bytes", source),
                "the file is damaged or cut short: download it again");
  }
  return locations;
}

Result<void> check_onnx_external(const fs::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  const auto locations = onnx_external_locations(file->bytes(), path.string());
  if (!locations) {
    return std::unexpected(locations.error());
  }
  for (const std::string& location : *locations) {
    if (!is_below(location)) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: expected its weights in files below its own folder, found '{}': not read",
                              path.string(), location));
    }
    std::error_code ec;
    if (!fs::is_regular_file(path.parent_path() / location, ec)) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("{}: expected its weights in {} beside it, found no such file", path.string(), location),
                  "copy the file into the model's folder: an ONNX model of this kind is two files");
    }
  }
  return {};
}

}  // namespace asterism
