// Inner products between short codes of vectors: what a walk through a graph index computes most.
//
// A code is `dim` components of i8 or bf16. Which instructions compute is chosen once, by what the processor has: VNNI
// for i8 and AVX512-BF16 for bf16 by intrinsics (Highway 1.0 has neither on AVX-512), else Highway's widest.
// i8 sums are exact. The serial functions are the oracles of the tests. Products of i8 sum in 32 bits: dim <= 65536.
// Thread-safety: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace asterism {

struct CodeDots {
  std::string_view name;  // "avx512-vnni", "serial"
  // The product of two codes.
  float (*product)(const std::byte* a, const std::byte* b, std::size_t dim) noexcept;
};

// The ones that this processor can run, fastest first; the last one is "serial".
std::span<const CodeDots> i8_code_dots() noexcept;
std::span<const CodeDots> bf16_code_dots() noexcept;

}  // namespace asterism
