// What holds a collection: one interface, behind it the embedded store, Milvus and PostgreSQL.
//
// A store knows items, vectors, filters and nearest neighbours. What needs a model, or can be done over any store
// (groups, diversity, fusion of rankings), is above it, in collection.cpp. tests/contract/vector_store_contract.hpp is
// the suite that every store passes.
//
// Ownership: a store owns its connections. Thread-safety: const functions may be called from several threads at once;
// the others exclude each other and are made safe by the store itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"

namespace asterism {

class FilterExpression;

struct NearestRequest {
  std::span<const float> query = {};  // [dim]; at length 1 where the metric is cosine
  std::size_t k = 10;
  const FilterExpression* filter = nullptr;  // null = all
  SearchMode mode = SearchMode::kAuto;
  std::optional<float> score_limit = {};
  std::size_t expansion = 0;  // 0 = the store's
  ItemParts parts = {};
};

struct KeywordRequest {
  std::string_view keywords;
  std::size_t k = 10;
  const FilterExpression* filter = nullptr;
  ItemParts parts = {};
};

// Hits best first. Scores of nearest(): the collection's metric, exact. Of keywords(): larger is better, comparable
// only within one result.
struct StoreHits {
  std::vector<SearchHit> hits;
  SearchExplanation explanation;
};

// What equal content an item already has a vector for.
struct KnownVector {
  std::vector<float> vector;  // [dim]
};

class VectorStore {
 public:
  virtual ~VectorStore() = default;

  virtual const CollectionSettings& settings() const noexcept = 0;
  virtual Result<CollectionStatus> status() const = 0;

  // All of them or none; items have been checked (check_items). Of equal ids the last counts.
  virtual Result<AddSummary> add(std::span<const Item> items) = 0;
  virtual Result<std::uint64_t> erase(std::span<const std::string> ids) = 0;
  virtual Result<std::uint64_t> erase_where(const FilterExpression& filter) = 0;

  virtual Result<std::vector<std::optional<Item>>> get(std::span<const std::string> ids,
                                                       const ItemParts& parts) const = 0;
  virtual Result<void> scan(const FilterExpression* filter, const ItemParts& parts,
                            const std::function<Result<void>(Item&&)>& take) const = 0;
  virtual Result<std::uint64_t> count(const FilterExpression* filter) const = 0;
  // Whether any passes. The base counts.
  virtual Result<bool> any(const FilterExpression& filter) const;
  // Top-level names of the metadata of some items, at most `item_count_max`, each once.
  Result<std::vector<std::string>> metadata_names(std::size_t item_count_max) const;
  virtual Result<StoreHits> nearest(const NearestRequest& request) const = 0;
  // Several at once; results in the order of `requests`. The base runs one after the other.
  virtual Result<std::vector<StoreHits>> nearest_batch(std::span<const NearestRequest> requests) const;

  // What not every store can: the base answers kUnsupported naming the store and what it lacks.
  virtual Result<StoreHits> keywords(const KeywordRequest& request) const;
  // By content_digest() of the item: nothing where no item has that content.
  virtual Result<std::vector<std::optional<KnownVector>>> vectors_of_content(
      std::span<const std::string> digests) const;
  virtual Result<std::vector<DuplicatePair>> equal_contents() const;
  virtual Result<CollectionVersion> create_version(std::string_view name);
  virtual Result<void> drop_version(std::string_view name);
  virtual Result<void> restore_version(std::string_view name);
  virtual Result<void> build_index(const LongWork& work);
  // Why the index should be built now; nothing while it serves well. A newer one that another process has built is
  // taken up on the way. The base says nothing.
  virtual Result<std::optional<std::string>> index_need() const;
  // Keeps it for status(), and for other processes where the store is open for writing. The base keeps nothing.
  virtual Result<void> keep_served_recall(const ServedRecall& served);
  virtual Result<void> compact(const LongWork& work);
  virtual Result<VerifyReport> verify(const LongWork& work) const;
  virtual Result<CollectionTuneResult> tune(const CollectionTuneOptions& options, const LongWork& work);

  virtual std::string_view backend() const noexcept = 0;

 protected:
  std::unexpected<Error> unsupported(std::string_view what) const;
};

// Item::content_sha256, computed where it is not given: of the text, or of the image's file if it is there. Empty for
// items without content.
std::string content_digest(const Item& item);

// The metadata in one spelling: what stores keep and filters read. kInvalidArgument where it is no JSON object, or
// holds a NUL in a text.
Result<std::string> plain_metadata(const Item& item);

// The first item that the settings do not allow: id (empty, too long), metadata (no JSON object, too long), vector
// (another dim, not finite, zero where the metric is cosine), content too long.
Result<void> check_items(const CollectionSettings& settings, std::span<const Item> items);
Result<void> check_item(const CollectionSettings& settings, const Item& item);

// Where a collection is. "photos/", "./photos": a folder. "milvus://host:19530/db?collection=NAME",
// "postgresql://user:password@host:5432/db?collection=NAME": a server. kInvalidArgument for another scheme.
struct StoreLocation {
  enum class Kind : std::uint8_t { kFolder, kMilvus, kPostgres };
  Kind kind = Kind::kFolder;
  std::string text;        // as given; for a server without its password, to be shown
  std::string address;     // the folder, or the URL without `collection`
  std::string collection;  // its name on the server
};
Result<StoreLocation> parse_location(std::string_view text);

Result<std::unique_ptr<VectorStore>> create_store(const StoreLocation& location, const CollectionSettings& settings);
Result<std::unique_ptr<VectorStore>> open_store(const StoreLocation& location, const CollectionOpenOptions& options);
Result<void> drop_store(const StoreLocation& location);

}  // namespace asterism
