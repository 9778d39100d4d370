#include "models/checkpoint_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

namespace asterism {
namespace {

bool ends_with_replace(std::string& name, std::string_view ending, std::string_view replacement) {
  if (!name.ends_with(ending)) {
    return false;
  }
  name.replace(name.size() - ending.size(), ending.size(), replacement);
  return true;
}

// Index of the first element whose exponent bits are all set (NaN or infinity), by the bits, so that f16 and bf16 files
// are not widened for it. The inner loop has no exit and vectorises; the exact index is looked for only after a hit.
template <typename Bits>
std::optional<std::size_t> first_non_finite(std::span<const std::byte> bytes, Bits exponent_mask) {
  constexpr std::size_t kBlock = 4096;
  const std::size_t count = bytes.size() / sizeof(Bits);
  const auto load = [&](std::size_t i) {
    Bits bits;
    std::memcpy(&bits, bytes.data() + i * sizeof(Bits), sizeof(Bits));
    return bits;
  };
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t end = std::min(count, begin + kBlock);
    bool found = false;
    for (std::size_t i = begin; i < end; ++i) {
      found |= (load(i) & exponent_mask) == exponent_mask;
    }
    for (std::size_t i = begin; found && i < end; ++i) {
      if ((load(i) & exponent_mask) == exponent_mask) {
        return i;
      }
    }
  }
  return std::nullopt;
}

Result<std::optional<std::size_t>> first_non_finite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kF64:
      return first_non_finite<std::uint64_t>(tensor.bytes(), 0x7FF0000000000000U);
    case DType::kF32:
      return first_non_finite<std::uint32_t>(tensor.bytes(), 0x7F800000U);
    case DType::kF16:
      return first_non_finite<std::uint16_t>(tensor.bytes(), 0x7C00U);
    case DType::kBF16:
      return first_non_finite<std::uint16_t>(tensor.bytes(), 0x7F80U);
    default:
      return fail(ErrorCode::kUnsupported,
                  fmt::format("expected f64, f32, f16 or bf16, found {}", dtype_name(tensor.dtype())));
  }
}

}  // namespace

Result<ParameterMap> map_checkpoint_names(std::map<std::string, Tensor> tensors, const CheckpointDialect& dialect,
                                          std::string_view source) {
  ParameterMap parameters;
  std::map<std::string, std::string> origins;
  for (auto& [original, tensor] : tensors) {
    std::string name = original;
    if (name.starts_with(dialect.prefix)) {
      name.erase(0, dialect.prefix.size());
    }
    if (std::ranges::any_of(dialect.unused, [&](std::string_view unused) { return name.starts_with(unused); })) {
      continue;
    }
    if (!ends_with_replace(name, "LayerNorm.gamma", "LayerNorm.weight")) {
      ends_with_replace(name, "LayerNorm.beta", "LayerNorm.bias");
    }
    const auto [it, inserted] = origins.emplace(name, original);
    if (!inserted) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: tensors \"{}\" and \"{}\" both mean \"{}\"", source, it->second, original, name),
                  "keep one of the two");
    }
    parameters.emplace(std::move(name), std::move(tensor));
  }
  return parameters;
}

Tensor matrix_row(const Tensor& matrix, std::int64_t index) {
  const auto dim = static_cast<std::size_t>(matrix.shape()[1]);
  const std::size_t row_size_bytes = dim * dtype_size_bytes(matrix.dtype());
  auto owner = std::make_shared<const Tensor>(matrix);
  const auto bytes = owner->bytes().subspan(static_cast<std::size_t>(index) * row_size_bytes, row_size_bytes);
  return {matrix.dtype(), {matrix.shape()[1]}, bytes, owner};
}

Tensor matrix_rows_from(const Tensor& matrix, std::int64_t first) {
  const Shape shape{matrix.shape()[0] - first, matrix.shape()[1]};
  const std::size_t row_size_bytes = static_cast<std::size_t>(shape[1]) * dtype_size_bytes(matrix.dtype());
  auto owner = std::make_shared<const Tensor>(matrix);
  const auto bytes = owner->bytes().subspan(static_cast<std::size_t>(first) * row_size_bytes);
  return {matrix.dtype(), shape, bytes, owner};
}

Result<void> check_finite(const ParameterMap& parameters, std::string_view source) {
  for (const auto& [name, tensor] : parameters) {
    const auto found = first_non_finite(tensor);
    if (!found) {
      return fail(found.error().code, fmt::format("{}: tensor \"{}\": {}", source, name, found.error().message));
    }
    if (*found) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: tensor \"{}\": expected finite values, found NaN or infinity at element {} of {}",
                              source, name, **found, shape_to_string(tensor.shape())),
                  "the weights are damaged: fetch the file again, or train again without the overflow");
    }
  }
  return {};
}

}  // namespace asterism
