#include "store/vector_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "base/json.hpp"
#include "base/sha256.hpp"

namespace asterism {
namespace {

std::string shown_id(const Item& item) {
  constexpr std::size_t kShownMax = 60;
  std::string shown;
  for (const char c : std::string_view(item.id).substr(0, kShownMax)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7F ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return fmt::format("item \"{}{}\"", shown, item.id.size() > kShownMax ? "..." : "");
}

Result<void> check_sizes(const Item& item) {
  if (item.id.empty()) {
    return fail(ErrorCode::kInvalidArgument, "item: expected an id, found an empty one");
  }
  const auto over = [&](std::string_view what, std::size_t size_bytes, std::size_t size_bytes_max) -> Result<void> {
    if (size_bytes <= size_bytes_max) {
      return {};
    }
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: {}: expected at most {} bytes, found {}", shown_id(item),
                                                       what, size_bytes_max, size_bytes));
  };
  if (auto checked = over("id", item.id.size(), kItemIdSizeBytesMax); !checked) {
    return checked;
  }
  if (auto checked = over("metadata", item.metadata.size(), kItemMetadataSizeBytesMax); !checked) {
    return checked;
  }
  return over("content", std::max(item.content.size(), item.data.size()), kItemContentSizeBytesMax);
}

// Depth is bounded by parse_json().
bool holds_nul(const Json& value) {
  if (value.is_string()) {
    return value.get_ref<const std::string&>().find('\0') != std::string::npos;
  }
  if (!value.is_structured()) {
    return false;
  }
  for (const auto& [key, member] : value.items()) {
    if ((value.is_object() && key.find('\0') != std::string::npos) || holds_nul(member)) {
      return true;
    }
  }
  return false;
}

Result<void> check_vector(const CollectionSettings& settings, const Item& item) {
  if (item.vector.size() != settings.dim) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: vector: expected {} components, as the collection has, found {}", shown_id(item),
                            settings.dim, item.vector.size()));
  }
  double norm = 0.0;
  for (std::size_t i = 0; i < item.vector.size(); ++i) {
    if (!std::isfinite(item.vector[i])) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: vector: expected finite numbers, found {} at component {}", shown_id(item),
                              item.vector[i], i));
    }
    norm += static_cast<double>(item.vector[i]) * static_cast<double>(item.vector[i]);
  }
  if (settings.metric == Metric::kCosine && norm == 0.0) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: vector: expected one with a direction, found zeros, which have no cosine", shown_id(item)),
        "leave the item out, or make the collection with --metric dot or euclidean");
  }
  return {};
}

}  // namespace

Result<std::vector<StoreHits>> VectorStore::nearest_batch(std::span<const NearestRequest> requests) const {
  std::vector<StoreHits> results;
  results.reserve(requests.size());
  for (const auto& request : requests) {
    auto hits = nearest(request);
    if (!hits) {
      return std::unexpected(std::move(hits.error()));
    }
    results.push_back(std::move(*hits));
  }
  return results;
}

Result<bool> VectorStore::any(const FilterExpression& filter) const {
  const auto counted = count(&filter);
  return counted ? Result<bool>(*counted > 0) : std::unexpected(counted.error());
}

Result<std::vector<std::string>> VectorStore::metadata_names(std::size_t item_count_max) const {
  std::vector<std::string> names;
  std::size_t item_count = 0;
  const auto enough = [] { return fail(ErrorCode::kCancelled, "enough was seen"); };
  const auto scanned = scan(nullptr, {.metadata = true, .content = false, .data = false, .vector = false},
                            [&](Item&& item) -> Result<void> {
                              const auto metadata = parse_json(item.metadata, "metadata");
                              if (!metadata) {
                                return std::unexpected(metadata.error());
                              }
                              for (const auto& [name, value] : metadata->items()) {
                                if (std::ranges::find(names, name) == names.end()) {
                                  names.push_back(name);
                                }
                              }
                              return ++item_count < item_count_max ? Result<void>{} : enough();
                            });
  if (!scanned && item_count < item_count_max) {
    return std::unexpected(scanned.error());
  }
  return names;
}

std::unexpected<Error> VectorStore::unsupported(std::string_view what) const {
  return fail(ErrorCode::kUnsupported, fmt::format("a {} collection has no {}", backend(), what),
              "collections in a folder have them all");
}

Result<StoreHits> VectorStore::keywords(const KeywordRequest& /*request*/) const {
  return unsupported("search by keywords");
}

Result<std::vector<std::optional<KnownVector>>> VectorStore::vectors_of_content(
    std::span<const std::string> digests) const {
  return std::vector<std::optional<KnownVector>>(digests.size());
}

Result<std::vector<DuplicatePair>> VectorStore::equal_contents() const {
  return unsupported("digests of contents");
}

Result<CollectionVersion> VectorStore::create_version(std::string_view /*name*/) {
  return unsupported("versions");
}

Result<void> VectorStore::drop_version(std::string_view /*name*/) {
  return unsupported("versions");
}

Result<void> VectorStore::restore_version(std::string_view /*name*/) {
  return unsupported("versions");
}

Result<void> VectorStore::build_index(const LongWork& /*work*/) {
  return {};
}

Result<std::optional<std::string>> VectorStore::index_need() const {
  return std::nullopt;
}

Result<void> VectorStore::keep_served_recall(const ServedRecall& /*served*/) {
  return {};
}

Result<void> VectorStore::compact(const LongWork& /*work*/) {
  return unsupported("compaction of its own");
}

Result<VerifyReport> VectorStore::verify(const LongWork& /*work*/) const {
  return unsupported("verification");
}

Result<CollectionTuneResult> VectorStore::tune(const CollectionTuneOptions& /*options*/, const LongWork& /*work*/) {
  return unsupported("tuning");
}

std::string content_digest(const Item& item) {
  if (!item.content_sha256.empty() || item.kind == ItemKind::kVector) {
    return item.content_sha256;
  }
  if (item.kind == ItemKind::kText) {
    return sha256_hex(std::as_bytes(std::span(item.content)));
  }
  return item.data.empty() ? std::string{} : sha256_hex(std::as_bytes(std::span(item.data)));
}

Result<std::string> plain_metadata(const Item& item) {
  if (item.metadata == "{}" || item.metadata.empty()) {
    return std::string("{}");
  }
  const auto metadata = parse_json(item.metadata, shown_id(item) + ": metadata");
  if (!metadata) {
    return std::unexpected(metadata.error());
  }
  if (!metadata->is_object()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: metadata: expected a JSON object, found {}", shown_id(item), metadata->type_name()));
  }
  // SQLite's JSON functions end a text there.
  if (holds_nul(*metadata)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: metadata: expected texts without \\u0000", shown_id(item)));
  }
  // What is not UTF-8 became U+FFFD.
  return metadata->dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<void> check_item(const CollectionSettings& settings, const Item& item) {
  if (auto checked = check_sizes(item); !checked) {
    return checked;
  }
  if (auto metadata = plain_metadata(item); !metadata) {
    return std::unexpected(std::move(metadata.error()));
  }
  return check_vector(settings, item);
}

Result<void> check_items(const CollectionSettings& settings, std::span<const Item> items) {
  for (const auto& item : items) {
    if (auto checked = check_item(settings, item); !checked) {
      return checked;
    }
  }
  return {};
}

}  // namespace asterism
