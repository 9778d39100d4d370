// Batches of pictures as a PictureFeedPlan asks for them.
//
// Ownership: borrows the store. Thread-safety: batch() may be called from several threads.
// Cost: decoding and augmenting each row of a batch; the order of an epoch is kept while it is asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "train/batch.hpp"
#include "train/network.hpp"
#include "train/picture_store.hpp"
#include "train/recipe.hpp"
#include "train/teacher_vectors.hpp"

namespace asterism {

enum class BatchOrder : std::uint8_t {
  kShuffled,  // another order in every epoch; a last batch that is not full is left out, unless it is the only one
  kFixed,     // as given, every row, the same feeds in every epoch
};

struct PictureBatchOptions {
  PictureFeedPlan plan;
  AugmentationRecipe augmentation;  // default: none
  BatchOrder order = BatchOrder::kShuffled;
  std::int64_t batch_size = 1;
  std::uint64_t seed = 0;
  bool plain = false;  // pictures alone, as the written model is given them: nothing else of the plan
  const TeacherVectors* teacher = nullptr;  // borrowed; where the plan asks for its vectors
};

class PictureBatches final : public BatchSource {
 public:
  // `rows` of the store's index.
  PictureBatches(const PictureStore& store, std::vector<std::int64_t> rows, PictureBatchOptions options);

  std::int64_t batch_count() const noexcept override { return batch_count_; }
  std::int64_t row_count() const noexcept override { return static_cast<std::int64_t>(rows_.size()); }
  Result<Batch> batch(std::int64_t epoch, std::int64_t index) const override;
  // The row of the index behind a position in `rows`.
  std::int64_t row(std::int64_t position) const { return rows_[static_cast<std::size_t>(position)]; }

 private:
  using Order = std::vector<std::int64_t>;  // positions in rows_
  std::shared_ptr<const Order> order_of(std::int64_t epoch) const;
  Order free_order(std::int64_t epoch) const;
  Order order_by_label(std::int64_t epoch) const;

  const PictureStore* store_;
  std::vector<std::int64_t> rows_;
  PictureBatchOptions options_;
  std::int64_t batch_count_ = 0;
  mutable std::mutex mutex_;
  mutable std::int64_t ordered_epoch_ = -1;
  mutable std::shared_ptr<const Order> order_;
};

// From a picture to a network's input without any augmentation: what the written model folder does.
ImagePreprocess plain_preprocess(const PictureFeedPlan& plan);

}  // namespace asterism
