// Nearest neighbours in Milvus.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
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

// Questions of one call, and hits of all of them: a hit may come with 64 KB of text.
constexpr std::size_t kQuestionCountMax = 64;
constexpr std::size_t kHitCountMax = 4'096;

std::string placeholders(std::span<const NearestRequest> requests) {
  milvus_common::PlaceholderGroup group;
  auto& value = *group.add_placeholders();
  value.set_tag("$0");
  value.set_type(milvus_common::PlaceholderFloatVector);
  for (const auto& request : requests) {
    std::string bytes(request.query.size_bytes(), '\0');
    std::memcpy(bytes.data(), request.query.data(), bytes.size());  // x86-64, AArch64: little-endian, as asked
    value.add_values(std::move(bytes));
  }
  return group.SerializeAsString();
}

// Whether one call can ask both.
bool go_together(const NearestRequest& a, const NearestRequest& b) {
  return a.mode != SearchMode::kExact && b.mode != SearchMode::kExact && a.k == b.k && a.filter == b.filter &&
         a.expansion == b.expansion && a.parts.metadata == b.parts.metadata && a.parts.content == b.parts.content &&
         a.parts.vector == b.parts.vector;
}

std::size_t question_count(std::span<const NearestRequest> requests) {
  const auto count_max =
      std::clamp<std::size_t>(kHitCountMax / std::max<std::size_t>(requests.front().k, 1), 1, kQuestionCountMax);
  std::size_t count = 1;
  while (count < std::min(requests.size(), count_max) && go_together(requests.front(), requests[count])) {
    ++count;
  }
  return count;
}

bool is_within(Metric metric, float score, std::optional<float> limit) {
  return !limit || (larger_is_nearer(metric) ? score >= *limit : score <= *limit);
}

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

Result<StoreHits> MilvusStore::nearest(const NearestRequest& request) const {
  auto found = nearest_batch({&request, 1});
  return found ? Result<StoreHits>(std::move(found->front())) : std::unexpected(std::move(found.error()));
}

Result<std::vector<StoreHits>> MilvusStore::nearest_batch(std::span<const NearestRequest> requests) const {
  for (const auto& request : requests) {
    if (request.query.size() != settings_.dim) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("search: expected a vector of {} components, found {}",
                                                           settings_.dim, request.query.size()));
    }
  }
  std::vector<StoreHits> all;
  for (std::size_t begin = 0; begin < requests.size();) {
    const auto start = Clock::now();
    const auto some = requests.subspan(begin, question_count(requests.subspan(begin)));
    auto found = some.front().mode == SearchMode::kExact ? nearest_by_scan(some.front()) : nearest_by_index(some);
    if (!found) {
      return std::unexpected(std::move(found.error()));
    }
    const double latency_ms = milliseconds_since(start);
    for (auto& hits : *found) {
      hits.explanation.latency_ms = latency_ms;
      all.push_back(std::move(hits));
    }
    begin += some.size();
  }
  return all;
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

Result<milvus::SearchRequest> MilvusStore::search_request(std::span<const NearestRequest> requests,
                                                          std::size_t expansion) const {
  const auto& first = requests.front();
  const auto k = result_count(first.k);
  const auto passing = first.filter != nullptr ? expression(first.filter) : Result<std::string>("");
  if (!k || !passing) {
    return std::unexpected(k ? passing.error() : k.error());
  }
  auto parts = first.parts;
  parts.vector = parts.vector || settings_.metric == Metric::kEuclidean;
  milvus::SearchRequest search;
  search.set_dsl(*passing);
  search.set_dsl_type(milvus_common::BoolExprV1);
  search.set_placeholder_group(placeholders(requests));
  search.set_nq(static_cast<std::int64_t>(requests.size()));
  search.set_consistency_level(milvus_common::Strong);
  for (auto& column : milvus_columns(parts)) {
    search.add_output_fields(std::move(column));
  }
  auto& parameters = *search.mutable_search_params();
  add_parameter(parameters, "anns_field", kMilvusVector);
  add_parameter(parameters, "topk", std::to_string(*k));
  add_parameter(parameters, "metric_type", milvus_metric(settings_.metric));
  add_parameter(parameters, "round_decimal", "-1");
  add_parameter(parameters, "params", fmt::format(R"({{"ef":{}}})", std::max(expansion, *k)));
  return search;
}

// Requests that go together.
Result<std::vector<StoreHits>> MilvusStore::nearest_by_index(std::span<const NearestRequest> requests) const {
  const auto& first = requests.front();
  if (first.k == 0) {
    return std::vector<StoreHits>(requests.size());
  }
  const auto expansion = std::max(first.expansion == 0 ? kMilvusExpansionDefault : first.expansion,
                                  std::min(first.k, kMilvusResultCountMax));
  auto search = search_request(requests, expansion);
  if (!search) {
    return std::unexpected(std::move(search.error()));
  }
  const auto results = connection_.call(&Stub::Search, {.name = "Search"}, std::move(*search));
  if (!results) {
    return std::unexpected(results.error());
  }
  const auto& data = results->results();
  auto rows = read_milvus_rows(data.fields_data(), &data.ids(), settings_.dim, connection_.address().shown);
  if (!rows) {
    return std::unexpected(std::move(rows.error()));
  }
  auto counts = std::vector<std::int64_t>(data.topks().begin(), data.topks().end());
  if (counts.empty() && rows->empty()) {
    counts.resize(requests.size());
  }
  const bool is_whole = counts.size() == requests.size() && std::ranges::all_of(counts, [&](std::int64_t count) {
                          return count >= 0 && count <= std::ssize(*rows);
                        });
  const auto hit_count = is_whole ? std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) : -1;
  if (hit_count != std::ssize(*rows) || data.scores_size() != hit_count) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: the server's answer: {} scores for {} hits of {} questions",
                            connection_.address().shown, data.scores_size(), rows->size(), requests.size()));
  }
  std::vector<StoreHits> all;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto count = static_cast<std::size_t>(counts[i]);
    auto hits = hits_of(requests[i], std::span(*rows).subspan(begin, count), {data.scores().data() + begin, count});
    if (!hits) {
      return std::unexpected(std::move(hits.error()));
    }
    hits->explanation.expansion = expansion;
    all.push_back(std::move(*hits));
    begin += count;
  }
  return all;
}

Result<StoreHits> MilvusStore::hits_of(const NearestRequest& request, std::span<MilvusRow> rows,
                                       std::span<const float> scores) const {
  struct Ranked {
    float score;
    MilvusRow row;
  };
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& vector = rows[i].item.vector;
    float score = scores[i];
    // Servers differ in what they call a Euclidean distance: milvus-lite takes the root, Milvus does not.
    if (settings_.metric == Metric::kEuclidean) {
      const auto distance = compared(request, vector);
      if (!distance) {
        return std::unexpected(distance.error());
      }
      score = *distance;
    }
    if (!request.parts.vector) {
      vector.clear();
    }
    if (is_within(settings_.metric, score, request.score_limit)) {
      ranked.push_back({score, std::move(rows[i])});
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
  return hits;
}

Result<float> MilvusStore::compared(const NearestRequest& request, std::span<const float> vector) const {
  if (vector.size() != settings_.dim) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: the server's answer: expected vectors of {} components, found {}",
                                                 connection_.address().shown, settings_.dim, vector.size()));
  }
  return RowScorer(float_rows(vector, settings_.dim), request.query, settings_.metric)(0);
}

Result<std::vector<StoreHits>> MilvusStore::nearest_by_scan(const NearestRequest& request) const {
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
  const auto compare_page = [&]() -> Result<void> {
    const auto rows = fetch(ids, {.metadata = false, .content = false, .data = false, .vector = true});
    if (!rows) {
      return std::unexpected(rows.error());
    }
    ids.clear();
    compared_count += rows->size();
    for (const auto& row : *rows) {
      const auto score = compared(request, row.item.vector);
      if (!score) {
        return std::unexpected(score.error());
      }
      if (is_within(settings_.metric, *score, request.score_limit)) {
        best.push_back({position.at(row.item.id), *score});
      }
    }
    std::ranges::sort(best, nearer);
    best.resize(std::min(best.size(), request.k));
    return {};
  };
  for (const auto& key : *found) {
    ids.push_back(key.id);
    if (ids.size() == kScanCount) {
      if (auto page = compare_page(); !page) {
        return std::unexpected(std::move(page.error()));
      }
    }
  }
  if (auto page = compare_page(); !page) {
    return std::unexpected(std::move(page.error()));
  }
  return hits_at(request, *found, best, compared_count);
}

Result<std::vector<StoreHits>> MilvusStore::hits_at(const NearestRequest& request, const std::vector<Key>& keys,
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
  std::vector<StoreHits> one;
  one.push_back(std::move(hits));
  return one;
}

}  // namespace asterism
