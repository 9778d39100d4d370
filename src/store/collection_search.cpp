// Searching: the question to a vector, the store's answer to what was asked for.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "base/json.hpp"
#include "store/collection_impl.hpp"
#include "store/filter_parser.hpp"
#include "store/rerank.hpp"
#include "store/unit_vector.hpp"

namespace asterism {
namespace {

// Hits that are fetched beyond k where some will be left out or put in another order.
constexpr std::size_t kDiversityFactor = 4;
constexpr std::size_t kCandidateCountMin = 50;
constexpr std::size_t kFusedCountMin = 100;
// Items looked at for the names that metadata has, to suggest one for a name that it has not.
constexpr std::size_t kNamesSampleMax = 200;

bool asks_by_vector(const SearchRequest& request) {
  return !request.like.empty() || !request.unlike.empty();
}

Result<void> check_request(const SearchRequest& request) {
  if (request.k > kSearchCountMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("k: expected at most {}, found {}", kSearchCountMax, request.k));
  }
  if (request.k == 0) {
    return fail(ErrorCode::kInvalidArgument, "k: expected at least 1, found 0");
  }
  if (!(request.diversity >= 0.0 && request.diversity <= 1.0)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("diversity: expected 0 to 1, found {}", request.diversity));
  }
  if (request.diversity > 0.0 && !asks_by_vector(request)) {
    return fail(ErrorCode::kInvalidArgument,
                "diversity: expected a text, an image, an id or a vector to be relevant to");
  }
  if (request.group_size == 0) {
    return fail(ErrorCode::kInvalidArgument, "group size: expected at least 1, found 0");
  }
  if (!asks_by_vector(request) && request.keywords.empty()) {
    return fail(ErrorCode::kInvalidArgument, "search: expected something to look for, found nothing",
                "give a text, an image, an id, a vector or keywords");
  }
  return {};
}

// Nothing for an empty text.
Result<std::optional<FilterExpression>> parse_group_path(std::string_view text) {
  if (text.empty()) {
    return std::optional<FilterExpression>{};
  }
  const auto parsed = parse_filter(fmt::format("exists {}", text));
  if (!parsed || parsed->node().op != FilterOp::kNull || !parsed->node().children.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("group by: expected a path into the metadata, found '{}'", text));
  }
  return std::optional(*parsed);
}

void leave_out(std::vector<SearchHit>& hits, std::span<const std::string> ids) {
  std::erase_if(hits, [&](const SearchHit& hit) { return std::ranges::find(ids, hit.item.id) != ids.end(); });
}

}  // namespace

Result<void> Collection::Impl::embed_parts(std::span<const QueryPart* const> parts, QueryPart::Kind kind,
                                           PartVectors& vectors) const {
  std::vector<const QueryPart*> chosen;
  std::vector<std::string_view> contents;
  for (const auto* part : parts) {
    if (part->kind == kind) {
      chosen.push_back(part);
      contents.push_back(part->value);
    }
  }
  if (chosen.empty()) {
    return {};
  }
  const auto embedded = embedder->embed(store->settings(), CollectionEmbedder::Use::kQueries,
                                        kind == QueryPart::Kind::kText ? ItemKind::kText : ItemKind::kImage, contents);
  if (!embedded) {
    return std::unexpected(embedded.error());
  }
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (embedded->reports[i].error) {
      return std::unexpected(*embedded->reports[i].error);
    }
    const auto row = embedded->row(i);
    vectors[chosen[i]].assign(row.begin(), row.end());
  }
  return {};
}

Result<std::vector<float>> Collection::Impl::given_vector(const QueryPart& part) const {
  const auto dim = store->settings().dim;
  if (part.kind == QueryPart::Kind::kVector) {
    if (part.vector.size() != dim) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("query: expected {} components, as the collection has, found {}", dim, part.vector.size()));
    }
    if (!std::ranges::all_of(part.vector, [](float value) { return std::isfinite(value); })) {
      return fail(ErrorCode::kInvalidArgument, "query: expected finite numbers");
    }
    return part.vector;
  }
  const std::vector<std::string> ids{part.value};
  auto items = store->get(ids, {.metadata = false, .content = false, .data = false, .vector = true});
  if (!items) {
    return std::unexpected(std::move(items.error()));
  }
  if (!items->front()) {
    return fail(ErrorCode::kNotFound, fmt::format("query: there is no item \"{}\"", part.value));
  }
  return std::move(items->front()->vector);
}

Result<std::vector<float>> Collection::Impl::query_vector(const SearchRequest& request,
                                                          const PartVectors& vectors) const {
  const bool directions = store->settings().metric == Metric::kCosine;
  std::vector<double> sum(store->settings().dim, 0.0);
  for (const auto& [parts, sign] : {std::pair{&request.like, 1.0}, std::pair{&request.unlike, -1.0}}) {
    const double share = sign / static_cast<double>(std::max<std::size_t>(parts->size(), 1));
    for (const auto& part : *parts) {
      const auto& vector = vectors.at(&part);
      const auto used = directions ? unit_vector(vector) : vector;
      for (std::size_t i = 0; i < sum.size(); ++i) {
        sum[i] += share * static_cast<double>(used[i]);
      }
    }
  }
  std::vector<float> query(sum.begin(), sum.end());
  if (!directions) {
    return query;
  }
  query = unit_vector(query);
  if (std::ranges::all_of(query, [](float value) { return value == 0.0F; })) {
    return fail(ErrorCode::kInvalidArgument, "query: a vector of zeros has no direction and no cosine to anything",
                request.like.size() + request.unlike.size() > 1
                    ? "what is like and what is unlike may cancel out: leave one out"
                    : "it may hold no word that the model knows: ask in other words");
  }
  return query;
}

Result<std::vector<PreparedSearch>> Collection::Impl::prepare(std::span<const SearchRequest> requests) const {
  std::vector<const QueryPart*> parts;
  for (const auto& request : requests) {
    if (auto checked = check_request(request); !checked) {
      return std::unexpected(std::move(checked.error()));
    }
    for (const auto* list : {&request.like, &request.unlike}) {
      for (const auto& part : *list) {
        parts.push_back(&part);
      }
    }
  }
  PartVectors vectors;
  for (const auto kind : {QueryPart::Kind::kText, QueryPart::Kind::kImage}) {
    if (auto embedded = embed_parts(parts, kind, vectors); !embedded) {
      return std::unexpected(std::move(embedded.error()));
    }
  }
  std::vector<PreparedSearch> prepared(requests.size());
  for (const auto* part : parts) {
    if (part->kind == QueryPart::Kind::kId || part->kind == QueryPart::Kind::kVector) {
      auto vector = given_vector(*part);
      if (!vector) {
        return std::unexpected(std::move(vector.error()));
      }
      vectors[part] = std::move(*vector);
    }
  }
  std::map<std::string_view, std::optional<FilterExpression>> filters;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto& request = requests[i];
    prepared[i].request = &request;
    const auto [filter, is_new] = filters.try_emplace(request.filter);
    if (is_new) {
      auto parsed = parse(request.filter);
      if (!parsed) {
        return std::unexpected(std::move(parsed.error()));
      }
      filter->second = std::move(*parsed);
    }
    prepared[i].filter = filter->second;
    for (const auto* list : {&request.like, &request.unlike}) {
      for (const auto& part : *list) {
        if (part.kind == QueryPart::Kind::kId) {
          prepared[i].asked_ids.push_back(part.value);
        }
      }
    }
    if (asks_by_vector(request)) {
      auto query = query_vector(request, vectors);
      if (!query) {
        return std::unexpected(std::move(query.error()));
      }
      prepared[i].query = std::move(*query);
    }
  }
  return prepared;
}

Result<void> Collection::Impl::check_names(const FilterExpression& filter, std::string_view subject) const {
  std::vector<std::string> known;
  for (const auto& column : store->settings().columns) {
    const auto path = parse_filter(fmt::format("exists {}", column));
    if (path) {
      known.push_back(std::get<std::string>(path->node().operand.path.steps.front()));
    }
  }
  std::set<std::string> seen;
  for (const auto& path : filter.referenced_paths()) {
    if (path.source != FilterSource::kMetadata) {
      continue;
    }
    const auto& name = std::get<std::string>(path.steps.front());
    if (std::ranges::find(known, name) != known.end()) {
      continue;
    }
    FilterNode exists{.op = FilterOp::kNull,
                      .negated = true,
                      .operand = {.path = {.source = FilterSource::kMetadata, .steps = {name}}, .is_length = false},
                      .values = {},
                      .children = {}};
    const auto any = store->any(FilterExpression(std::move(exists)));
    if (!any) {
      return std::unexpected(any.error());
    }
    if (*any) {
      known.push_back(name);
      continue;
    }
    seen.insert(name);
  }
  const auto count = seen.empty() ? Result<std::uint64_t>(0) : store->count(nullptr);
  if (!count) {
    return std::unexpected(count.error());
  }
  if (*count == 0) {
    return {};
  }
  const auto names = store->metadata_names(kNamesSampleMax);
  if (!names) {
    return std::unexpected(names.error());
  }
  known.insert(known.end(), names->begin(), names->end());
  return check_columns(filter, known, subject);
}

Result<std::optional<FilterExpression>> Collection::Impl::parse(std::string_view filter) const {
  if (filter.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return std::optional<FilterExpression>{};
  }
  auto parsed = parse_filter(filter);
  if (!parsed) {
    return std::unexpected(std::move(parsed.error()));
  }
  if (auto checked = check_names(*parsed); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  return std::optional(std::move(*parsed));
}

Result<std::vector<SearchHit>> Collection::Impl::ranked(const PreparedSearch& prepared, std::size_t count,
                                                        SearchExplanation& explanation) const {
  const auto& request = *prepared.request;
  const bool by_vector = asks_by_vector(request);
  const bool by_words = !request.keywords.empty();
  const std::size_t fetched =
      (by_vector && by_words ? std::max(count, kFusedCountMin) : count) + prepared.asked_ids.size();
  ItemParts parts = request.parts;
  parts.metadata = parts.metadata || !request.group_by.empty();
  parts.vector = parts.vector || request.diversity > 0.0;
  std::vector<SearchHit> near;
  std::vector<SearchHit> worded;
  if (by_vector) {
    auto asked = prepared.nearest();
    asked.k = fetched;
    asked.parts = parts;
    auto hits = store->nearest(asked);
    if (!hits) {
      return std::unexpected(std::move(hits.error()));
    }
    explanation = std::move(hits->explanation);
    near = std::move(hits->hits);
    leave_out(near, prepared.asked_ids);
  }
  if (by_words) {
    auto hits = store->keywords(
        {.keywords = request.keywords, .k = fetched, .filter = prepared.filter_or_null(), .parts = parts});
    if (!hits) {
      return std::unexpected(std::move(hits.error()));
    }
    explanation.plan += by_vector ? " and keywords" : "keywords";
    worded = std::move(hits->hits);
    leave_out(worded, prepared.asked_ids);
  }
  if (by_vector && by_words) {
    return fuse_rankings(std::move(near), std::move(worded), count);
  }
  auto hits = by_vector ? std::move(near) : std::move(worded);
  hits.resize(std::min(hits.size(), count));
  return hits;
}

Result<std::vector<SearchHit>> Collection::Impl::reordered(const PreparedSearch& prepared,
                                                           const std::optional<FilterPath>& group_path,
                                                           std::vector<SearchHit> hits) const {
  const auto& request = *prepared.request;
  if (request.diversity > 0.0) {
    const auto kept = group_path ? hits.size() : request.k;
    hits = diversify(std::move(hits), prepared.query, request.diversity, kept);
  }
  return group_path ? limit_groups(std::move(hits), *group_path, request.group_size, request.k)
                    : Result<std::vector<SearchHit>>(std::move(hits));
}

SearchResult Collection::Impl::plain_result(const PreparedSearch& prepared, StoreHits found) const {
  SearchResult result;
  const auto metric = store->settings().metric;
  result.larger_is_nearer = larger_is_nearer(metric);
  result.score_name = metric_name(metric);
  result.explanation = std::move(found.explanation);
  result.hits = std::move(found.hits);
  leave_out(result.hits, prepared.asked_ids);
  result.hits.resize(std::min(result.hits.size(), prepared.request->k));
  result.query = prepared.query;
  return result;
}

Result<SearchResult> Collection::Impl::search(const SearchRequest& request) const {
  const auto start = std::chrono::steady_clock::now();
  const auto prepared = prepare({&request, 1});
  if (!prepared) {
    return std::unexpected(prepared.error());
  }
  const auto group_by = parse_group_path(request.group_by);
  if (!group_by) {
    return std::unexpected(group_by.error());
  }
  // Without the column all items would be one group, and one result would look like the whole answer.
  if (auto known = *group_by ? check_names(**group_by, "group by") : Result<void>{}; !known) {
    return std::unexpected(known.error());
  }
  const auto group_path = *group_by ? std::optional((*group_by)->node().operand.path) : std::nullopt;
  SearchResult result;
  if (!request.keywords.empty()) {
    result.score_name = asks_by_vector(request) ? "reciprocal rank" : "bm25";
  } else {
    result.score_name = metric_name(store->settings().metric);
    result.larger_is_nearer = larger_is_nearer(store->settings().metric);
  }
  const bool reorders = request.diversity > 0.0 || group_path;
  std::size_t count = reorders ? std::max(request.k * kDiversityFactor, kCandidateCountMin) : request.k;
  while (true) {
    auto hits = ranked(prepared->front(), count, result.explanation);
    if (!hits) {
      return std::unexpected(std::move(hits.error()));
    }
    const bool exhausted = hits->size() < count || count >= kSearchCountMax;
    auto ordered = reordered(prepared->front(), group_path, std::move(*hits));
    if (!ordered) {
      return std::unexpected(std::move(ordered.error()));
    }
    result.hits = std::move(*ordered);
    // Groups may have swallowed so many that more must be fetched.
    if (!group_path || result.hits.size() >= request.k || exhausted) {
      break;
    }
    count = std::min(count * kDiversityFactor, kSearchCountMax);
  }
  for (auto& hit : result.hits) {
    if (!request.parts.vector) {
      hit.item.vector.clear();
    }
    if (!request.parts.metadata) {
      hit.item.metadata.clear();
    }
  }
  result.query = prepared->front().query;
  result.explanation.latency_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace asterism
