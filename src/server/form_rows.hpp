// Pictures of a form (multipart/form-data) as rows, part by part.
//
// Ownership: owns the source. Thread-safety: one thread. Cost: the picture at hand, and the metadata of all.
#pragma once

#include <memory>
#include <string_view>

#include "dataset/byte_source.hpp"
#include "dataset/record_reader.hpp"

namespace asterism::server {

// Parts with a file name, or of a type of pictures; the name is the row's id. A part "metadata" before them may hold
// {"FILE NAME": {...}}: behind the first picture it is kInvalidArgument, as is a form without pictures. A picture of
// more than `picture_size_bytes_max` is a failed row.
std::unique_ptr<RecordReader> make_form_rows(std::unique_ptr<ByteSource> form, std::string_view boundary,
                                             std::size_t picture_size_bytes_max);

}  // namespace asterism::server
