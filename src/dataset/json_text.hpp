// Pieces of JSON text for writers of many rows: no document in between.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

// Appends `text` as a JSON string. What is no UTF-8 becomes U+FFFD, as for tokenizers (base/utf8.hpp): JSON must be
// UTF-8.
void append_json_string(std::string& out, std::string_view text);

// Appends "[a,b,...]": for each value the shortest decimal that reads back as the same float; null for NaN and
// infinities.
void append_json_floats(std::string& out, std::span<const float> values);

// The same for an array of `shape`, whose elements `values` are: lists within lists.
void append_json_array(std::string& out, std::span<const float> values, std::span<const std::int64_t> shape);

// Appends where a row came from: "source":"a.txt","line":3,"id":"x", the last two where there are any.
void append_json_place(std::string& out, std::string_view source, std::uint64_t line, std::string_view id);

// Appends {"code": name, "message": text}.
void append_json_error(std::string& out, const Error& error);

}  // namespace asterism
