// One item of a collection as a line of JSON (collection_file.hpp), and back. Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"

namespace asterism::service {

// Without the end of the line. The vector is left out where the item has none.
void append_item_json(std::string& out, const Item& item);

// kCorrupt; `source` names the line in errors.
Result<Item> parse_item_json(std::string_view line, std::string_view source);

}  // namespace asterism::service
