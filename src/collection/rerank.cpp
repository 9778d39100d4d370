#include "collection/rerank.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/json.hpp"
#include "kernels/distance.hpp"
#include "store/unit_vector.hpp"

namespace asterism {
namespace {

// Vectors of length 1, so that a cosine is a dot product. [hits, dim]
std::vector<std::vector<float>> unit_vectors(std::span<const SearchHit> hits) {
  std::vector<std::vector<float>> units;
  units.reserve(hits.size());
  for (const auto& hit : hits) {
    units.push_back(unit_vector(hit.item.vector));
  }
  return units;
}

const Json* member_at(const Json& object, const FilterPath& path) {
  const Json* value = &object;
  for (const auto& step : path.steps) {
    if (const auto* key = std::get_if<std::string>(&step)) {
      const auto found = value->is_object() ? value->find(*key) : value->end();
      if (!value->is_object() || found == value->end()) {
        return nullptr;
      }
      value = &*found;
    } else {
      const auto index = std::get<std::uint32_t>(step);
      if (!value->is_array() || index >= value->size()) {
        return nullptr;
      }
      value = &(*value)[index];
    }
  }
  return value;
}

}  // namespace

std::vector<SearchHit> fuse_rankings(std::vector<SearchHit> first, std::vector<SearchHit> second, std::size_t k) {
  std::vector<SearchHit> fused;
  std::vector<double> scores;
  std::unordered_map<std::string, std::size_t> places;
  for (auto* ranking : {&first, &second}) {
    for (std::size_t i = 0; i < ranking->size(); ++i) {
      const double share = 1.0 / (kReciprocalRankConstant + static_cast<double>(i + 1));
      const auto [place, is_new] = places.try_emplace((*ranking)[i].item.id, fused.size());
      if (is_new) {
        fused.push_back(std::move((*ranking)[i]));
        scores.push_back(0.0);
      }
      scores[place->second] += share;
    }
  }
  for (std::size_t i = 0; i < fused.size(); ++i) {
    fused[i].score = static_cast<float>(scores[i]);
  }
  std::ranges::stable_sort(fused, std::greater{}, &SearchHit::score);
  fused.resize(std::min(fused.size(), k));
  return fused;
}

Result<std::string> group_value(const Item& item, const FilterPath& path) {
  switch (path.source) {
    case FilterSource::kId:
      return item.id;
    case FilterSource::kKind:
      return std::string(item_kind_name(item.kind));
    case FilterSource::kContent:
      return item.content;
    case FilterSource::kMetadata:
      break;
  }
  const auto metadata = parse_json(item.metadata, "metadata");
  if (!metadata) {
    return std::unexpected(metadata.error());
  }
  const Json* value = member_at(*metadata, path);
  return value == nullptr ? "null" : value->dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<SearchHit>> limit_groups(std::vector<SearchHit> hits, const FilterPath& path, std::size_t group_size,
                                            std::size_t k) {
  std::map<std::string, std::size_t> counts;
  std::vector<SearchHit> kept;
  for (auto& hit : hits) {
    if (kept.size() == k) {
      break;
    }
    const auto value = group_value(hit.item, path);
    if (!value) {
      return std::unexpected(value.error());
    }
    if (counts[*value]++ < group_size) {
      kept.push_back(std::move(hit));
    }
  }
  return kept;
}

std::vector<SearchHit> diversify(std::vector<SearchHit> hits, std::span<const float> query, double diversity,
                                 std::size_t k) {
  const auto units = unit_vectors(hits);
  const auto unit_query = unit_vector(query);
  const auto lambda = static_cast<float>(1.0 - diversity);
  std::vector<float> relevance(hits.size());
  for (std::size_t i = 0; i < hits.size(); ++i) {
    relevance[i] = dot_product(units[i], unit_query);
  }
  std::vector<float> likeness(hits.size(), 0.0F);  // to the most alike of those chosen
  std::vector<bool> taken(hits.size(), false);
  std::vector<SearchHit> chosen;
  while (chosen.size() < std::min(k, hits.size())) {
    std::size_t best = hits.size();
    float best_value = -std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < hits.size(); ++i) {
      const float value = lambda * relevance[i] - (1.0F - lambda) * likeness[i];
      if (!taken[i] && value > best_value) {
        best = i;
        best_value = value;
      }
    }
    if (best == hits.size()) {
      break;
    }
    taken[best] = true;
    for (std::size_t i = 0; i < hits.size(); ++i) {
      const float cosine = dot_product(units[i], units[best]);
      likeness[i] = chosen.empty() ? cosine : std::max(likeness[i], cosine);
    }
    chosen.push_back(std::move(hits[best]));
  }
  return chosen;
}

}  // namespace asterism
