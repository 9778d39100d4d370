// Vectors by what they were made of, the least recently used dropped first.
//
// Thread-safety: any thread. Cost: one lock and one map lookup a call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "asterism/encoder.hpp"

namespace asterism {

// SHA-256 over the model's identity and the row: equal keys are equal rows.
std::string vector_key(std::string_view model_identity, std::string_view row);

// What a model makes of one row: a vector, or one a token, one after the other.
struct RowVector {
  std::vector<float> values;  // empty where the report holds an error
  RowReport report;
};

class VectorCache {
 public:
  explicit VectorCache(std::size_t size_bytes_max) : size_bytes_max_(size_bytes_max) {}
  std::optional<RowVector> find(const std::string& key);
  void put(const std::string& key, RowVector vector);
  std::size_t size_bytes() const;

 private:
  struct Entry {
    std::string key;
    RowVector vector;
    std::size_t size_bytes = 0;
  };
  std::size_t size_bytes_max_;
  mutable std::mutex mutex_;
  std::size_t size_bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;
};

}  // namespace asterism
