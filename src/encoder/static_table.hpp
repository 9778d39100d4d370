// The embedding table of a static text model, as stored: dtype, optional map from token to row, optional token weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "kernels/static_pool.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

struct StaticTable {
  Tensor rows;                              // [rows, dim]; f32, f16, bf16 or i8, aligned
  std::vector<std::uint32_t> row_of_token;  // empty: a token's row is its id
  std::vector<float> weight_of_token;       // empty: all 1
  // Read as model2vec does (tensor "embeddings"); else as sentence-transformers' StaticEmbedding ("embedding.weight").
  bool model2vec = false;

  std::size_t dim() const noexcept { return static_cast<std::size_t>(rows.shape()[1]); }
  StaticTableView view() const noexcept;
};

// Takes the tensors of model.safetensors; unknown ones, and sizes that disagree with the vocabulary, are errors.
Result<StaticTable> make_static_table(std::map<std::string, Tensor> tensors, std::size_t vocabulary_size,
                                      std::string_view source);

}  // namespace asterism
