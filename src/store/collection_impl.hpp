// What a Collection is made of: a store, and the model that made its vectors, loaded when it is first needed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/encoder.hpp"
#include "store/collection_embedder.hpp"
#include "store/filter_expression.hpp"
#include "store/vector_store.hpp"

namespace asterism {

// Loads the model that a collection names and checks that it is the one that made its vectors. One of these serves one
// collection; two encoders where the prompts of items and of questions differ.
class CollectionEncoder final : public CollectionEmbedder {
 public:
  explicit CollectionEncoder(std::size_t thread_count) : thread_count_(thread_count) {}

  Result<CollectionSettings> complete(CollectionSettings settings) override;
  Result<Embeddings> embed(const CollectionSettings& settings, Use use, ItemKind kind,
                           std::span<const std::string_view> contents) override;

 private:
  Result<const Encoder*> load(const CollectionSettings& settings, const std::string& prompt_name);

  const std::size_t thread_count_;
  std::mutex mutex_;
  std::map<std::string, Encoder, std::less<>> encoders_;  // by prompt name
};

// A request with its question as a vector and its filter read.
struct PreparedSearch {
  const SearchRequest* request = nullptr;
  std::vector<float> query;  // [dim]; empty where only keywords are sought
  std::vector<std::string> asked_ids;
  std::optional<FilterExpression> filter;

  const FilterExpression* filter_or_null() const noexcept { return filter ? &*filter : nullptr; }
  // As it is asked of a store, with room for the items that it asks with.
  NearestRequest nearest() const {
    return {.query = query,
            .k = request->k + asked_ids.size(),
            .filter = filter_or_null(),
            .mode = request->mode,
            .score_limit = request->score_limit,
            .expansion = request->expansion,
            .parts = request->parts};
  }
};

struct Collection::Impl {
  Impl(std::unique_ptr<VectorStore> owned, std::shared_ptr<CollectionEmbedder> shared)
      : store(std::move(owned)), embedder(std::move(shared)) {}

  std::unique_ptr<VectorStore> store;
  std::shared_ptr<CollectionEmbedder> embedder;

  // A filter, with unknown names refused; nothing for an empty one.
  Result<std::optional<FilterExpression>> parse(std::string_view filter) const;
  // Texts and images of all requests are embedded together.
  Result<std::vector<PreparedSearch>> prepare(std::span<const SearchRequest> requests) const;
  SearchResult plain_result(const PreparedSearch& prepared, StoreHits found) const;
  Result<SearchResult> search(const SearchRequest& request) const;

 private:
  // Vectors of parts, in their order, by their address.
  using PartVectors = std::map<const QueryPart*, std::vector<float>>;
  Result<void> embed_parts(std::span<const QueryPart* const> parts, QueryPart::Kind kind, PartVectors& vectors) const;
  Result<std::vector<float>> given_vector(const QueryPart& part) const;
  Result<std::vector<float>> query_vector(const SearchRequest& request, const PartVectors& vectors) const;
  Result<void> check_names(const FilterExpression& filter, std::string_view subject = "filter") const;
  Result<std::vector<SearchHit>> ranked(const PreparedSearch& prepared, std::size_t count,
                                        SearchExplanation& explanation) const;
  Result<std::vector<SearchHit>> reordered(const PreparedSearch& prepared, const std::optional<FilterPath>& group_path,
                                           std::vector<SearchHit> hits) const;
};

}  // namespace asterism
