// Attention with the processor's products of bfloat16 pairs (AVX-512 BF16): private to src/kernels/attention.cpp.
//
// Scores and sums are float32; the weights are rounded to bfloat16 before they meet the values, as FlashAttention does
// (Dao et al. 2022). Against float32 arithmetic an output differs by at most 2^-8 of the largest value of its head.
// Thread-safety: pure; disjoint units may run on different threads. Cost: half the products of the float32 kernel, and
// no widening.
#pragma once

#include <cstddef>

#include "kernels/attention.hpp"

namespace asterism {

// Whether this processor has the instructions and `head_dim` fits: a multiple of 32.
bool has_bf16_products(std::size_t head_dim) noexcept;

// Only where has_bf16_products(problem.head_dim).
void attention_by_bf16_products(const AttentionProblemBf16& problem, std::size_t unit_begin, std::size_t unit_end,
                                AttentionScratch& scratch);

}  // namespace asterism
