// Inner products between short codes of vectors: what a walk through a graph index computes most.
//
// A code is `dim` components of i8 or bf16. Which instructions compute is chosen once, by what the processor has: VNNI
// for i8 and AVX512-BF16 for bf16 by intrinsics (Highway 1.0 has neither on AVX-512), else Highway's widest.
// i8 sums are exact. The serial functions are the oracles of the tests. Products of i8 sum in 32 bits: dim <= 65536.
// Whoever compares one code with many takes four at a time: the query is loaded once, and sums are brought together
// once.
// Thread-safety: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace asterism {

inline constexpr std::size_t kCodesAtOnce = 4;
using CodeGroup = std::array<const std::byte*, kCodesAtOnce>;
using ProductGroup = std::array<float, kCodesAtOnce>;

struct CodeDots {
  std::string_view name;  // "avx512-vnni", "serial"
  // The product of two codes.
  float (*product)(const std::byte* a, const std::byte* b, std::size_t dim) noexcept;
  // The products of one code with each of a group: the same values.
  ProductGroup (*products)(const std::byte* a, const CodeGroup& codes, std::size_t dim) noexcept;
};

// The ones that this processor can run, fastest first; the last one is "serial".
std::span<const CodeDots> i8_code_dots() noexcept;
std::span<const CodeDots> bf16_code_dots() noexcept;

}  // namespace asterism
