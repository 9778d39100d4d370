// What a row keeps of a jsonl record. Private to src/dataset.
#pragma once

#include <simdjson.h>

#include <span>
#include <string>
#include <string_view>

#include "dataset/metadata.hpp"

namespace asterism {

// The members of `record` that `columns` asks for, with their types and nesting, as the text of an object. `left_out`
// are paths ("a.b") that `columns.all` does not take: of the text and of the id.
std::string jsonl_metadata(const simdjson::dom::object& record, const MetadataColumns& columns,
                           std::span<const std::string_view> left_out);

}  // namespace asterism
