// A source of batches that threads work ahead on, in the order in which a run asks for them.
//
// Ownership: borrows the source behind it. Thread-safety: batch() from one thread. Cost: at most two batches a worker
// in memory, beside the one that was given last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "train/batch.hpp"

namespace asterism {

class BatchesAhead final : public BatchSource {
 public:
  BatchesAhead(const BatchSource& source, std::size_t worker_count);
  ~BatchesAhead() override;
  BatchesAhead(const BatchesAhead&) = delete;
  BatchesAhead& operator=(const BatchesAhead&) = delete;

  std::int64_t batch_count() const noexcept override;
  std::int64_t row_count() const noexcept override;
  // Asked for out of order (the beginning of a resumed run), the workers start anew from there.
  Result<Batch> batch(std::int64_t epoch, std::int64_t index) const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism
