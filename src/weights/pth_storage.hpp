// Where a checkpoint's values lie, and tensors over them. Internal to the module.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "tensor/tensor.hpp"
#include "weights/pickle_value.hpp"
#include "weights/zip_directory.hpp"

namespace asterism {

// What the reading of one file may still allocate.
class MemoryBudget {
 public:
  MemoryBudget(std::size_t file_size_bytes, std::string_view source);
  // kLimitExceeded once the total is past the limit.
  Result<void> spend(std::uint64_t size_bytes);

 private:
  std::uint64_t limit_bytes_ = 0;
  std::uint64_t spent_bytes_ = 0;
  std::string_view source_;
};

struct StorageBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

using StorageMap = std::map<std::string_view, StorageBytes>;  // by key

// A file's pickle, and its storages as they come up.
struct PthContents {
  std::shared_ptr<const void> pickle_owner;
  PickleDocument document;
  StorageMap storages;                             // those found so far
  std::map<std::string_view, ZipMember> deflated;  // by key: inflated when a tensor needs them
};

// The tensor with its values in row-major order: shared where they lie so, else copied. `budget` counts copies.
Result<Tensor> build_tensor(const PickleTensor& tensor, PthContents& contents, MemoryBudget& budget,
                            std::string_view source);

}  // namespace asterism
