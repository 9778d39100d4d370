// Vectors as an Arrow IPC stream: a schema with one column, a record batch, the end.
//
// Source: the Arrow columnar format, version 1.0 (format/Message.fbs, Schema.fbs: table fields by their numbers).
// Thread-safety: pure. Cost: one copy of the values.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace asterism::server {

inline constexpr std::string_view kArrowStreamType = "application/vnd.apache.arrow.stream";

// One column "embedding" of `FixedSizeList<float32>[dim]`, never null. `values`: [rows, dim], dim > 0.
std::string arrow_stream(std::span<const float> values, std::size_t dim);

}  // namespace asterism::server
