#include "load/latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace asterism::load {
namespace {

// Times below 2^kExactBits ns have a bucket each; every power of two above is cut into half as many.
constexpr int kExactBits = 8;
constexpr std::uint64_t kHalf = std::uint64_t{1} << (kExactBits - 1);
constexpr std::size_t kBucketCount = kHalf * (64 - kExactBits + 2);

std::size_t bucket_of(std::uint64_t time_ns) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(time_ns)) - kExactBits);
  return static_cast<std::size_t>(static_cast<std::uint64_t>(shift) * kHalf + (time_ns >> shift));
}

// The largest time of a bucket.
std::uint64_t end_of(std::size_t bucket) {
  if (bucket < 2 * kHalf) {
    return bucket;
  }
  const std::uint64_t shift = bucket / kHalf - 1;
  return ((bucket - shift * kHalf + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : counts_(kBucketCount) {}

void LatencyHistogram::record(std::chrono::nanoseconds time) {
  const auto time_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count()));
  ++counts_[bucket_of(time_ns)];
  ++count_;
  max_ns_ = std::max(max_ns_, time_ns);
  sum_ns_ += static_cast<double>(time_ns);
}

void LatencyHistogram::add(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    counts_[i] += other.counts_[i];
  }
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
  sum_ns_ += other.sum_ns_;
}

double LatencyHistogram::mean_ms() const noexcept {
  return count_ == 0 ? 0.0 : sum_ns_ / static_cast<double>(count_) * 1e-6;
}

std::chrono::nanoseconds LatencyHistogram::quantile(double q) const {
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_));
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    below += counts_[bucket];
    if (below >= rank) {
      return std::chrono::nanoseconds(std::min(end_of(bucket), max_ns_));
    }
  }
  return std::chrono::nanoseconds(0);
}

double milliseconds(std::chrono::nanoseconds time) noexcept {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace asterism::load
