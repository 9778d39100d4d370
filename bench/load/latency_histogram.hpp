// Counts of times in buckets whose width grows with the time, as HdrHistogram has them: a quantile is at most 1/128
// above the true one, however long the tail. Thread-safety: one thread. Cost: 59 KB; record() is a few instructions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace asterism::load {

class LatencyHistogram {
 public:
  LatencyHistogram();

  // Below zero counts as zero.
  void record(std::chrono::nanoseconds time);
  void add(const LatencyHistogram& other);

  std::uint64_t count() const noexcept { return count_; }
  std::chrono::nanoseconds max() const noexcept { return std::chrono::nanoseconds(max_ns_); }
  // 0 when empty.
  double mean_ms() const noexcept;
  // The least time that the share `q` (0 to 1) of all is not above, rounded up to the end of its bucket, at most max();
  // 0 when empty.
  std::chrono::nanoseconds quantile(double q) const;

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ns_ = 0;
  double sum_ns_ = 0.0;
};

double milliseconds(std::chrono::nanoseconds time) noexcept;

}  // namespace asterism::load
