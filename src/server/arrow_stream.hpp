// Vectors as an Arrow IPC stream: a schema with one column, a record batch, the end.
//
// Source: the Arrow columnar format, version 1.0 (format/Message.fbs, Schema.fbs: table fields by their numbers).
// Thread-safety: pure. Cost: one copy of the values.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace asterism::server {

inline constexpr std::string_view kArrowStreamType = "application/vnd.apache.arrow.stream";

// One column "embedding" of `FixedSizeList<float32>[dim]`, never null. `values`: [rows, dim], dim > 0.
std::string arrow_stream(std::span<const float> values, std::size_t dim);
// One column "embedding" of `List<FixedSizeList<float32>[dim]>`: of each row a vector a token, so many as its length
// says. `values`: [sum of lengths, dim], dim > 0.
std::string arrow_stream_of_lists(std::span<const float> values, std::size_t dim, std::span<const std::size_t> lengths);

}  // namespace asterism::server
