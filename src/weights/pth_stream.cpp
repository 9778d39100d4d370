#include <fmt/format.h>

#include <array>
#include <map>
#include <utility>

#include "weights/byte_cursor.hpp"
#include "weights/pickle.hpp"
#include "weights/printable.hpp"
#include "weights/pth_container.hpp"

namespace asterism {
namespace {

// 0x1950a86a20f9469cfc6c, little-endian: torch.serialization.MAGIC_NUMBER.
constexpr std::string_view kMagic("\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19", 10);
constexpr std::int64_t kProtocolVersion = 1001;

// The pickles and storages of the file, one after another.
class StreamReader {
 public:
  StreamReader(std::span<const std::byte> bytes, std::string_view source) : bytes_(bytes), source_(source) {}

  Result<PickleDocument> next_pickle() {
    auto document = read_pickle(bytes_, source_);
    if (document) {
      bytes_ = bytes_.subspan(document->size_bytes);
    }
    return document;
  }
  std::span<const std::byte> rest() const noexcept { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
  std::string_view source_;
};

std::unexpected<Error> unlike(std::string_view source, std::string_view expected, std::string_view found) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: expected {}, found {}", source, expected, found),
              "the file is damaged, or was not written by torch.save");
}

Result<void> read_preamble(StreamReader& reader, std::string_view source) {
  const auto magic = reader.next_pickle();
  if (!magic) {
    return std::unexpected(magic.error());
  }
  const auto* number = magic->as<PickleLong>(magic->root);
  if (number == nullptr || number->bytes != kMagic) {
    return unlike(source, "a checkpoint with torch's magic number", describe(magic->values[magic->root]));
  }
  const auto version = reader.next_pickle();
  if (!version) {
    return std::unexpected(version.error());
  }
  const auto* version_number = version->as<std::int64_t>(version->root);
  if (version_number == nullptr || *version_number != kProtocolVersion) {
    return unlike(source, fmt::format("version {} of the format", kProtocolVersion),
                  describe(version->values[version->root]));
  }
  const auto system = reader.next_pickle();
  if (!system) {
    return std::unexpected(system.error());
  }
  const auto* facts = system->as<PickleDict>(system->root);
  if (facts == nullptr) {
    return unlike(source, "a dict of facts about the system", describe(system->values[system->root]));
  }
  for (const auto& [key, value] : facts->items) {
    const auto* name = system->as<PickleText>(key);
    const auto* flag = system->as<bool>(value);
    if (name != nullptr && name->text == "little_endian" && (flag == nullptr || !*flag)) {
      return fail(ErrorCode::kUnsupported, fmt::format("{}: expected little-endian values, found others", source),
                  "load the file and save it again on this machine");
    }
  }
  return {};
}

// What the object says of each storage, by key: a file may not say two things of one.
Result<std::map<std::string_view, PickleStorage>> described_storages(const PickleDocument& document,
                                                                     std::string_view source) {
  std::map<std::string_view, PickleStorage> out;
  for (const PickleValue& value : document.values) {
    const auto* storage = std::get_if<PickleStorage>(&value);
    if (storage == nullptr) {
      continue;
    }
    const auto [found, added] = out.emplace(storage->key, *storage);
    if (!added && (found->second.dtype != storage->dtype || found->second.element_count != storage->element_count)) {
      return unlike(source, fmt::format("one type and count of storage '{}'", printable(storage->key)), "two");
    }
  }
  return out;
}

Result<StorageMap> read_storages(const PickleDocument& keys, const std::map<std::string_view, PickleStorage>& described,
                                 std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                 std::string_view source) {
  const auto* list = keys.as<PickleList>(keys.root);
  if (list == nullptr) {
    return unlike(source, "a list of storage keys", describe(keys.values[keys.root]));
  }
  ByteCursor cursor(bytes);
  StorageMap out;
  for (const PickleRef item : list->items) {
    const auto* key = keys.as<PickleText>(item);
    const auto found = key == nullptr ? described.end() : described.find(key->text);
    if (found == described.end()) {
      return unlike(source, "the key of a storage that a tensor uses", describe(keys.values[item]));
    }
    const PickleStorage& storage = found->second;
    const std::size_t size = storage.dtype ? dtype_size_bytes(*storage.dtype) : 1;
    const auto count = cursor.take_integer<std::int64_t>();
    if (!count || *count != storage.element_count) {
      return unlike(source, fmt::format("{} values in storage '{}'", storage.element_count, printable(storage.key)),
                    count ? fmt::format("{}", *count) : "the end of the file");
    }
    const bool fits = static_cast<std::uint64_t>(*count) <= cursor.remaining() / size;
    const auto values = fits ? cursor.take(static_cast<std::uint64_t>(*count) * size) : std::nullopt;
    if (!values) {
      return unlike(source, fmt::format("{} values of {} bytes in storage '{}'", *count, size, printable(storage.key)),
                    fmt::format("{} bytes before the end of the file", cursor.remaining()));
    }
    if (!out.emplace(storage.key, StorageBytes{*values, owner}).second) {
      return unlike(source, "each storage once", fmt::format("'{}' twice", printable(storage.key)));
    }
  }
  if (cursor.remaining() != 0) {
    return unlike(source, "the end of the file after the last storage",
                  fmt::format("{} bytes more", cursor.remaining()));
  }
  return out;
}

}  // namespace

Result<PthContents> read_pth_stream(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                    std::string_view source) {
  StreamReader reader(bytes, source);
  if (auto read = read_preamble(reader, source); !read) {
    return std::unexpected(read.error());
  }
  auto document = reader.next_pickle();
  if (!document) {
    return std::unexpected(document.error());
  }
  const auto described = described_storages(*document, source);
  if (!described) {
    return std::unexpected(described.error());
  }
  const auto keys = reader.next_pickle();
  if (!keys) {
    return std::unexpected(keys.error());
  }
  auto storages = read_storages(*keys, *described, reader.rest(), owner, source);
  if (!storages) {
    return std::unexpected(storages.error());
  }
  PthContents contents;
  contents.pickle_owner = owner;
  contents.document = std::move(*document);
  contents.storages = std::move(*storages);
  return contents;
}

}  // namespace asterism
