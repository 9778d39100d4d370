// Sketches of an index's codes, made by searches once scans have compared so many codes that they pay: a part by each,
// so that none waits long.
//
// Ownership: owns the sketches. Thread-safety: for_scan() from any number of threads, one of which makes a part while
// the others go on without; update() excludes everyone else. Cost: nothing until scans have been many, then some 20 ms
// of a search for every 8,192 rows, once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "index/graph_sketches.hpp"

namespace asterism {

class LazySketches {
 public:
  // For a scan of `scanned_count` of the `row_count` codes; null until all are made, and where memory is short.
  const GraphSketches* for_scan(const GraphCodes& codes, std::size_t row_count, std::size_t scanned_count);
  // After these codes were changed or added.
  void update(const GraphCodes& codes, std::span<const std::uint32_t> rows);
  std::size_t size_bytes() const noexcept { return size_bytes_.load(std::memory_order_relaxed); }

 private:
  // Makes the next part. Whether all are made then.
  bool make_part(const GraphCodes& codes, std::size_t row_count);
  void drop() noexcept;

  std::mutex making_;
  std::atomic<std::size_t> scanned_count_{0};
  std::atomic<std::size_t> size_bytes_{0};
  std::unique_ptr<GraphSketches> owned_;             // by whoever has `making_`, or alone
  std::size_t made_row_count_ = 0;                   // of its rows
  std::atomic<const GraphSketches*> made_{nullptr};  // owned_, once it is whole
  std::size_t mean_row_count_ = 0;                   // rows when the mean was taken
};

}  // namespace asterism
