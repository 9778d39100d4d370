#include "graph/infer_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace asterism::infer_rules {

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

std::string type_to_string(const Value& value) {
  return fmt::format("{} {}", dtype_name(value.dtype), symbolic_shape_to_string(value.shape));
}

bool spreads_to(std::span<const std::int64_t> from, std::span<const std::int64_t> to) noexcept {
  if (from.size() > to.size()) {
    return false;
  }
  const auto tail = to.last(from.size());
  return std::ranges::equal(from, tail, [](std::int64_t a, std::int64_t b) { return a == b || a == 1; });
}

Result<void> expect_activation(const Value& value, std::string_view what) {
  const bool known = value.shape.size() >= 2 &&
                     std::ranges::all_of(std::span(value.shape).subspan(1), [](std::int64_t dim) { return dim > 0; });
  if (value.dtype != DType::kF32 || value.op == Op::kParameter || !known) {
    return bad(fmt::format("{} must be f32 [rows, dim], found {}", what, type_to_string(value)));
  }
  return {};
}

Result<void> expect_rank(const Value& value, std::size_t rank, std::string_view what) {
  if (auto ok = expect_activation(value, what); !ok) {
    return ok;
  }
  if (value.shape.size() != rank) {
    return bad(fmt::format("{} must have {} dimensions, found {}", what, rank, type_to_string(value)));
  }
  return {};
}

Result<void> expect_rows(const Value& value, std::string_view what) {
  if (value.dtype != DType::kF32 || value.shape.size() != 2 || value.shape[1] <= 0) {
    return bad(fmt::format("{} must be f32 [rows, dim], found {}", what, type_to_string(value)));
  }
  return {};
}

Result<void> expect_parameter(const Value& value, const Shape& shape, std::string_view what) {
  if (value.op != Op::kParameter || value.shape != shape) {
    return bad(fmt::format("{} must be a parameter {}, found {} {}", what, symbolic_shape_to_string(shape),
                           op_name(value.op), type_to_string(value)));
  }
  return {};
}

Result<void> expect_epsilon(double epsilon) {
  if (!std::isfinite(epsilon) || epsilon < 0.0) {
    return bad(fmt::format("epsilon must be finite and not negative, found {}", epsilon));
  }
  return {};
}

Result<void> expect_axis(std::int64_t axis, const Value& x) {
  if (axis < 1 || axis >= static_cast<std::int64_t>(x.shape.size())) {
    return bad(fmt::format("the axis must be 1 to {}, found {}", x.shape.size() - 1, axis));
  }
  return {};
}

}  // namespace asterism::infer_rules
