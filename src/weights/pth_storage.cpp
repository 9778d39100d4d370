#include "weights/pth_storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "weights/printable.hpp"
#include "weights/pth.hpp"

namespace asterism {
namespace {

// Elements of a storage that the tensor reaches, or nothing when that is past 2^63.
std::optional<std::uint64_t> reach(const PickleTensor& tensor) {
  std::int64_t last = tensor.offset;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    std::int64_t step = 0;
    if (__builtin_mul_overflow(tensor.shape[i] - 1, tensor.strides[i], &step) ||
        __builtin_add_overflow(last, step, &last)) {
      return std::nullopt;
    }
  }
  return static_cast<std::uint64_t>(last) + 1;
}

bool is_row_major(const PickleTensor& tensor) noexcept {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) {
      return false;
    }
    expected *= tensor.shape[i];
  }
  return true;
}

// Copies element by element in row-major order of `out`.
void gather(const PickleTensor& tensor, std::span<const std::byte> storage, Tensor& out) {
  const std::size_t size = dtype_size_bytes(tensor.dtype);
  auto* target = reinterpret_cast<std::byte*>(out.mutable_as<std::byte>().data());
  std::vector<std::int64_t> index(tensor.shape.size(), 0);
  auto at = tensor.offset;
  for (std::size_t done = 0; done < out.element_count(); ++done) {
    std::memcpy(target + done * size, storage.data() + static_cast<std::size_t>(at) * size, size);
    for (std::size_t i = index.size(); i-- > 0;) {
      at += tensor.strides[i];
      if (++index[i] < tensor.shape[i]) {
        break;
      }
      at -= tensor.strides[i] * tensor.shape[i];
      index[i] = 0;
    }
  }
}

Result<StorageBytes> find_storage(const PickleStorage& storage, PthContents& contents, MemoryBudget& budget,
                                  std::string_view source) {
  const auto deflated = contents.deflated.find(storage.key);
  if (deflated != contents.deflated.end()) {
    if (auto spent = budget.spend(deflated->second.size_bytes); !spent) {
      return std::unexpected(spent.error());
    }
    auto bytes = inflate_member(deflated->second, source);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    const auto owner = std::make_shared<const std::vector<std::byte>>(std::move(*bytes));
    contents.storages.insert_or_assign(storage.key, StorageBytes{*owner, owner});
    contents.deflated.erase(deflated);
  }
  const auto found = contents.storages.find(storage.key);
  if (found == contents.storages.end()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected the values of storage '{}', found none", source, printable(storage.key)));
  }
  const std::size_t size = storage.dtype ? dtype_size_bytes(*storage.dtype) : 1;
  const std::size_t held = found->second.bytes.size();
  if (static_cast<std::uint64_t>(storage.element_count) != held / size || held % size != 0) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected {} values of {} bytes in storage '{}', found {} bytes",
                                                 source, storage.element_count, size, printable(storage.key), held));
  }
  return found->second;
}

}  // namespace

MemoryBudget::MemoryBudget(std::size_t file_size_bytes, std::string_view source) : source_(source) {
  if (__builtin_mul_overflow(std::uint64_t{file_size_bytes}, std::uint64_t{kPthMemoryPerByteMax}, &limit_bytes_) ||
      __builtin_add_overflow(limit_bytes_, std::uint64_t{kPthMemoryBytesFree}, &limit_bytes_)) {
    limit_bytes_ = std::numeric_limits<std::uint64_t>::max();
  }
}

Result<void> MemoryBudget::spend(std::uint64_t size_bytes) {
  if (size_bytes > limit_bytes_ - spent_bytes_) {
    return fail(
        ErrorCode::kLimitExceeded,
        fmt::format("{}: expected at most {} bytes of values beyond the file's own, found more", source_, limit_bytes_),
        "if you trust the file: save it again with safetensors");
  }
  spent_bytes_ += size_bytes;
  return {};
}

Result<Tensor> build_tensor(const PickleTensor& tensor, PthContents& contents, MemoryBudget& budget,
                            std::string_view source) {
  const auto* description = contents.document.as<PickleStorage>(tensor.storage);
  const auto storage = find_storage(*description, contents, budget, source);
  if (!storage) {
    return std::unexpected(storage.error());
  }
  const std::size_t size = dtype_size_bytes(tensor.dtype);
  const auto count = shape_element_count(tensor.shape);  // checked when the pickle was read
  if (*count == 0) {
    return Tensor(tensor.dtype, tensor.shape);
  }
  const std::uint64_t held = storage->bytes.size() / size;
  const auto reached = reach(tensor);
  if (!reached || *reached > held) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a tensor inside the {} values of storage '{}', found offset {}, size {} and "
                            "strides {}",
                            source, held, printable(description->key), tensor.offset, shape_to_string(tensor.shape),
                            shape_to_string(tensor.strides)));
  }
  if (is_row_major(tensor)) {
    const auto range = storage->bytes.subspan(static_cast<std::size_t>(tensor.offset) * size, *count * size);
    return Tensor(tensor.dtype, tensor.shape, range, storage->owner);
  }
  if (*count > std::numeric_limits<std::size_t>::max() / size) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: a tensor of size {} is more than memory can hold", source,
                                                 shape_to_string(tensor.shape)));
  }
  if (auto spent = budget.spend(*count * size); !spent) {
    return std::unexpected(spent.error());
  }
  Tensor out(tensor.dtype, tensor.shape);
  gather(tensor, storage->bytes, out);
  return out;
}

}  // namespace asterism
