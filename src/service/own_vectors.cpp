#include "service/own_vectors.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/ascii_case.hpp"
#include "weights/npy.hpp"
#include "weights/safetensors.hpp"

namespace asterism::service {
namespace {

bool is_float(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF64 || dtype == DType::kF16 || dtype == DType::kBF16;
}

constexpr std::string_view kEmbeddingsName = "embeddings";  // as src/dataset/vector_writer.hpp writes them

Result<Tensor> read_tensor(const std::string& path, const std::string& tensor_name) {
  auto file = read_safetensors(path);
  if (!file) {
    return std::unexpected(std::move(file.error()));
  }
  const std::string wanted = tensor_name.empty() ? std::string(kEmbeddingsName) : tensor_name;
  auto found = file->tensors.find(wanted);
  if (found == file->tensors.end() && tensor_name.empty() && file->tensors.size() == 1) {
    found = file->tensors.begin();
  }
  if (found == file->tensors.end()) {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : file->tensors) {
      names.push_back(name);
    }
    return fail(ErrorCode::kNotFound, fmt::format("{}: expected the tensor '{}', found {}", path, wanted,
                                                  names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  }
  return found->second;
}

Result<Tensor> read_vectors(const std::string& path, const std::string& tensor_name) {
  return ascii_lower(path).ends_with(".safetensors") ? read_tensor(path, tensor_name) : read_npy(path);
}

}  // namespace

Result<OwnVectors> OwnVectors::open(const std::string& path, const std::string& tensor_name) {
  auto values = read_vectors(path, tensor_name);
  if (!values) {
    return std::unexpected(std::move(values.error()));
  }
  const Shape& shape = values->shape();
  if (!is_float(values->dtype()) || shape.empty() || shape.size() > 2 || shape.back() == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected vectors [rows, dim] of floats, found {} of {}", path, shape_to_string(shape),
                            dtype_name(values->dtype())),
                "numpy.save(FILE, vectors.astype(\"float32\"))");
  }
  const auto row_count = shape.size() == 2 ? static_cast<std::size_t>(shape.front()) : 1;
  const auto dim = static_cast<std::size_t>(shape.back());
  return OwnVectors(std::move(*values), row_count, dim);
}

std::vector<float> OwnVectors::row(std::size_t i) const {
  const std::size_t size_bytes = dim_ * dtype_size_bytes(values_.dtype());
  const Tensor one(values_.dtype(), {static_cast<std::int64_t>(dim_)},
                   values_.bytes().subspan(i * size_bytes, size_bytes), nullptr);
  const Tensor wide = one.to_f32();
  const auto components = wide.as<float>();
  return {components.begin(), components.end()};
}

Tensor OwnVectors::rows() const {
  const Tensor all(values_.dtype(), {static_cast<std::int64_t>(row_count_), static_cast<std::int64_t>(dim_)},
                   values_.bytes(), std::make_shared<const Tensor>(values_));
  return all.to_f32();
}

}  // namespace asterism::service
