// Laid-out weights shared by the models that one backend compiles: an encoder compiles its graph once for single
// queries and once for bulk, and both read the same weights. Private to src/openvino.
//
// Ownership: the caller shares a weight; the cache only remembers it while someone holds it. Thread-safety: get() may
// be called from several threads; it lays weights out one at a time.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "graph/backend.hpp"
#include "kernels/linear.hpp"

namespace asterism {

// The weight and the bias (or an empty tensor) of each layer that is joined into one, as the checkpoint has them.
struct LinearSource {
  Tensor weight;
  Tensor bias;
};

class LinearWeightCache {
 public:
  // The layout of `sources`, with values rounded as `precision` says; made when no compiled model holds it.
  std::shared_ptr<const LinearWeight> get(const std::vector<LinearSource>& sources, ComputePrecision precision);

 private:
  // Where the sources lie identifies them: an entry in use keeps them alive, so the addresses are not given out again.
  struct Key {
    std::vector<const void*> addresses;
    ComputePrecision precision = ComputePrecision::kF32;
    auto operator<=>(const Key&) const = default;
  };
  std::mutex mutex_;
  std::map<Key, std::weak_ptr<const LinearWeight>> entries_;
};

// The tensor's values as float32, rounded to bfloat16 first where `precision` says so; shares the bytes where it can.
Tensor prepare_weight(const Tensor& tensor, ComputePrecision precision);

}  // namespace asterism
