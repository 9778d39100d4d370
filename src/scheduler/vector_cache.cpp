#include "scheduler/vector_cache.hpp"

#include <span>
#include <utility>

#include "base/sha256.hpp"

namespace asterism {
namespace {

constexpr std::size_t kEntrySizeBytes = 256;  // what the containers need beside the values

}  // namespace

std::string vector_key(std::string_view model_identity, std::string_view row) {
  Sha256 hash;
  const std::string size = std::to_string(model_identity.size()) + ":";
  hash.update(std::as_bytes(std::span(size)));
  hash.update(std::as_bytes(std::span(model_identity)));
  hash.update(std::as_bytes(std::span(row)));
  return hash.hex();
}

std::optional<RowVector> VectorCache::find(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->vector;
}

void VectorCache::put(const std::string& key, RowVector vector) {
  const std::size_t size = kEntrySizeBytes + vector.values.size() * sizeof(float);
  const std::scoped_lock lock(mutex_);
  if (size > size_bytes_max_ || by_key_.contains(key)) {
    return;
  }
  entries_.push_front({.key = key, .vector = std::move(vector), .size_bytes = size});
  by_key_.emplace(entries_.front().key, entries_.begin());
  size_bytes_ += size;
  while (size_bytes_ > size_bytes_max_) {
    size_bytes_ -= entries_.back().size_bytes;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

std::size_t VectorCache::size_bytes() const {
  const std::scoped_lock lock(mutex_);
  return size_bytes_;
}

}  // namespace asterism
