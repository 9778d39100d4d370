// What clients ask of collections, read from JSON bodies and queries: names and limits as on the command line.
// Thread-safety: pure functions. Errors: kInvalidArgument, kUsage or kLimitExceeded, naming the field.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "server/http_message.hpp"
#include "service/collection_items.hpp"

namespace asterism::server {

// Of one request with a JSON body; larger files are sent as rows.
inline constexpr std::size_t kItemCountMax = 10'000;
// Of ids that are got or deleted at once.
inline constexpr std::size_t kIdCountMax = 10'000;
// Searches of one request.
inline constexpr std::size_t kBatchSearchCountMax = 256;
// Texts, pictures, ids and vectors that one search asks with.
inline constexpr std::size_t kQueryPartCountMax = 64;

struct CreateRequest {
  std::string name;
  CollectionSettings settings;  // the model as the client names it
};
// {"name", "model", "dim", "metric", "vector_type", "columns", "text_columns", "prompt", "query_prompt"}
Result<CreateRequest> read_create(std::string_view body);

// {"items": [...]} or the list alone. Of an item: {"id", "text" | "image" | "vector", "metadata"}; a vector may stand
// beside text or image, and none is made then. Images are base64 or data URIs.
Result<std::vector<Item>> read_items(std::string_view body);

struct AskedSearch {
  SearchRequest search;
  std::string version = {};
  bool explain = false;
};
// {"text", "image", "id", "vector", "like", "unlike", "keywords", "hybrid", "k", "filter", "group_by", "group_size",
//  "diversity", "score_limit", "exact", "expansion", "explain", "version", "include"}
Result<AskedSearch> read_search(std::string_view body);
struct AskedSearches {
  std::vector<SearchRequest> searches;
  std::string version = {};
  bool explain = false;
};
// {"searches": [...], "explain", "version", "include"}: these three of all, the rest as of a single search.
Result<AskedSearches> read_searches(std::string_view body);
// By the content type: JSON, or a picture as the body and all else in the query: ?k=5&filter=...
Result<AskedSearch> read_search_request(const HttpRequest& request);

struct AskedItems {
  std::vector<std::string> ids;
  ItemParts parts = {};
};
// {"ids", "include"}
Result<AskedItems> read_get(std::string_view body);
// Of "metadata,content,vector,data"; empty = metadata and content.
Result<ItemParts> read_include(const std::vector<std::string>& names);
Result<ItemParts> read_include(std::string_view query);

// {"ids" | "filter", "dry_run"}
Result<service::EraseRequest> read_delete(std::string_view body);
// {"name"}
Result<std::string> read_version_name(std::string_view body);

}  // namespace asterism::server
