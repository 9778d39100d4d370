// Batches of table rows, as a TableFeedPlan asks for them.
//
// Ownership: borrows the data. Thread-safety: batch() may be called from several threads. Cost: a copy of the cells;
// the order of an epoch is kept while it is asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "train/batch.hpp"
#include "train/network.hpp"
#include "train/picture_batches.hpp"
#include "train/table_data.hpp"

namespace asterism {

struct TableBatchOptions {
  TableFeedPlan plan;
  BatchOrder order = BatchOrder::kShuffled;
  std::int64_t batch_size = 1;
  std::uint64_t seed = 0;
  bool plain = false;  // the columns alone, as the written model is given them
};

class TableBatches final : public BatchSource {
 public:
  // `rows` of the data. Cells are swapped with those of other rows of it.
  TableBatches(const TableData& data, std::vector<std::int64_t> rows, const TableBatchOptions& options);

  std::int64_t batch_count() const noexcept override;
  std::int64_t row_count() const noexcept override { return static_cast<std::int64_t>(rows_.size()); }
  Result<Batch> batch(std::int64_t epoch, std::int64_t index) const override;

 private:
  using Order = std::vector<std::int64_t>;  // positions in rows_
  std::shared_ptr<const Order> order_of(std::int64_t epoch) const;
  Batch make(std::span<const std::int64_t> positions, std::int64_t epoch) const;
  void add_targets(Batch& batch) const;

  const TableData* data_;
  std::vector<std::int64_t> rows_;
  TableBatchOptions options_;
  mutable std::mutex mutex_;
  mutable std::int64_t ordered_epoch_ = -1;
  mutable std::shared_ptr<const Order> order_;  // of ordered_epoch_
};

}  // namespace asterism
