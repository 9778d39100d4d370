#include "index/lazy_sketches.hpp"

namespace asterism {
namespace {

// Codes that scans compare, for each there is, before sketches are made: making one takes as long as comparing some
// dozens, and most indexes are never searched that often with a filter.
constexpr std::size_t kScansPerRow = 4;
// Growth after which the mean of the rows may lie elsewhere.
constexpr std::size_t kGrowthMax = 2;

}  // namespace

const GraphSketches* LazySketches::for_scan(const GraphCodes& codes, std::size_t row_count, std::size_t scanned_count) {
  if (const GraphSketches* made = made_.load(std::memory_order_acquire)) {
    return made;
  }
  const std::size_t scanned = scanned_count_.fetch_add(scanned_count, std::memory_order_relaxed) + scanned_count;
  if (scanned < kScansPerRow * row_count) {
    return nullptr;
  }
  const std::unique_lock lock(making_, std::try_to_lock);
  if (!lock) {
    return nullptr;
  }
  if (const GraphSketches* made = made_.load(std::memory_order_acquire)) {
    return made;
  }
  owned_ = GraphSketches::make(codes, row_count);
  mean_row_count_ = row_count;
  scanned_count_.store(0, std::memory_order_relaxed);  // where memory was short: later again
  made_.store(owned_.get(), std::memory_order_release);
  return owned_.get();
}

void LazySketches::update(const GraphCodes& codes, std::span<const std::uint32_t> rows) {
  if (owned_ == nullptr) {
    return;
  }
  if (!owned_->update(codes, rows) || owned_->row_count() > kGrowthMax * mean_row_count_) {
    made_.store(nullptr, std::memory_order_relaxed);
    owned_.reset();
  }
}

std::size_t LazySketches::size_bytes() const noexcept {
  const GraphSketches* made = made_.load(std::memory_order_acquire);
  return made == nullptr ? 0 : made->size_bytes();
}

}  // namespace asterism
