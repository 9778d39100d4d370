#include "service/own_vectors.hpp"

#include <fmt/format.h>

#include <utility>

#include "weights/npy.hpp"

namespace asterism::service {
namespace {

bool is_float(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF64 || dtype == DType::kF16 || dtype == DType::kBF16;
}

}  // namespace

Result<OwnVectors> OwnVectors::open(const std::string& path) {
  auto values = read_npy(path);
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

}  // namespace asterism::service
