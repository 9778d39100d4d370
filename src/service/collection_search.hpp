// Use case: what a collection holds that is like texts, images, items or vectors, or that has words.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "dataset/row_source.hpp"
#include "service/collections.hpp"
#include "service/items.hpp"
#include "service/result_page.hpp"

namespace asterism::service {

// What is looked for, as a person names it.
struct AskedItems {
  std::vector<std::string> items = {};  // texts and paths of image files
  std::vector<std::string> ids = {};    // of items of the collection
};

struct CollectionSearchRequest {
  CollectionTarget collection;
  ModelFetch fetch;
  // k, filter, groups and so on; like, unlike, keywords and the limit come from below.
  SearchRequest search;
  AskedItems like;
  AskedItems unlike;
  ItemKind kind = ItemKind::kAuto;  // of items: images where the model takes them and the file exists
  std::string vectors = {};         // a .npy file: one row is part of `like`, several are a search each
  RowSourceOptions queries = {};    // each row of these inputs is a search of its own; none = no batch
  bool hybrid = false;              // the texts of `like` are sought as keywords too
  std::string keywords = {};
  // Only what is near enough. The one that the metric has no use for is kInvalidArgument.
  std::optional<float> score_min = {};     // cosine, dot
  std::optional<float> distance_max = {};  // Euclidean
  bool keep_images = false;                // the files of pictures, for a page that shows them
};

struct SearchAnswer {
  std::string name;                       // the text, path or id that was asked with
  PayloadKind kind = PayloadKind::kText;  // of the query
  std::string content;                    // with keep_images: the image file
  SearchResult result;
};

struct CollectionSearchResponse {
  CollectionSettings settings;
  std::uint64_t query_count = 0;
  std::uint64_t failed_query_count = 0;
  // Why the search was slower than it need be: the index is missing, old or damaged. Empty = all is well.
  std::string index_problem;
};

using TakeAnswer = std::function<Result<void>(SearchAnswer&&)>;
using OnQueryError = std::function<void(const std::string& place, const Error&)>;

// Answers are handed out in the order of the queries; a query of a batch that fails costs itself. kInvalidArgument when
// there is nothing to look for, or a batch beside something else.
Result<CollectionSearchResponse> search_collection(const CollectionSearchRequest& request, const TakeAnswer& take,
                                                   const OnQueryError& on_error = {});

// Answers as a page; needs `keep_images` and ItemParts::data.
PageSection page_section(const SearchAnswer& answer);
std::string page_remark(const CollectionSearchRequest& request, const CollectionSearchResponse& response,
                        const std::string& score_name, bool larger_is_nearer);

}  // namespace asterism::service
