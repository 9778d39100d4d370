#include "service/collection_items.hpp"

#include <fmt/format.h>

#include <utility>

namespace asterism::service {

Result<std::vector<std::optional<Item>>> get_items(const CollectionTarget& target, const std::vector<std::string>& ids,
                                                   const ItemParts& parts) {
  const auto collection = open_for_reading(target);
  return collection ? collection->get(ids, parts) : std::unexpected(collection.error());
}

namespace {

Result<void> check_erase(const EraseRequest& request) {
  if (request.ids.empty() == request.filter.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("delete: expected ids or a filter, found {}", request.ids.empty() ? "neither" : "both"));
  }
  return {};
}

}  // namespace

Result<EraseResponse> erase_items(const EraseRequest& request) {
  if (auto checked = check_erase(request); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  auto collection = request.dry_run ? open_for_reading(request.collection) : open_for_writing(request.collection);
  return collection ? erase_items(*collection, request) : std::unexpected(std::move(collection.error()));
}

Result<EraseResponse> erase_items(Collection& collection, const EraseRequest& request) {
  if (auto checked = check_erase(request); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  EraseResponse response;
  if (!request.filter.empty()) {
    const auto count = request.dry_run ? collection.count(request.filter) : collection.erase_where(request.filter);
    if (!count) {
      return std::unexpected(count.error());
    }
    response.count = *count;
    return response;
  }
  const auto there = collection.get(request.ids, {.metadata = false, .content = false});
  if (!there) {
    return std::unexpected(there.error());
  }
  for (std::size_t i = 0; i < request.ids.size(); ++i) {
    if ((*there)[i]) {
      ++response.count;
    } else {
      response.not_found.push_back(request.ids[i]);
    }
  }
  if (!request.dry_run) {
    const auto count = collection.erase(request.ids);
    if (!count) {
      return std::unexpected(count.error());
    }
    response.count = *count;
  }
  return response;
}

Result<DuplicatesResponse> find_duplicates(const DuplicatesRequest& request, const ProgressSink& progress) {
  const auto collection = open_for_reading(request.collection);
  if (!collection) {
    return std::unexpected(collection.error());
  }
  const auto count = collection->count();
  if (!count) {
    return std::unexpected(count.error());
  }
  auto pairs = collection->duplicates(request.score_limit, {.progress = progress, .cancel = request.collection.cancel});
  if (!pairs) {
    return std::unexpected(std::move(pairs.error()));
  }
  return DuplicatesResponse{.settings = collection->settings(), .pairs = std::move(*pairs), .item_count = *count};
}

}  // namespace asterism::service
