// Nearest neighbours in Milvus.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "index/exact_scan.hpp"
#include "milvus/milvus_schema.hpp"
#include "milvus/milvus_store.hpp"

namespace asterism {
namespace {

using Stub = milvus::MilvusService::Stub;
using Clock = std::chrono::steady_clock;

// Vectors that come at once.
constexpr std::size_t kScanCount = 1'024;

std::string placeholder(std::span<const float> query) {
  std::string bytes(query.size_bytes(), '\0');
  std::memcpy(bytes.data(), query.data(), query.size_bytes());  // x86-64 and AArch64 Linux: little-endian, as asked
  milvus_common::PlaceholderGroup group;
  auto& value = *group.add_placeholders();
  value.set_tag("$0");
  value.set_type(milvus_common::PlaceholderFloatVector);
  value.add_values(std::move(bytes));
  return group.SerializeAsString();
}

bool is_within(Metric metric, float score, std::optional<float> limit) {
  return !limit || (larger_is_nearer(metric) ? score >= *limit : score <= *limit);
}

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

Result<StoreHits> MilvusStore::nearest(const NearestRequest& request) const {
  const auto start = Clock::now();
  auto found = request.mode == SearchMode::kExact ? nearest_by_scan(request) : nearest_by_index(request);
  if (found) {
    found->explanation.latency_ms = milliseconds_since(start);
  }
  return found;
}

// What to ask for: the server gives no more than a limit, which is enough where there are no more rows.
Result<std::size_t> MilvusStore::result_count(std::size_t k) const {
  if (k <= kMilvusResultCountMax) {
    return k;
  }
  const auto rows = count(nullptr);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  if (*rows <= kMilvusResultCountMax) {
    return kMilvusResultCountMax;
  }
  return fail(
      ErrorCode::kUnsupported,
      fmt::format("search: expected at most {} answers from a milvus collection, found {}", kMilvusResultCountMax, k),
      "ask for fewer, or for an exact search");
}

Result<StoreHits> MilvusStore::nearest_by_index(const NearestRequest& request) const {
  const auto k = result_count(request.k);
  const auto passing = request.filter != nullptr ? expression(request.filter) : Result<std::string>("");
  if (!k || !passing) {
    return std::unexpected(k ? passing.error() : k.error());
  }
  // Servers differ in what they call a Euclidean distance (milvus-lite takes the root, Milvus does not): computed here.
  auto parts = request.parts;
  parts.vector = parts.vector || settings_.metric == Metric::kEuclidean;
  const auto expansion = std::max(request.expansion == 0 ? kMilvusExpansionDefault : request.expansion, *k);

  milvus::SearchRequest search;
  search.set_dsl(*passing);
  search.set_dsl_type(milvus_common::BoolExprV1);
  search.set_placeholder_group(placeholder(request.query));
  search.set_nq(1);
  search.set_consistency_level(milvus_common::Strong);
  for (auto& column : milvus_columns(parts)) {
    search.add_output_fields(std::move(column));
  }
  auto& parameters = *search.mutable_search_params();
  add_parameter(parameters, "anns_field", kMilvusVector);
  add_parameter(parameters, "topk", std::to_string(*k));
  add_parameter(parameters, "metric_type", milvus_metric(settings_.metric));
  add_parameter(parameters, "round_decimal", "-1");
  add_parameter(parameters, "params", fmt::format(R"({{"ef":{}}})", expansion));
  const auto results = connection_.call(&Stub::Search, {.name = "Search"}, std::move(search));
  if (!results) {
    return std::unexpected(results.error());
  }
  const auto& data = results->results();
  auto rows = read_milvus_rows(data.fields_data(), &data.ids(), settings_.dim, connection_.address().shown);
  if (!rows) {
    return std::unexpected(std::move(rows.error()));
  }
  if (static_cast<std::size_t>(data.scores_size()) != rows->size()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: the server's answer: {} scores for {} hits",
                                                 connection_.address().shown, data.scores_size(), rows->size()));
  }
  return hits_of(request, std::move(*rows), {data.scores().begin(), data.scores().end()}, expansion);
}

StoreHits MilvusStore::hits_of(const NearestRequest& request, std::vector<MilvusRow>&& rows, std::vector<float> scores,
                               std::size_t expansion) const {
  struct Ranked {
    float score;
    MilvusRow row;
  };
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& vector = rows[i].item.vector;
    if (settings_.metric == Metric::kEuclidean) {
      scores[i] = RowScorer(float_rows(vector, settings_.dim), request.query, settings_.metric)(0);
    }
    if (!request.parts.vector) {
      vector.clear();
    }
    if (is_within(settings_.metric, scores[i], request.score_limit)) {
      ranked.push_back({scores[i], std::move(rows[i])});
    }
  }
  std::ranges::sort(ranked, [&](const Ranked& a, const Ranked& b) {
    return a.score == b.score ? std::tie(a.row.slot, a.row.item.id) < std::tie(b.row.slot, b.row.item.id)
                              : (a.score > b.score) == larger_is_nearer(settings_.metric);
  });
  StoreHits hits;
  for (auto& one : ranked) {
    hits.hits.push_back({.item = std::move(one.row.item), .score = one.score});
  }
  hits.explanation.plan = request.filter != nullptr ? "graph with filter" : "graph";
  hits.explanation.reason = "the server's index; it may compare every row where there are few";
  hits.explanation.expansion = expansion;
  return hits;
}

Result<StoreHits> MilvusStore::nearest_by_scan(const NearestRequest& request) const {
  const auto passing = expression(request.filter);
  const auto found = passing ? keys(*passing) : std::unexpected(passing.error());
  if (!found) {
    return std::unexpected(found.error());
  }
  // Positions are those of keys, so that equal scores are in the order of slots.
  std::unordered_map<std::string_view, std::uint32_t> position;
  for (const auto& key : *found) {
    position.emplace(key.id, static_cast<std::uint32_t>(position.size()));
  }
  const auto nearer = [&](const Hit& a, const Hit& b) { return is_nearer(settings_.metric, a, b); };
  std::vector<Hit> best;
  std::uint64_t compared_count = 0;
  std::vector<std::string> ids;
  const auto compare = [&]() -> Result<void> {
    const auto rows = fetch(ids, {.metadata = false, .content = false, .data = false, .vector = true});
    if (!rows) {
      return std::unexpected(rows.error());
    }
    ids.clear();
    compared_count += rows->size();
    for (const auto& row : *rows) {
      const auto vectors = float_rows(row.item.vector, settings_.dim);
      const float score = RowScorer(vectors, request.query, settings_.metric)(0);
      if (is_within(settings_.metric, score, request.score_limit)) {
        best.push_back({position.at(row.item.id), score});
      }
    }
    std::ranges::sort(best, nearer);
    best.resize(std::min(best.size(), request.k));
    return {};
  };
  for (const auto& key : *found) {
    ids.push_back(key.id);
    if (ids.size() == kScanCount) {
      if (auto compared = compare(); !compared) {
        return std::unexpected(std::move(compared.error()));
      }
    }
  }
  if (auto compared = compare(); !compared) {
    return std::unexpected(std::move(compared.error()));
  }
  return hits_at(request, *found, best, compared_count);
}

Result<StoreHits> MilvusStore::hits_at(const NearestRequest& request, const std::vector<Key>& keys,
                                       const std::vector<Hit>& best, std::uint64_t compared_count) const {
  std::unordered_map<std::string_view, float> scores;
  std::vector<std::string> ids;
  for (const auto& hit : best) {
    ids.push_back(keys[hit.position].id);
    scores.emplace(keys[hit.position].id, hit.value);
  }
  auto rows = fetch(ids, request.parts);
  if (!rows) {
    return std::unexpected(std::move(rows.error()));
  }
  StoreHits hits;
  for (auto& row : *rows) {
    const float score = scores.at(row.item.id);
    hits.hits.push_back({.item = std::move(row.item), .score = score});
  }
  hits.explanation.plan = request.filter != nullptr ? "exact over filtered rows" : "exact";
  hits.explanation.reason = "asked for: the vectors are fetched and compared here";
  hits.explanation.filtered_row_count = keys.size();
  hits.explanation.row_count = request.filter == nullptr ? keys.size() : 0;
  hits.explanation.distance_count = compared_count;
  return hits;
}

}  // namespace asterism
