// Sketches of an index's codes, made by a search once scans have compared so many codes that they pay.
//
// Ownership: owns the sketches. Thread-safety: for_scan() from any number of threads, one of which makes them while the
// others go on without; update() excludes everyone else. Cost: nothing until they are made.
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
  // For a scan of `scanned_count` of the `row_count` codes; null until they pay, and where memory is short.
  const GraphSketches* for_scan(const GraphCodes& codes, std::size_t row_count, std::size_t scanned_count);
  // After these codes were changed or added.
  void update(const GraphCodes& codes, std::span<const std::uint32_t> rows);
  std::size_t size_bytes() const noexcept;

 private:
  std::mutex making_;
  std::atomic<std::size_t> scanned_count_{0};
  std::unique_ptr<GraphSketches> owned_;
  std::atomic<const GraphSketches*> made_{nullptr};  // owned_, once it is whole
  std::size_t mean_row_count_ = 0;                   // rows when the mean was taken
};

}  // namespace asterism
