// What an embedding is held beside: raw data, PCA of it to the embedding's dimension, and vectors by chance.
//
// Of texts TF-IDF of the most frequent words, of pictures their pixels at 32 x 32, of tables one-hot categories; fitted
// on the rows that are learnt from, applied to those that are asked. Thread-safety: pure functions. Cost: the PCA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/estimator.hpp"
#include "asterism/error.hpp"
#include "service/evaluation_data.hpp"

namespace asterism::service {

// Words of a TF-IDF baseline.
inline constexpr std::size_t kTfidfTermCountMax = 1024;

// Adds "tfidf", "pixels" or "one-hot", where the data is kept for it, "... + pca", and "random" to both; `asked` may be
// null. `dim`: of PCA and random vectors.
Result<void> add_baselines(EvaluationData& learnt, EvaluationData* asked, std::size_t dim, std::uint64_t seed,
                           const AnalysisRun& run);

// [row_count, dim], normal. Row r depends on (seed, stream, r) alone.
std::vector<float> random_vectors(std::size_t row_count, std::size_t dim, std::uint64_t seed, std::uint64_t stream);

}  // namespace asterism::service
