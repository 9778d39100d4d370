// A collection in PostgreSQL with pgvector 0.8 or newer (0.8.4 mends damage to HNSW indexes by VACUUM).
//
// Writes are transactions that wait for each other, also between processes; items come by binary COPY into a temporary
// table and from there in one statement. The HNSW index is made by build_index() and kept by PostgreSQL from then on;
// without it, and for few rows, every row is compared. Vectors are f32 (vector) or f16 (halfvec), up to 16,000
// components; an index reaches to 2,000, as halves to 4,000, whose answers are compared again as kept.
//
// Ownership: owns its connections. Thread-safety: as VectorStore says; each call takes a connection of its own. Cost: a
// few round trips a call. A write whose connection broke as it was committed is done again: adding is idempotent, but
// counts may then say "unchanged" or 0.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "postgres/postgres_pool.hpp"
#include "postgres/postgres_schema.hpp"
#include "store/vector_store.hpp"

namespace asterism {

class PostgresStore final : public VectorStore {
  // Only create() and open() make stores.
  struct Key {};

 public:
  PostgresStore(Key key, const StoreLocation& location, const CollectionOpenOptions& options);

  // Locations of kind kPostgres. kInvalidArgument where a collection of that name is there already.
  static Result<std::unique_ptr<PostgresStore>> create(const StoreLocation& location,
                                                       const CollectionSettings& settings);
  // kUnsupported for options.version: there are no versions.
  static Result<std::unique_ptr<PostgresStore>> open(const StoreLocation& location,
                                                     const CollectionOpenOptions& options);
  static Result<void> drop(const StoreLocation& location);

  const CollectionSettings& settings() const noexcept override { return collection_.settings; }
  std::string_view backend() const noexcept override { return "postgresql"; }
  Result<CollectionStatus> status() const override;

  Result<AddSummary> add(std::span<const Item> items) override;
  Result<std::uint64_t> erase(std::span<const std::string> ids) override;
  Result<std::uint64_t> erase_where(const FilterExpression& filter) override;

  Result<std::vector<std::optional<Item>>> get(std::span<const std::string> ids, const ItemParts& parts) const override;
  // Holds a connection and a transaction until it ends, so that it sees one state.
  Result<void> scan(const FilterExpression* filter, const ItemParts& parts,
                    const std::function<Result<void>(Item&&)>& take) const override;
  Result<std::uint64_t> count(const FilterExpression* filter) const override;
  // kApproximate without an index compares every row, and says so.
  Result<StoreHits> nearest(const NearestRequest& request) const override;
  Result<std::vector<std::optional<KnownVector>>> vectors_of_content(
      std::span<const std::string> digests) const override;
  Result<std::vector<DuplicatePair>> equal_contents() const override;

  // kUnsupported where the vectors are too long for one. Cost: PostgreSQL's own, with what maintenance_work_mem and
  // max_parallel_maintenance_workers it has.
  Result<void> build_index(const LongWork& work) override;
  // VACUUM, and the index anew.
  Result<void> compact(const LongWork& work) override;
  Result<VerifyReport> verify(const LongWork& work) const override;

 private:
  struct SearchPlan {
    bool exact = true;
    std::string reason;
    std::size_t expansion = 0;
    std::uint64_t row_count = 0;
  };
  // The collection's row, locked, `body`, and the row as it is after the write.
  Result<void> write(const std::function<Result<std::int64_t>(PostgresConnection&)>& body);
  Result<AddSummary> add_rows(PostgresConnection& connection, std::span<const Item> items) const;
  Result<SearchPlan> plan(PostgresConnection& connection, const NearestRequest& request) const;
  Result<StoreHits> search(PostgresConnection& connection, const NearestRequest& request, const SearchPlan& plan) const;

  std::string name_;
  bool is_read_only_ = false;
  const CancelFlag* cancel_ = nullptr;
  PostgresPool pool_;
  PostgresCollection collection_;  // number and settings; the rest is as it was when the store was opened
};

}  // namespace asterism
