// A collection in a folder: SQLite is the truth, the index files a cache (decision 0200).
//
//   collection.sqlite (+ -wal, -shm)   items, metadata, vectors, versions
//   index/                             store/index_files.hpp; of a named version index/version-N/
//   writer.lock                        held by the one process that writes
//   projections/                       places of the items on maps (service/projection_file.hpp)
//
// Ownership: owns its connections, mappings and threads. Thread-safety: as VectorStore says. A search sees every write
// that was committed before it began, by whichever process.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/thread_pool.hpp"
#include "store/item_table.hpp"
#include "store/item_writer.hpp"
#include "store/search_view.hpp"
#include "store/vector_store.hpp"

namespace asterism {

// Whether a folder is a collection's.
bool holds_collection(const std::filesystem::path& folder);

class EmbeddedStore final : public VectorStore {
  // Only create() and open() make stores.
  struct Key {};

 public:
  EmbeddedStore(Key key, std::filesystem::path folder, CollectionSettings settings,
                const CollectionOpenOptions& options);

  // May be called by many processes at once: one makes the collection, the others are told that it is there.
  static Result<std::unique_ptr<EmbeddedStore>> create(const std::filesystem::path& folder,
                                                       const CollectionSettings& settings);
  static Result<std::unique_ptr<EmbeddedStore>> open(const std::filesystem::path& folder,
                                                     const CollectionOpenOptions& options);
  static Result<void> drop(const std::filesystem::path& folder);

  const CollectionSettings& settings() const noexcept override { return settings_; }
  std::string_view backend() const noexcept override { return "embedded"; }
  Result<CollectionStatus> status() const override;

  Result<AddSummary> add(std::span<const Item> items) override;
  Result<std::uint64_t> erase(std::span<const std::string> ids) override;
  Result<std::uint64_t> erase_where(const FilterExpression& filter) override;

  Result<std::vector<std::optional<Item>>> get(std::span<const std::string> ids, const ItemParts& parts) const override;
  Result<void> scan(const FilterExpression* filter, const ItemParts& parts,
                    const std::function<Result<void>(Item&&)>& take) const override;
  Result<std::uint64_t> count(const FilterExpression* filter) const override;
  Result<bool> any(const FilterExpression& filter) const override;
  Result<StoreHits> nearest(const NearestRequest& request) const override;
  Result<std::vector<StoreHits>> nearest_batch(std::span<const NearestRequest> requests) const override;
  Result<StoreHits> keywords(const KeywordRequest& request) const override;
  Result<std::vector<std::optional<KnownVector>>> vectors_of_content(
      std::span<const std::string> digests) const override;
  Result<std::vector<DuplicatePair>> equal_contents() const override;

  Result<CollectionVersion> create_version(std::string_view name) override;
  Result<void> drop_version(std::string_view name) override;
  Result<void> restore_version(std::string_view name) override;

  Result<void> build_index(const LongWork& work) override;
  Result<std::optional<std::string>> index_need() const override;
  Result<void> keep_served_recall(const ServedRecall& served) override;
  Result<void> compact(const LongWork& work) override;
  Result<VerifyReport> verify(const LongWork& work) const override;
  Result<CollectionTuneResult> tune(const CollectionTuneOptions& options, const LongWork& work) override;

 private:
  // A reader for one call; goes back when the lease ends.
  class Lease;
  using SharedAllowed = std::shared_ptr<const AllowedRows>;

  static Result<void> prepare_writing(EmbeddedStore& store, const CollectionOpenOptions& options);
  Result<void> choose_moment(std::string_view version);
  Result<Lease> lease() const;
  Result<ItemWriter*> writer();
  std::filesystem::path index_folder() const;
  std::size_t expansion() const;
  // The view at the state of the reader's transaction, locked for reading; nothing where another thread moved it on.
  Result<std::optional<std::shared_lock<std::shared_mutex>>> view_at(ItemReader& reader) const;
  Result<void> renew_view(ItemReader& reader, const StoreState& state) const;
  Result<SharedAllowed> allowed_rows(ItemReader& reader, const FilterExpression& filter) const;
  Result<std::optional<ViewHits>> search_view(ItemReader& reader, const NearestRequest& request,
                                              ThreadPool* pool) const;
  // `lock`: the writer's, where it is to write.
  static Result<std::unique_ptr<EmbeddedStore>> open_locked(const std::filesystem::path& folder,
                                                            const CollectionOpenOptions& options,
                                                            std::optional<FileLock> lock);
  Result<StoreHits> nearest_with(ItemReader& reader, const NearestRequest& request, ThreadPool* pool) const;
  Result<std::optional<StoreHits>> items_of(ItemReader& reader, ViewHits found, const ItemParts& parts) const;
  Result<std::vector<CollectionVersion>> versions(ItemReader& reader) const;
  Result<std::optional<IndexNames>> write_index_files(const LongWork& work, bool from_scratch);
  Result<void> build_index_files(const LongWork& work, bool from_scratch);
  Result<void> check_recall(const LongWork& work);
  Result<CollectionTuneResult> tune_until(const CollectionTuneOptions& options, const CancelFlag* cancel);

  std::filesystem::path folder_;
  CollectionSettings settings_;
  StoreMoment moment_;
  const CancelFlag* cancel_of(const LongWork& work) const { return work.cancel != nullptr ? work.cancel : cancel_; }
  const CancelFlag* cancel_ = nullptr;

  std::optional<FileLock> writer_lock_;
  std::mutex writer_mutex_;
  std::optional<ItemWriter> writer_;

  mutable std::mutex readers_mutex_;
  mutable std::vector<std::unique_ptr<ItemReader>> readers_;

  mutable std::shared_mutex view_mutex_;
  mutable std::unique_ptr<SearchView> view_;
  mutable std::string index_problem_;  // of files that were given up since they were opened
  mutable std::mutex allowed_mutex_;
  mutable std::map<std::string, SharedAllowed, std::less<>> allowed_;  // by filter, of the view's version

  mutable std::mutex pool_mutex_;  // taken before view_mutex_
  mutable ThreadPool pool_;
  mutable std::mutex recall_mutex_;
  mutable std::optional<RecallCheck> recall_;
  std::optional<ServedRecall> served_recall_;
};

}  // namespace asterism
