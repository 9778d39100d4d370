// Batches as functions of where they stand in a run.
//
// batch(epoch, index) gives the same feeds whenever it is asked and whichever thread asks: what is random in it comes
// from the run's seed, the epoch and the row. That makes a resumed run equal to one that was never stopped, and lets
// any number of threads work ahead (batch_loader.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "graph/backend.hpp"

namespace asterism {

struct Batch {
  std::vector<Feed> feeds;
  std::vector<std::int64_t> rows;  // of the data set, in the order of the feeds' rows (once, whatever the views)
  std::size_t skipped_count = 0;   // rows left out because they could not be read
};

// Thread-safety: batch() may be called from several threads.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // Sources that learn drop a last batch that is not full, unless it is the only one; others give every row once.
  virtual std::int64_t batch_count() const noexcept = 0;  // an epoch
  virtual std::int64_t row_count() const noexcept = 0;
  virtual Result<Batch> batch(std::int64_t epoch, std::int64_t index) const = 0;
};

}  // namespace asterism
