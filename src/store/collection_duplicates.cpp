// Many questions at once, and items that are in a collection twice.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "store/collection_impl.hpp"
#include "store/unit_vector.hpp"

namespace asterism {
namespace {

// Items asked about at once, and neighbours of each at first: more are asked for where all are within the limit.
constexpr std::size_t kAskedCount = 512;
constexpr std::size_t kNeighborCountFirst = 16;

bool within(float score, float limit, Metric metric) {
  return larger_is_nearer(metric) ? score >= limit : score <= limit;
}

// Whether the plain way of a store is all that the request asks for.
bool is_plain(const SearchRequest& request) {
  return request.keywords.empty() && request.group_by.empty() && request.diversity == 0.0;
}

class NearPairs {
 public:
  NearPairs(const VectorStore& store, float limit, std::vector<DuplicatePair>& pairs)
      : store_(store), limit_(limit), pairs_(pairs) {
    for (const auto& pair : pairs) {
      seen_.insert(key_of(pair.id, pair.duplicate_id));
    }
  }

  // Neighbours of some items, which are earlier in the collection than those to come.
  Result<void> ask(std::vector<Item> items) {
    const auto metric = store_.settings().metric;
    if (metric == Metric::kCosine) {
      for (auto& item : items) {
        item.vector = unit_vector(item.vector);
      }
    }
    for (std::size_t k = kNeighborCountFirst; !items.empty(); k *= 4) {
      std::vector<NearestRequest> requests;
      requests.reserve(items.size());
      for (const auto& item : items) {
        requests.push_back({.query = item.vector,
                            .k = std::min(k, kSearchCountMax),
                            .parts = {.metadata = false, .content = false, .data = false, .vector = false}});
      }
      auto results = store_.nearest_batch(requests);
      if (!results) {
        return std::unexpected(std::move(results.error()));
      }
      std::vector<Item> unfinished;
      for (std::size_t i = 0; i < items.size(); ++i) {
        const auto& hits = (*results)[i].hits;
        const bool more =
            hits.size() == requests[i].k && within(hits.back().score, limit_, metric) && k < kSearchCountMax;
        if (more) {
          unfinished.push_back(std::move(items[i]));
        } else {
          take(items[i], hits);
        }
      }
      items = std::move(unfinished);
      // Each of these has k neighbours within the limit, of which a pair has two at most: told before more are asked
      // for.
      if (pairs_.size() > kDuplicatePairsMax || items.size() * (k - 1) / 2 > kDuplicatePairsMax) {
        return fail(
            ErrorCode::kLimitExceeded,
            fmt::format("duplicates: expected at most {} pairs within {}, found more", kDuplicatePairsMax, limit_),
            "a stricter threshold has fewer");
      }
    }
    return {};
  }

 private:
  // The same for both orders: ids are numbered as they come, fewer of them than there are pairs.
  std::uint64_t key_of(const std::string& a, const std::string& b) {
    const auto number = [&](const std::string& id) { return numbers_.try_emplace(id, numbers_.size()).first->second; };
    const auto [low, high] = std::minmax({number(a), number(b)});
    return low << 32U | high;
  }

  void take(const Item& item, std::span<const SearchHit> hits) {
    for (const auto& hit : hits) {
      if (hit.item.id == item.id || !within(hit.score, limit_, store_.settings().metric) ||
          !seen_.insert(key_of(item.id, hit.item.id)).second) {
        continue;
      }
      pairs_.push_back({.id = item.id, .duplicate_id = hit.item.id, .score = hit.score, .equal_content = false});
    }
  }

  const VectorStore& store_;
  const float limit_;
  std::vector<DuplicatePair>& pairs_;
  std::unordered_map<std::string, std::uint64_t> numbers_;
  std::unordered_set<std::uint64_t> seen_;
};

}  // namespace

Result<std::vector<SearchResult>> Collection::search_batch(std::span<const SearchRequest> requests) const {
  std::vector<SearchResult> results;
  results.reserve(requests.size());
  if (!std::ranges::all_of(requests, is_plain)) {
    for (const auto& request : requests) {
      auto result = search(request);
      if (!result) {
        return std::unexpected(std::move(result.error()));
      }
      results.push_back(std::move(*result));
    }
    return results;
  }
  auto prepared = impl_->prepare(requests);
  if (!prepared) {
    return std::unexpected(std::move(prepared.error()));
  }
  std::vector<NearestRequest> plain;
  plain.reserve(requests.size());
  for (const auto& question : *prepared) {
    plain.push_back(question.nearest());
  }
  auto found = impl_->store->nearest_batch(plain);
  if (!found) {
    return std::unexpected(std::move(found.error()));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    results.push_back(impl_->plain_result((*prepared)[i], std::move((*found)[i])));
  }
  return results;
}

Result<std::vector<DuplicatePair>> Collection::duplicates(std::optional<float> score_limit,
                                                          const LongWork& work) const {
  constexpr float kRounding = 1e-3F;
  if (score_limit && impl_->store->settings().metric == Metric::kCosine && std::abs(*score_limit) > 1.0F + kRounding) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("duplicates: expected a cosine of -1 to 1, found {}", *score_limit),
                "0.98 finds texts and pictures that are nearly equal");
  }
  auto pairs = impl_->store->equal_contents();
  if (!pairs && pairs.error().code != ErrorCode::kUnsupported) {
    return std::unexpected(std::move(pairs.error()));
  }
  std::vector<DuplicatePair> found = pairs ? std::move(*pairs) : std::vector<DuplicatePair>{};
  if (!score_limit) {
    return pairs ? Result<std::vector<DuplicatePair>>(std::move(found)) : std::unexpected(std::move(pairs.error()));
  }
  const auto total = impl_->store->count(nullptr);
  if (!total) {
    return std::unexpected(total.error());
  }
  NearPairs near(*impl_->store, *score_limit, found);
  std::vector<Item> asked;
  std::uint64_t done = 0;
  const auto ask = [&]() -> Result<void> {
    if (work.cancel != nullptr && work.cancel->requested()) {
      return fail(ErrorCode::kCancelled, fmt::format("duplicates: stopped after {} of {} items", done, *total));
    }
    done += asked.size();
    auto answered = near.ask(std::exchange(asked, {}));
    if (answered && work.progress) {
      work.progress({.done = done, .total = *total, .stage = "comparing"});
    }
    return answered;
  };
  auto scanned = impl_->store->scan(nullptr, {.metadata = false, .content = false, .data = false, .vector = true},
                                    [&](Item&& item) -> Result<void> {
                                      asked.push_back(std::move(item));
                                      return asked.size() < kAskedCount ? Result<void>{} : ask();
                                    });
  if (scanned && !asked.empty()) {
    scanned = ask();
  }
  if (!scanned) {
    return std::unexpected(std::move(scanned.error()));
  }
  return found;
}

}  // namespace asterism
