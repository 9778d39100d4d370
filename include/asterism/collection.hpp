// Collections: items with their vectors and metadata, kept, searched and never lost.
//
//   asterism::CollectionSettings settings{.model = {.id = "builtin"}};
//   auto collection = asterism::Collection::create("photos/", settings);
//   collection->add_texts(items);                                   // embeds what changed
//   auto found = collection->search({.like = {asterism::query_text("a red coat")}, .k = 5});
//
// A location is a folder (embedded: one folder, no server), `milvus://host:19530/db?collection=NAME` or
// `postgresql://user@host/db?collection=NAME`.
//
// Ownership: a Collection owns its connections and, once something was embedded, its encoder. Thread-safety: search(),
// get(), scan(), count() and status() may be called from several threads at once; calls that write exclude each other.
// Between processes there are many readers and one writer. Cost: opening reads no vectors; see the functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"

namespace asterism {

// Limits; one past each is kLimitExceeded.
inline constexpr std::size_t kItemIdSizeBytesMax = 1024;
inline constexpr std::size_t kItemMetadataSizeBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kItemContentSizeBytesMax = std::size_t{256} << 20;
inline constexpr std::size_t kCollectionDimMax = 16384;
inline constexpr std::size_t kSearchCountMax = 100'000;
inline constexpr std::size_t kDuplicatePairsMax = 1'000'000;  // where near ones are sought

enum class ItemKind : std::uint8_t { kVector, kText, kImage };

constexpr std::string_view item_kind_name(ItemKind kind) noexcept {
  switch (kind) {
    case ItemKind::kVector:
      return "vector";
    case ItemKind::kText:
      return "text";
    case ItemKind::kImage:
      return "image";
  }
  return {};
}

struct Item {
  std::string id;  // any bytes, not empty
  ItemKind kind = ItemKind::kVector;
  std::string content = {};        // the text; of an image the path it was read from
  std::string data = {};           // of an image: the file itself, where it is kept
  std::string metadata = "{}";     // a JSON object
  std::vector<float> vector = {};  // [dim]
  // Hexadecimal SHA-256 of the text or of the image's file: what tells whether an item must be embedded anew. Empty:
  // taken from `data` or `content` where they hold it.
  std::string content_sha256 = {};
};

// Which model made the vectors.
struct CollectionModel {
  std::string id = {};           // as given to Encoder::load(); empty: vectors are given, not made
  std::string revision = {};     // where the files came from, with commit or version where there is one
  std::string sha256 = {};       // of the weights
  std::string prompt_name = {};  // prompts of the model for what is kept and for what is asked; empty = its default
  std::string query_prompt_name = {};
  bool operator==(const CollectionModel&) const = default;
};

struct CollectionSettings {
  std::size_t dim = 0;  // 0 = the model's
  Metric metric = Metric::kCosine;
  VectorType vector_type = VectorType::kF32;  // in which vectors are kept
  CollectionModel model = {};
  std::vector<std::string> columns = {};       // paths in the metadata ("price", "maker.country") that get an index
  std::vector<std::string> text_columns = {};  // paths that keywords are sought in; "$content" is the item's text
  bool operator==(const CollectionSettings&) const = default;
};

class CollectionEmbedder;

struct CollectionOpenOptions {
  bool read_only = false;
  // Waits for another writer to end instead of failing at once.
  bool wait_for_writer = false;
  // A named version to look at (read-only); empty = what is there now.
  std::string version = {};
  std::size_t thread_count = 0;        // 0 = as many processors as this process may use
  const CancelFlag* cancel = nullptr;  // borrowed; may be null
  // What makes vectors of texts and images (store/collection_embedder.hpp); null = the collection's own encoder.
  std::shared_ptr<CollectionEmbedder> embedder = nullptr;
};

struct AddSummary {
  std::uint64_t added_count = 0;
  std::uint64_t updated_count = 0;
  std::uint64_t unchanged_count = 0;
  std::uint64_t embedded_count = 0;  // of those, what a model had to be run for
  bool operator==(const AddSummary&) const = default;
};

// Which parts of an item an answer carries beside its id.
struct ItemParts {
  bool metadata = true;
  bool content = true;
  bool data = false;
  bool vector = false;
};

// One thing that is asked with.
struct QueryPart {
  enum class Kind : std::uint8_t { kText, kImage, kId, kVector };
  Kind kind = Kind::kText;
  std::string value = {};          // the text, the picture's file, or the id of an item
  std::vector<float> vector = {};  // [dim], kVector only
};

inline QueryPart query_text(std::string text) {
  return {QueryPart::Kind::kText, std::move(text), {}};
}
inline QueryPart query_image(std::string file) {
  return {QueryPart::Kind::kImage, std::move(file), {}};
}
inline QueryPart query_id(std::string id) {
  return {QueryPart::Kind::kId, std::move(id), {}};
}
inline QueryPart query_vector(std::vector<float> vector) {
  return {QueryPart::Kind::kVector, {}, std::move(vector)};
}

enum class SearchMode : std::uint8_t {
  kAuto,        // the planner's choice
  kExact,       // every row is compared
  kApproximate  // the graph index, where there is one
};

struct SearchRequest {
  // The query is the mean of what is like minus the mean of what is unlike, each at length 1 where the metric is
  // cosine. Items that are asked with are not among the answers. At least one of `like`, `unlike`, `keywords`.
  std::vector<QueryPart> like = {};
  std::vector<QueryPart> unlike = {};
  // Keywords beside the vector, or alone: both rankings are fused by reciprocal rank (Cormack et al. 2009).
  std::string keywords = {};
  std::size_t k = 10;
  std::string filter = {};  // docs/filters.md; empty = all
  SearchMode mode = SearchMode::kAuto;
  // Only what scores at least this (cosine, dot) or at most this (Euclidean).
  std::optional<float> score_limit = {};
  // At most `group_size` answers with one value of this metadata path; empty = no groups.
  std::string group_by = {};
  std::size_t group_size = 1;
  // 0: nearest first. Up to 1: answers unlike each other first (maximal marginal relevance, Carbonell and Goldstein
  // 1998, lambda = 1 - diversity).
  double diversity = 0.0;
  std::size_t expansion = 0;  // of the graph search; 0 = what tuning found
  ItemParts parts = {};
};

// How a search was done, for people.
struct SearchExplanation {
  std::string plan = {};        // "exact", "exact over filtered rows", "graph", "graph with filter", "keywords", ...
  std::string reason = {};      // "1,200 rows: fewer than 20,000 are scanned"
  std::string kernel = {};      // what computed distances in the graph
  std::uint64_t row_count = 0;  // in the collection, at the version looked at
  std::uint64_t filtered_row_count = 0;  // of those, what the filter lets through; row_count without one
  std::uint64_t node_visited_count = 0;
  std::uint64_t distance_count = 0;  // vectors compared, rescoring included
  std::size_t expansion = 0;
  double latency_ms = 0.0;
};

struct SearchHit {
  Item item;
  float score = 0.0F;  // of the collection's metric; of fused rankings the sum of 1 / (60 + rank)
};

struct SearchResult {
  std::vector<SearchHit> hits;  // best first; equal scores in the order of insertion
  bool larger_is_nearer = true;
  std::string score_name;  // "cosine", "dot", "euclidean", "reciprocal rank"
  SearchExplanation explanation;
  std::vector<float> query = {};  // what was searched with, [dim]; empty where only keywords were sought
};

// A named state of the collection that can be searched and gone back to.
struct CollectionVersion {
  std::string name;
  std::string created_at;  // ISO 8601, UTC
  std::uint64_t number = 0;
  std::uint64_t item_count = 0;
};

struct RecallCheck {
  std::size_t k = 0;
  std::size_t query_count = 0;
  double recall = 0.0;
  std::size_t expansion = 0;
  std::string checked_at;
  double target = 0.95;         // the recall that was asked for
  std::uint64_t row_count = 0;  // of the graph then
};

// Recall of searches that were really asked, compared with the exact answers while serving.
struct ServedRecall {
  double recall = 0.0;          // mean of the last queries checked
  std::size_t query_count = 0;  // of these; at most 100
  std::string checked_at = {};
};

struct CollectionStatus {
  std::string backend;  // "embedded", "milvus", "postgresql"
  CollectionSettings settings;
  std::uint64_t item_count = 0;
  std::uint64_t version_number = 0;  // grows with every write
  std::vector<CollectionVersion> versions;
  std::uint64_t size_bytes = 0;        // on disk, all files
  std::uint64_t index_size_bytes = 0;  // of those, what can be rebuilt
  std::string index;                   // "graph over 100,000 rows, 120 rows after it"; "none: ..." and why
  std::optional<RecallCheck> recall;   // the last that was measured
  std::optional<ServedRecall> served_recall = {};
};

struct Progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::string_view stage;
};
using ProgressSink = std::function<void(const Progress&)>;

// How long work is watched, and ended: kCancelled, and the collection is as sound as before.
struct LongWork {
  ProgressSink progress = {};
  const CancelFlag* cancel = nullptr;  // borrowed; null: the one it was opened with
};

// Problems found by verify(); none = sound.
struct VerifyReport {
  std::uint64_t item_count = 0;
  std::vector<std::string> problems;  // "index: block 3 of vectors-12.bin ...: rebuilt at the next write"
};

struct DuplicatePair {
  std::string id;
  std::string duplicate_id;
  float score = 0.0F;  // 1 (cosine) for equal content
  bool equal_content = false;
};

struct CollectionTuneOptions {
  double recall = 0.95;
  std::size_t k = 10;
  std::size_t query_count = 200;
};

struct TunePoint {
  std::size_t expansion = 0;
  double recall = 0.0;
  double queries_per_second = 0.0;
};

struct CollectionTuneResult {
  RecallCheck chosen;
  std::vector<TunePoint> curve;
};

class VectorStore;

class Collection {
 public:
  // kInvalidArgument for settings that cannot be, or when there is a collection at `location` already.
  static Result<Collection> create(std::string_view location, const CollectionSettings& settings,
                                   std::shared_ptr<CollectionEmbedder> embedder = nullptr);
  // kNotFound when there is none; kIo naming the lock when another process writes and `wait_for_writer` is not set.
  static Result<Collection> open(std::string_view location, const CollectionOpenOptions& options = {});
  // Removes it with all its items. kNotFound when there is none; refuses folders that hold anything else.
  static Result<void> drop(std::string_view location);

  Collection(Collection&&) noexcept;
  Collection& operator=(Collection&&) noexcept;
  ~Collection();

  const CollectionSettings& settings() const noexcept;
  Result<CollectionStatus> status() const;

  // Adds items whose vectors are given, or replaces those of the same id: all of them, durably, or none. Of equal ids
  // in `items` the last counts. kInvalidArgument names the item: another dim, NaN, zero where the metric is cosine.
  Result<AddSummary> add(std::span<const Item> items);
  // The same for texts and images without vectors: what has a vector of this model already (the same content, under any
  // id) is not embedded again. Errors of single items are given to `on_error` and cost only them. Files of pictures are
  // large: items that are moved here are not held twice.
  Result<AddSummary> embed_and_add(std::vector<Item> items,
                                   const std::function<void(std::size_t index, const Error&)>& on_error = {});
  // Returns how many there were.
  Result<std::uint64_t> erase(std::span<const std::string> ids);
  Result<std::uint64_t> erase_where(std::string_view filter);

  // In the order of `ids`; nothing where there is no such item.
  Result<std::vector<std::optional<Item>>> get(std::span<const std::string> ids, const ItemParts& parts = {}) const;
  // Every item that passes `filter`, oldest first, as of the call. An error of `take` ends it.
  Result<void> scan(std::string_view filter, const ItemParts& parts,
                    const std::function<Result<void>(Item&&)>& take) const;
  Result<std::uint64_t> count(std::string_view filter = {}) const;

  Result<SearchResult> search(const SearchRequest& request) const;
  // Many at once, on all threads; results in the order of `requests`.
  Result<std::vector<SearchResult>> search_batch(std::span<const SearchRequest> requests) const;
  // Pairs of equal content, and with `score_limit` pairs whose score is at least that (Euclidean: at most). The latter
  // ask for every item's neighbours: as exact as the store's nearest(). kLimitExceeded past kDuplicatePairsMax of them.
  Result<std::vector<DuplicatePair>> duplicates(std::optional<float> score_limit, const LongWork& work = {}) const;

  // Names the present state; kInvalidArgument when the name is taken.
  Result<CollectionVersion> create_version(std::string_view name);
  Result<void> drop_version(std::string_view name);
  // Makes the items of that version the present ones; the version stays.
  Result<void> restore_version(std::string_view name);

  // Brings the index up to date with the items. Recall is measured, as by tune(), once there is a graph and again when
  // the collection has grown or shrunk by half since.
  Result<void> build_index(const LongWork& work = {});
  // Gives room back to the system and builds the index anew.
  Result<void> compact(const LongWork& work = {});
  Result<VerifyReport> verify(const LongWork& work = {}) const;
  // The smallest expansion (of 32 and more) that reaches `recall` on a sample of the collection's own items; kept and
  // used from then on. Its recall is that of the smallest on the curve that reaches it.
  Result<CollectionTuneResult> tune(const CollectionTuneOptions& options = {}, const LongWork& work = {});

  VectorStore& store() noexcept;

  struct Impl;

 private:
  explicit Collection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism
