#include "service/atlas_labels.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analysis/cluster_words.hpp"
#include "analysis/map_regions.hpp"
#include "service/text_words.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kLevelCount = 4;
constexpr std::size_t kBatchCount = 1000;
constexpr std::size_t kCandidateWordCount = 12;
// Shares of all texts, and of a word's texts: see tells_apart().
constexpr double kCommonWordShare = 0.05;
constexpr double kEverydayWordShare = 0.25;
constexpr double kHomeShare = 0.6;
constexpr std::string_view kAxes = "xyz";

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) {
    const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sum += difference * difference;
  }
  return sum;
}

// Of each region its rows nearest to the middle, nearest first.
std::vector<std::vector<std::uint32_t>> typical_rows(const RowsView& points, const MapLevel& level) {
  struct Candidate {
    double distance = 0.0;
    std::uint32_t row = 0;
    auto operator<=>(const Candidate&) const = default;
  };
  std::vector<std::vector<Candidate>> nearest(level.regions.size());
  for (std::uint32_t row = 0; row < points.row_count; ++row) {
    const std::uint32_t region = level.region_of[row];
    if (region == kNoRegion) {
      continue;
    }
    std::vector<Candidate>& found = nearest[region];
    found.push_back({.distance = squared_distance(points.row(row), level.regions[region].center), .row = row});
    std::ranges::sort(found);
    found.resize(std::min(found.size(), kTypicalRowCount));
  }
  std::vector<std::vector<std::uint32_t>> out;
  for (const auto& found : nearest) {
    auto& rows = out.emplace_back();
    std::ranges::transform(found, std::back_inserter(rows), &Candidate::row);
  }
  return out;
}

Json label_json(const MapRegion& region) {
  Json out = Json::object();
  for (std::size_t d = 0; d < region.center.size(); ++d) {
    out[std::string(1, kAxes[d])] = region.center[d];
  }
  out["count"] = region.row_count;
  return out;
}

// "football, goal, team" of each region of each level; the same pass over the texts serves all levels.
class RegionWords {
 public:
  explicit RegionWords(std::span<const MapLevel> levels) : levels_(levels) {
    for (const MapLevel& level : levels) {
      words_.emplace_back(level.regions.size(), ClusterWordsOptions{.word_count = kCandidateWordCount});
    }
  }

  Result<void> read(const Collection& collection, const AtlasSnapshot& snapshot, const AnalysisRun& run) {
    const std::size_t step = (snapshot.row_count() + kLabelTextCountMax - 1) / kLabelTextCountMax;
    const ItemParts parts{.metadata = false, .content = true, .data = false, .vector = false};
    std::vector<std::string> ids;
    for (std::size_t row = 0; row < snapshot.row_count(); row += step) {
      ids.emplace_back(snapshot.ids.id(row));
      if (ids.size() < kBatchCount && row + step < snapshot.row_count()) {
        continue;
      }
      if (run.is_cancelled()) {
        return fail(ErrorCode::kCancelled, "labels: stopped");
      }
      const auto items = collection.get(ids, parts);
      if (!items) {
        return std::unexpected(items.error());
      }
      for (const auto& item : *items) {
        if (item && item->kind == ItemKind::kText) {
          add(snapshot.ids.row(item->id), item->content);
        }
      }
      ids.clear();
      if (run.progress) {
        run.progress("labels", row, snapshot.row_count());
      }
    }
    return {};
  }

  // Of each region; empty where its texts have no words of their own.
  std::vector<std::string> labels(std::size_t level) const {
    std::vector<std::string> out;
    for (const auto& words : words_[level].top()) {
      std::string& text = out.emplace_back();
      std::size_t word_count = 0;
      for (const ClusterWord& word : words) {
        if (word_count < kLabelWordCount && tells_apart(word)) {
          text += (text.empty() ? "" : ", ") + word.word;
          ++word_count;
        }
      }
    }
    return out;
  }

 private:
  // Words of every fourth text, or that are as much at home elsewhere, name no region.
  bool tells_apart(const ClusterWord& word) const {
    const auto found = text_counts_.find(word.word);
    const auto everywhere = static_cast<double>(found == text_counts_.end() ? 0 : found->second);
    const double share = everywhere / static_cast<double>(text_count_);
    return share <= kCommonWordShare ||
           (share <= kEverydayWordShare && static_cast<double>(word.document_count) >= kHomeShare * everywhere);
  }

  void add(std::optional<std::uint32_t> row, std::string_view text) {
    const std::vector<std::string> words = words_of(text.substr(0, kLabelTextSizeBytesMax));
    ++text_count_;
    for (const std::string& word : std::set<std::string>(words.begin(), words.end())) {
      ++text_counts_[word];
    }
    for (std::size_t i = 0; row && i < levels_.size(); ++i) {
      const std::uint32_t region = levels_[i].region_of[*row];
      if (region == kNoRegion) {
        words_[i].add_outside(words);
      } else {
        words_[i].add(region, words);
      }
    }
  }

  std::span<const MapLevel> levels_;
  std::vector<ClusterWords> words_;                             // of each level
  std::unordered_map<std::string, std::uint64_t> text_counts_;  // texts that have a word
  std::uint64_t text_count_ = 0;
};

}  // namespace

Result<Json> map_labels(const Collection& collection, const AtlasSnapshot& snapshot, const AtlasMap& map,
                        const AnalysisRun& run) {
  const auto levels = map_regions(map.view(), {.level_count = kLevelCount});
  if (!levels) {
    return std::unexpected(levels.error());
  }
  RegionWords words(*levels);
  if (snapshot.kind == ItemKind::kText) {
    if (auto read = words.read(collection, snapshot, run); !read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  Json out = Json::array();
  std::uint64_t zoom = 1;
  for (std::size_t at = 0; at < levels->size(); ++at) {
    const MapLevel& level = (*levels)[at];
    Json labels = Json::array();
    const auto texts = snapshot.kind == ItemKind::kText ? words.labels(at) : std::vector<std::string>();
    const auto rows =
        snapshot.kind == ItemKind::kImage ? typical_rows(map.view(), level) : std::vector<std::vector<std::uint32_t>>();
    for (std::size_t i = 0; i < level.regions.size(); ++i) {
      Json label = label_json(level.regions[i]);
      if (!texts.empty()) {
        label["text"] = texts[i];
      }
      if (!rows.empty()) {
        label["rows"] = rows[i];
      }
      labels.push_back(std::move(label));
    }
    out.push_back({{"zoom", zoom}, {"labels", std::move(labels)}});
    zoom *= 2;
  }
  return Json{{"levels", std::move(out)}};
}

}  // namespace asterism::service
