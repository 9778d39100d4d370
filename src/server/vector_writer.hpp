// Vectors as bodies of answers: JSON with the shortest digits that read back as the same float, base64, little-endian
// bytes, and .npy. Thread-safety: pure functions. Cost: about 20 ns a number of JSON.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace asterism::server {

// "[0.1,-2,3e-05]"; what is not finite is null.
void append_json(std::string& out, std::span<const float> vector);
// "[[...],[...]]" of [rows, dim].
void append_json_rows(std::string& out, std::span<const float> values, std::size_t dim);
// float32, little-endian.
std::string little_endian_bytes(std::span<const float> values);
// The beginning of a .npy file of float32 of that shape, two numbers or more; the values follow.
std::string npy_header(std::span<const std::size_t> shape);
std::string npy_header(std::size_t row_count, std::size_t dim);
// A text as a JSON string, quotes included; ill-formed UTF-8 becomes U+FFFD.
void append_json_text(std::string& out, std::string_view text);

}  // namespace asterism::server
