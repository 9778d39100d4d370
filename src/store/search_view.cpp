#include "store/search_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "index/recall.hpp"

namespace asterism {
namespace {

void set_bit(std::vector<std::uint64_t>& words, std::size_t i) {
  words[i / 64] |= std::uint64_t{1} << (i % 64);
}

// Clears it; whether it was set.
bool take_bit(std::vector<std::uint64_t>& words, std::size_t i) {
  const std::uint64_t bit = std::uint64_t{1} << (i % 64);
  const bool was_set = (words[i / 64] & bit) != 0;
  words[i / 64] &= ~bit;
  return was_set;
}

std::size_t word_count(std::size_t bit_count) {
  return (bit_count + 63) / 64;
}

std::string filtered_text(const ViewQuery& query) {
  return query.allowed != nullptr ? " over filtered rows" : "";
}

// How the graph's index did a filtered search.
std::string_view plan_name(FilteredPlan::Way way) {
  switch (way) {
    case FilteredPlan::Way::kGraph:
      return "graph with filter";
    case FilteredPlan::Way::kWideGraph:
      return "graph, wider for a filter";
    case FilteredPlan::Way::kSketchScan:
      return "sketches of filtered rows, then codes, then exact";
    case FilteredPlan::Way::kCodeScan:
    case FilteredPlan::Way::kExactScan:  // few codes, where an exact scan was not wanted
      return "codes of filtered rows, then exact";
  }
  return "";
}

}  // namespace

SearchView::SearchView(const CollectionSettings& settings, IndexFiles files)
    : settings_(settings),
      files_(std::move(files)),
      stride_bytes_(vector_stride_bytes(settings.vector_type, settings.dim)) {
  const auto row_count = files_.row_count();
  file_alive_.resize(word_count(row_count));
  for (std::size_t position = 0; position < row_count; ++position) {
    if (files_.vectors->keys()[position] != 0) {
      set_bit(file_alive_, position);
      ++file_alive_count_;
    }
  }
  if (files_.vectors) {
    version_ = files_.version;
  }
}

Result<bool> SearchView::refresh(ItemReader& reader, const StoreState& state) {
  const auto shown = reader.moment().version.value_or(state.version);
  if (version_ == shown) {
    return true;
  }
  if (version_ && (*version_ > shown || *version_ < state.removed_horizon || reader.moment().version)) {
    return false;
  }
  if (version_) {
    if (auto gone = reader.scan_gone_after(*version_, [this](std::int64_t slot) { end_slot(slot); }); !gone) {
      return std::unexpected(std::move(gone.error()));
    }
    if (later_alive_count_ * 2 < later_slots_.size()) {
      drop_ended_later_rows();
    }
  }
  auto born = reader.vectors_born_after(version_.value_or(-1));
  if (!born) {
    return std::unexpected(std::move(born.error()));
  }
  if (auto appended = append_later(std::move(*born)); !appended) {
    return std::unexpected(std::move(appended.error()));
  }
  version_ = shown;
  return true;
}

Result<void> SearchView::append_later(VectorCursor cursor) {
  const auto size_bytes = vector_size_bytes(settings_.vector_type, settings_.dim);
  while (true) {
    const auto row = cursor.next();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      return {};
    }
    if ((*row)->value.size() != size_bytes) {
      return fail(ErrorCode::kCorrupt, fmt::format("vector of slot {}: expected {} bytes, found {}", (*row)->slot,
                                                   size_bytes, (*row)->value.size()));
    }
    const std::size_t i = later_slots_.size();
    later_data_.resize((i + 1) * stride_bytes_);
    std::memcpy(later_data_.data() + i * stride_bytes_, (*row)->value.data(), size_bytes);
    later_slots_.push_back((*row)->slot);
    later_alive_.resize(word_count(i + 1));
    set_bit(later_alive_, i);
    ++later_alive_count_;
  }
}

void SearchView::end_slot(std::int64_t slot) {
  if (const auto position = files_.positions ? files_.positions->find(slot) : std::nullopt) {
    file_alive_count_ -= take_bit(file_alive_, *position) ? 1U : 0U;
    return;
  }
  const auto found = std::ranges::lower_bound(later_slots_, slot);
  if (found != later_slots_.end() && *found == slot) {
    const auto i = static_cast<std::size_t>(found - later_slots_.begin());
    later_alive_count_ -= take_bit(later_alive_, i) ? 1U : 0U;
  }
}

void SearchView::drop_ended_later_rows() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < later_slots_.size(); ++i) {
    if (((later_alive_[i / 64] >> (i % 64)) & 1U) == 0) {
      continue;
    }
    std::memmove(later_data_.data() + kept * stride_bytes_, later_data_.data() + i * stride_bytes_, stride_bytes_);
    later_slots_[kept++] = later_slots_[i];
  }
  later_slots_.resize(kept);
  later_data_.resize(kept * stride_bytes_);
  later_data_.shrink_to_fit();
  later_alive_.assign(word_count(kept), 0);
  for (std::size_t i = 0; i < kept; ++i) {
    set_bit(later_alive_, i);
  }
}

AllowedRows SearchView::allow(std::span<const std::int64_t> slots) const {
  AllowedRows allowed{.file_words = std::vector<std::uint64_t>(file_alive_.size()),
                      .later_words = std::vector<std::uint64_t>(later_alive_.size())};
  for (const auto slot : slots) {
    if (const auto position = files_.positions ? files_.positions->find(slot) : std::nullopt) {
      if (is_alive(*position)) {
        set_bit(allowed.file_words, *position);
        ++allowed.file_count;
      }
      continue;
    }
    const auto found = std::ranges::lower_bound(later_slots_, slot);
    if (found != later_slots_.end() && *found == slot) {
      set_bit(allowed.later_words, static_cast<std::size_t>(found - later_slots_.begin()));
      ++allowed.later_count;
    }
  }
  return allowed;
}

std::optional<std::string> SearchView::index_need() const {
  if (row_count() == 0) {
    return std::nullopt;
  }
  if (!files_.problem.empty()) {
    return files_.problem;
  }
  if (later_slots_.size() > kLaterRowCountMax) {
    return fmt::format("{} rows came after the index", later_slots_.size());
  }
  // Of files written while there were fewer rows, followed by too few to be due.
  if (files_.vectors && !files_.graph && row_count() >= kGraphRowCountMin) {
    return fmt::format("{} rows have no graph", row_count());
  }
  const std::size_t hole_count = files_.row_count() - file_alive_count_;
  if (static_cast<double>(hole_count) > kHoleShareMax * static_cast<double>(files_.row_count())) {
    return fmt::format("{} of {} rows of the index are gone", hole_count, files_.row_count());
  }
  return std::nullopt;
}

VectorRows SearchView::later_rows() const {
  return {.data = later_data_,
          .row_count = later_slots_.size(),
          .dim = settings_.dim,
          .type = settings_.vector_type,
          .stride_bytes = stride_bytes_};
}

Result<std::vector<Hit>> SearchView::scan(const VectorRows& rows, const ViewQuery& query,
                                          const AllowedPositions& allowed) const {
  const ScanOptions options{.metric = settings_.metric, .allowed = allowed, .pool = query.pool, .cancel = nullptr};
  return query.score_limit ? scan_range(rows, query.query, *query.score_limit, query.k, options)
                           : scan_nearest(rows, query.query, query.k, options);
}

Result<std::vector<Hit>> SearchView::search_file(const ViewQuery& query, SearchExplanation& explanation) const {
  const bool all = query.allowed == nullptr && file_alive_count_ == files_.row_count();
  const auto allowed =
      all ? AllowedPositions::all()
          : AllowedPositions::bitmap(query.allowed != nullptr ? query.allowed->file_words : file_alive_);
  const std::size_t allowed_count = query.allowed != nullptr ? query.allowed->file_count : file_alive_count_;
  const auto exact = [&](std::string reason) -> Result<std::vector<Hit>> {
    explanation.plan = "exact" + filtered_text(query);
    explanation.reason = std::move(reason);
    explanation.distance_count += allowed_count;
    return scan(files_.vectors->rows(), query, allowed);
  };
  if (query.mode == SearchMode::kExact) {
    return exact("asked for");
  }
  if (!files_.graph) {
    return exact(files_.problem.empty()
                     ? fmt::format("{} rows: fewer than {} are scanned as fast", files_.row_count(), kGraphRowCountMin)
                     : "no graph: " + files_.problem);
  }
  if (query.score_limit) {
    return exact("a score limit asks for all rows within it");
  }
  const std::size_t expansion = std::max(query.expansion, query.k);
  if (!all) {
    const auto plan = filtered_plan(allowed_count, files_.row_count(), {.k = query.k, .expansion = expansion}, false);
    if (plan.way == FilteredPlan::Way::kExactScan && query.mode != SearchMode::kApproximate) {
      return exact(std::string(plan.reason));
    }
  }
  if (expansion > kExpansionMax || expansion * 4 > files_.row_count()) {
    return exact(fmt::format("k = {} asks for a large part of all rows", query.k));
  }
  explanation.kernel = files_.graph->kernel_name();
  explanation.expansion = expansion;
  SearchCounters counters;
  auto hits =
      files_.graph->search_rescored(files_.vectors->rows(), query.query,
                                    {.k = query.k, .expansion = expansion, .allowed = allowed, .counters = &counters});
  explanation.plan = all ? "graph" : plan_name(counters.plan.way);
  explanation.reason =
      all ? fmt::format("{} rows in the graph", files_.row_count()) : std::string(counters.plan.reason);
  explanation.node_visited_count += counters.nodes_visited;
  explanation.distance_count += counters.distances_computed + counters.rows_rescored;
  // A walk may end in a corner of the graph with fewer than there are.
  if (hits && hits->size() < std::min(query.k, allowed_count)) {
    return exact("the walk found fewer rows than pass");
  }
  return hits;
}

Result<ViewHits> SearchView::nearest(const ViewQuery& query) const {
  ViewHits result;
  auto& explanation = result.explanation;
  explanation.row_count = row_count();
  explanation.filtered_row_count =
      query.allowed != nullptr ? query.allowed->file_count + query.allowed->later_count : row_count();
  explanation.plan = "exact" + filtered_text(query);
  explanation.reason = files_.problem.empty() ? fmt::format("{} rows, all in memory", row_count()) : files_.problem;
  if (query.k == 0) {
    return result;
  }
  if (files_.vectors) {
    const auto hits = search_file(query, explanation);
    if (!hits) {
      return std::unexpected(hits.error());
    }
    for (const auto& hit : *hits) {
      result.hits.push_back({static_cast<std::int64_t>(files_.vectors->keys()[hit.position]), hit.value});
    }
  }
  if (later_alive_count_ > 0) {
    const auto& words = query.allowed != nullptr ? query.allowed->later_words : later_alive_;
    const auto hits = scan(later_rows(), query, AllowedPositions::bitmap(words));
    if (!hits) {
      return std::unexpected(hits.error());
    }
    explanation.distance_count += query.allowed != nullptr ? query.allowed->later_count : later_alive_count_;
    for (const auto& hit : *hits) {
      result.hits.push_back({later_slots_[hit.position], hit.value});
    }
  }
  const bool larger = larger_is_nearer(settings_.metric);
  std::ranges::sort(result.hits, [larger](const SlotHit& a, const SlotHit& b) {
    return a.score == b.score ? a.slot < b.slot : (a.score > b.score) == larger;
  });
  result.hits.resize(std::min(result.hits.size(), query.k));
  return result;
}

Result<CollectionTuneResult> SearchView::tune(const CollectionTuneOptions& options, ThreadPool& pool,
                                              const CancelFlag* cancel) const {
  const auto rows = files_.vectors->rows();
  const auto alive = AllowedPositions::bitmap(file_alive_);
  const auto queries = sample_rows(rows, alive, options.query_count);
  if (!queries) {
    return std::unexpected(queries.error());
  }
  const auto query_count = queries->size() / settings_.dim;
  TuneOptions how;
  how.k = options.k + 1;  // a row finds itself
  how.recall_target = options.recall;
  how.allowed = alive;
  how.pool = &pool;
  how.cancel = cancel;
  const auto tuned = tune_expansion(*files_.graph, rows, *queries, query_count, how);
  if (!tuned) {
    return std::unexpected(tuned.error());
  }
  CollectionTuneResult result;
  for (const auto& point : tuned->curve) {
    result.curve.push_back(
        {.expansion = point.expansion, .recall = point.recall, .queries_per_second = point.queries_per_second});
    if (point.expansion == tuned->expansion) {
      result.chosen.recall = point.recall;
    }
  }
  result.chosen.k = options.k;
  result.chosen.query_count = query_count;
  result.chosen.expansion = std::max(tuned->expansion, kExpansionMin);
  result.chosen.target = options.recall;
  result.chosen.row_count = file_alive_count_;
  return result;
}

}  // namespace asterism
