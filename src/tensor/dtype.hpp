// Element types of tensors, as checkpoints store them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace asterism {

enum class DType : std::uint8_t { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

std::size_t dtype_size_bytes(DType dtype) noexcept;
// "f32", "bf16", "i8", "bool": the word in dumps, reports and errors.
std::string_view dtype_name(DType dtype) noexcept;

// IEEE half and bfloat16 bit patterns to and from float; narrowing rounds to nearest even, NaN stays NaN.
float f16_to_f32(std::uint16_t bits) noexcept;
std::uint16_t f32_to_f16(float value) noexcept;
float bf16_to_f32(std::uint16_t bits) noexcept;
std::uint16_t f32_to_bf16(float value) noexcept;

}  // namespace asterism
