// Collections, items and what was found as JSON: the same for the command line's --json and for the server.
// Thread-safety: pure functions.
#pragma once

#include <string_view>

#include "asterism/collection.hpp"
#include "base/json.hpp"

namespace asterism::service {

// The id, and of the rest `parts`. What an item has not is null.
Json item_json(const Item& item, const ItemParts& parts);
// `name` stands as "collection".
Json status_json(std::string_view name, const CollectionStatus& status);
Json version_json(const CollectionVersion& version);
Json explanation_json(const SearchExplanation& explanation);
// {"score", "larger_is_nearer", "hits": [{"score", item}], "explanation" with `explain`}
Json search_json(const SearchResult& result, const ItemParts& parts, bool explain);

}  // namespace asterism::service
