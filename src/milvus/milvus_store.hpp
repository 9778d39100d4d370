// A collection in Milvus 2.5 or newer, or milvus-lite 3, over gRPC.
//
// Milvus has no transactions: items are written in batches, each whole or not at all, and what an error in a later one
// leaves there is made good by adding again. It does not hold writers off each other. Answers are of the state with all
// that was written before (consistency Strong). Named versions, keywords, compaction and tuning are not there.
//
// Ownership: owns its connection. Thread-safety: as VectorStore says. Cost: a few round trips a call; scan() and exact
// search keep the ids of what passes, and fetch the rest in pages.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "index/exact_scan.hpp"
#include "milvus/milvus_connection.hpp"
#include "milvus/milvus_rows.hpp"
#include "store/vector_store.hpp"

namespace asterism {

class MilvusStore final : public VectorStore {
 public:
  // Locations of kind kMilvus. kInvalidArgument where a collection of that name is there already.
  static Result<std::unique_ptr<MilvusStore>> create(const StoreLocation& location, const CollectionSettings& settings);
  // Loads it into the server's memory where it is not. kUnsupported for options.version: there are no versions.
  static Result<std::unique_ptr<MilvusStore>> open(const StoreLocation& location, const CollectionOpenOptions& options);
  static Result<void> drop(const StoreLocation& location);
  // Of a collection of ours that is loaded: create() and open() see to that.
  MilvusStore(MilvusConnection connection, CollectionSettings settings, bool is_read_only);

  const CollectionSettings& settings() const noexcept override { return settings_; }
  std::string_view backend() const noexcept override { return "milvus"; }
  // Sizes and a number of writes are not known: 0.
  Result<CollectionStatus> status() const override;

  Result<AddSummary> add(std::span<const Item> items) override;
  Result<std::uint64_t> erase(std::span<const std::string> ids) override;
  Result<std::uint64_t> erase_where(const FilterExpression& filter) override;

  Result<std::vector<std::optional<Item>>> get(std::span<const std::string> ids, const ItemParts& parts) const override;
  // Of the ids there at the call; what is removed meanwhile is left out.
  Result<void> scan(const FilterExpression* filter, const ItemParts& parts,
                    const std::function<Result<void>(Item&&)>& take) const override;
  Result<std::uint64_t> count(const FilterExpression* filter) const override;
  // kExact fetches the vectors and compares them here. Otherwise the server's index; its scores of cosine and dot are
  // the server's, Euclidean distances are computed here.
  Result<StoreHits> nearest(const NearestRequest& request) const override;
  // Neighbours in `requests` that differ in their query alone go in one call.
  Result<std::vector<StoreHits>> nearest_batch(std::span<const NearestRequest> requests) const override;
  Result<std::vector<std::optional<KnownVector>>> vectors_of_content(
      std::span<const std::string> digests) const override;
  Result<std::vector<DuplicatePair>> equal_contents() const override;

  // Waits until the server's index covers all rows.
  Result<void> build_index(const LongWork& work) override;

 private:
  // What a row is known by.
  struct Key {
    std::int64_t slot = 0;
    std::string id;
  };

  Result<void> make_index();
  Result<void> load();
  Result<std::string> expression(const FilterExpression* filter) const;
  Result<void> check_writable() const;

  Result<std::vector<MilvusRow>> query(const std::string& expression, const std::vector<std::string>& columns,
                                       std::size_t count_max) const;
  // All that pass, in the order of ids, page after page.
  Result<void> pages(const std::string& expression, const std::vector<std::string>& columns,
                     const std::function<Result<void>(std::vector<MilvusRow>&&)>& take) const;
  // In the order of slots.
  Result<std::vector<Key>> keys(const std::string& expression) const;
  // In the order of `ids`; rows that are not there are left out.
  Result<std::vector<MilvusRow>> fetch(std::span<const std::string> ids, const ItemParts& parts) const;
  Result<void> add_batch(std::span<const Item* const> items, AddSummary& summary);
  Result<void> erase_present(std::span<const std::string> ids);

  Result<std::size_t> result_count(std::size_t k) const;
  Result<milvus::SearchRequest> search_request(std::span<const NearestRequest> requests, std::size_t expansion) const;
  Result<std::vector<StoreHits>> nearest_by_index(std::span<const NearestRequest> requests) const;
  // Best first, within the limit; takes the rows, which bring their vectors where the metric is Euclidean.
  Result<StoreHits> hits_of(const NearestRequest& request, std::span<MilvusRow> rows,
                            std::span<const float> scores) const;
  Result<float> compared(const NearestRequest& request, std::span<const float> vector) const;
  Result<std::vector<StoreHits>> nearest_by_scan(const NearestRequest& request) const;
  Result<std::vector<StoreHits>> hits_at(const NearestRequest& request, const std::vector<Key>& keys,
                                         const std::vector<Hit>& best, std::uint64_t compared_count) const;

  MilvusConnection connection_;
  CollectionSettings settings_;
  bool is_read_only_ = false;
  std::mutex writer_mutex_;
  std::int64_t next_slot_ = 0;
};

}  // namespace asterism
