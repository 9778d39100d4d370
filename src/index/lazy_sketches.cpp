#include "index/lazy_sketches.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace asterism {
namespace {

// Codes that scans compare, for each there is, before sketches are made: making one takes as long as comparing a
// hundred codes, and most indexes are never searched that often with a filter.
constexpr std::size_t kScansPerRow = 4;
constexpr std::size_t kRowsPerPart = 8192;
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
  if (!make_part(codes, row_count)) {
    return nullptr;
  }
  made_.store(owned_.get(), std::memory_order_release);
  return owned_.get();
}

bool LazySketches::make_part(const GraphCodes& codes, std::size_t row_count) {
  if (owned_ == nullptr) {
    owned_ = std::make_unique<GraphSketches>(codes, row_count);
    mean_row_count_ = row_count;
  }
  std::vector<std::uint32_t> rows(std::min(kRowsPerPart, row_count - made_row_count_));
  std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(made_row_count_));
  if (!owned_->reserve(row_count) || !owned_->update(codes, rows)) {
    drop();  // made from the beginning when scans have been many again
    return false;
  }
  size_bytes_.store(owned_->size_bytes(), std::memory_order_relaxed);
  made_row_count_ += rows.size();
  return made_row_count_ == row_count;
}

void LazySketches::drop() noexcept {
  made_.store(nullptr, std::memory_order_relaxed);
  scanned_count_.store(0, std::memory_order_relaxed);
  size_bytes_.store(0, std::memory_order_relaxed);
  owned_.reset();
  made_row_count_ = 0;
}

void LazySketches::update(const GraphCodes& codes, std::span<const std::uint32_t> rows) {
  if (owned_ == nullptr || rows.empty()) {
    return;
  }
  if (!owned_->update(codes, rows) || owned_->row_count() > kGrowthMax * mean_row_count_) {
    return drop();
  }
  size_bytes_.store(owned_->size_bytes(), std::memory_order_relaxed);
}

}  // namespace asterism
