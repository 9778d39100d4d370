#include "encoder/finite.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

namespace asterism {
namespace {

// A float is NaN or infinite when all bits of its exponent are set. Written without branches, so that it vectorises.
template <typename Bits, Bits kExponent>
bool finite_bits(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t kBlock = 4096;
  const std::size_t count = bytes.size() / sizeof(Bits);
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t end = begin + kBlock < count ? begin + kBlock : count;
    unsigned bad = 0;
    for (std::size_t i = begin; i < end; ++i) {
      Bits bits = 0;
      std::memcpy(&bits, bytes.data() + i * sizeof(Bits), sizeof(Bits));  // tensors of a file may be unaligned
      bad |= static_cast<unsigned>((bits & kExponent) == kExponent);
    }
    if (bad != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool all_finite(const Tensor& tensor) noexcept {
  switch (tensor.dtype()) {
    case DType::kF64:
      return finite_bits<std::uint64_t, 0x7ff0000000000000U>(tensor.bytes());
    case DType::kF32:
      return finite_bits<std::uint32_t, 0x7f800000U>(tensor.bytes());
    case DType::kF16:
      return finite_bits<std::uint16_t, 0x7c00U>(tensor.bytes());
    case DType::kBF16:
      return finite_bits<std::uint16_t, 0x7f80U>(tensor.bytes());
    default:
      return true;
  }
}

Result<void> check_finite(const ParameterMap& parameters, ThreadPool& pool, std::string_view source) {
  std::vector<const ParameterMap::value_type*> entries;
  for (const auto& entry : parameters) {
    entries.push_back(&entry);
  }
  std::atomic<std::size_t> first_bad{entries.size()};
  pool.parallel_for(entries.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      if (!all_finite(entries[i]->second)) {
        std::size_t seen = first_bad.load();
        while (i < seen && !first_bad.compare_exchange_weak(seen, i)) {
        }
      }
    }
  });
  if (const std::size_t bad = first_bad.load(); bad < entries.size()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: tensor \"{}\": expected numbers, found NaN or infinity", source, entries[bad]->first),
                "the checkpoint is damaged: fetch it again");
  }
  return {};
}

}  // namespace asterism
