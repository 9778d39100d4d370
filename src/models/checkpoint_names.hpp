// A checkpoint's tensors under the names of our graph: private to src/models.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "graph/graph.hpp"

namespace asterism {

// How the names of one family's checkpoints vary.
struct CheckpointDialect {
  // What a checkpoint of a larger model puts before every name of the encoder ("bert."); removed.
  std::string_view prefix;
  // Tensors of heads and buffers that an embedding does not use: names beginning so are left out, after `prefix` is
  // removed.
  std::span<const std::string_view> unused;
};

// Renames (prefix, LayerNorm.gamma and .beta), drops what is known to be unused, and refuses two tensors that would get
// one name. Whatever else the file holds stays, so that Graph::check_parameters can name it.
Result<ParameterMap> map_checkpoint_names(std::map<std::string, Tensor> tensors, const CheckpointDialect& dialect,
                                          std::string_view source);

// Row `index` of a matrix as a tensor of its own, sharing the bytes.
Tensor matrix_row(const Tensor& matrix, std::int64_t index);

// The rows from `first` on, sharing the bytes.
Tensor matrix_rows_from(const Tensor& matrix, std::int64_t first);

// kCorrupt names the first NaN or infinity: tensor and element. kUnsupported for a dtype that is no float.
Result<void> check_finite(const ParameterMap& parameters, std::string_view source);

}  // namespace asterism
