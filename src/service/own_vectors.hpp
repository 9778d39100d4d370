// Vectors that a user brings along: the rows of a .npy or .safetensors file.
//
// Ownership: shares the mapping of the file. Thread-safety: reads from many threads. Cost: opening touches the header;
// rows of another type than float32 are widened one by one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "tensor/tensor.hpp"

namespace asterism::service {

class OwnVectors {
 public:
  // An array [rows, dim] of floats; one of shape [dim] is a single row. kInvalidArgument for any other. Of a
  // .safetensors file the tensor `tensor_name`; unnamed it is "embeddings", or the only one.
  static Result<OwnVectors> open(const std::string& path, const std::string& tensor_name = {});

  std::size_t row_count() const noexcept { return row_count_; }
  std::size_t dim() const noexcept { return dim_; }
  std::vector<float> row(std::size_t i) const;  // [dim]
  // All of them, f32 [rows, dim]: the file's own mapping where it is such.
  Tensor rows() const;

 private:
  OwnVectors(Tensor values, std::size_t row_count, std::size_t dim)
      : values_(std::move(values)), row_count_(row_count), dim_(dim) {}

  Tensor values_;
  std::size_t row_count_ = 0;
  std::size_t dim_ = 0;
};

}  // namespace asterism::service
