// Use cases around single items of a collection: get them, remove them, find those that are there twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "service/collections.hpp"

namespace asterism::service {

// In the order of `ids`; nothing where there is no such item.
Result<std::vector<std::optional<Item>>> get_items(const CollectionTarget& target, const std::vector<std::string>& ids,
                                                   const ItemParts& parts);

struct EraseRequest {
  CollectionTarget collection;
  std::vector<std::string> ids;  // or
  std::string filter;
  bool dry_run = false;
};
struct EraseResponse {
  std::uint64_t count = 0;             // removed, or with dry_run what would be
  std::vector<std::string> not_found;  // of the ids
};
// kInvalidArgument for neither or both of ids and filter.
Result<EraseResponse> erase_items(const EraseRequest& request);
// Of one that is open already; `request.collection` is not looked at.
Result<EraseResponse> erase_items(Collection& collection, const EraseRequest& request);

struct DuplicatesRequest {
  CollectionTarget collection;
  std::optional<float> score_limit;  // unset: equal contents only
};
struct DuplicatesResponse {
  CollectionSettings settings;
  std::vector<DuplicatePair> pairs;
  std::uint64_t item_count = 0;
};
// Exact; with a limit rows x rows / 2 comparisons.
Result<DuplicatesResponse> find_duplicates(const DuplicatesRequest& request, const ProgressSink& progress);

}  // namespace asterism::service
