// What the rules of shape inference share: private to src/graph.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "graph/graph.hpp"
#include "graph/infer.hpp"

namespace asterism::infer_rules {

std::unexpected<Error> bad(std::string message);
std::string type_to_string(const Value& value);

// Whether an array of shape `from` spreads to `to` as in numpy: aligned at the end, each dimension equal or 1.
bool spreads_to(std::span<const std::int64_t> from, std::span<const std::int64_t> to) noexcept;

// float32 with rows at run time and every other dimension known: what computing ops take.
Result<void> expect_activation(const Value& value, std::string_view what);
// The same with `rank` dimensions.
Result<void> expect_rank(const Value& value, std::size_t rank, std::string_view what);
// float32 [rows, dim].
Result<void> expect_rows(const Value& value, std::string_view what);
Result<void> expect_parameter(const Value& value, const Shape& shape, std::string_view what);
Result<void> expect_epsilon(double epsilon);
// An axis of `x` that is not the first: rows stay rows.
Result<void> expect_axis(std::int64_t axis, const Value& x);

}  // namespace asterism::infer_rules

namespace asterism {

// The rules of the ops of images.
Result<ValueType> infer_image_type(Op op, const Attributes& attributes, std::span<const Value* const> inputs);

}  // namespace asterism
