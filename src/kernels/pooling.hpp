// One vector from the token vectors of a text: the six modes of sentence-transformers.
//
// Thread-safety: pure functions. Cost: one pass over the tokens. Sums are float32 in token order, as the original's
// are.
#pragma once

#include <cstddef>
#include <cstdint>

namespace asterism {

enum class PoolKind : std::uint8_t { kFirst, kMax, kMean, kMeanSqrtLen, kWeightedMean, kLast };

// Pools `token_count` rows of `dim` floats, `stride` apart, into output[dim]. No tokens give zeros.
// kWeightedMean weighs token i (from 0) with i + 1; kMeanSqrtLen divides the sum by the root of the count.
void pool_rows(PoolKind kind, const float* rows, std::size_t token_count, std::size_t stride, std::size_t dim,
               float* output);

// The same in plain double arithmetic: the oracle of the tests.
void pool_rows_scalar(PoolKind kind, const float* rows, std::size_t token_count, std::size_t stride, std::size_t dim,
                      float* output);

}  // namespace asterism
