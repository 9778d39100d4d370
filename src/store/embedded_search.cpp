// Searching the embedded store: the view of the present state, filters as sets of rows, hits with their items.
#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <utility>

#include "base/first_error.hpp"
#include "store/embedded_lease.hpp"
#include "store/embedded_store.hpp"
#include "store/keyword_query.hpp"
#include "store/sqlite_condition.hpp"

namespace asterism {
namespace {

// A search meets a write between taking its transaction and looking at the view, or a damaged file, and starts anew.
constexpr int kAttemptCountMax = 8;
// Sets of rows kept for filters that are asked again.
constexpr std::size_t kAllowedCountMax = 32;
constexpr std::size_t kExpansionDefault = 64;

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::size_t EmbeddedStore::expansion() const {
  const std::scoped_lock lock(recall_mutex_);
  return recall_ ? recall_->expansion : kExpansionDefault;
}

Result<void> EmbeddedStore::renew_view(ItemReader& reader, const StoreState& state) const {
  const auto usable_files = [&]() -> Result<IndexFiles> {
    auto files = open_index_files(index_folder(), settings_);
    if (!files.vectors) {
      return files;
    }
    const auto stamp = reader.stamp(files.version);
    if (!stamp) {
      return std::unexpected(stamp.error());
    }
    if (*stamp != files.stamp) {
      files = {};
      files.problem = "the index is of another state of the collection than any that it had";
    }
    return files;
  };
  {
    const std::scoped_lock lock(allowed_mutex_);
    allowed_.clear();
  }
  const bool look_again = view_ && view_->later_row_count() > kLaterRowCountMax;
  if (look_again) {
    const auto names = read_index_names(index_folder());
    if (names && *names && (*names)->version > view_->files().version && index_problem_.empty()) {
      view_.reset();
    }
  }
  if (view_) {
    const auto current = view_->refresh(reader, state);
    if (!current) {
      view_.reset();
      return std::unexpected(current.error());
    }
    if (*current) {
      return {};
    }
  }
  IndexFiles files;
  files.problem = index_problem_;
  if (index_problem_.empty()) {
    auto opened = usable_files();
    if (!opened) {
      return std::unexpected(std::move(opened.error()));
    }
    files = std::move(*opened);
  }
  view_ = std::make_unique<SearchView>(settings_, std::move(files));
  const auto current = view_->refresh(reader, state);
  if (!current) {
    view_.reset();
    return std::unexpected(current.error());
  }
  if (*current) {
    return {};
  }
  IndexFiles none;
  none.problem = "the index is too old to be brought up to date";
  view_ = std::make_unique<SearchView>(settings_, std::move(none));
  const auto loaded = view_->refresh(reader, state);
  return loaded ? Result<void>{} : std::unexpected(loaded.error());
}

Result<std::optional<std::shared_lock<std::shared_mutex>>> EmbeddedStore::view_at(ItemReader& reader) const {
  const auto state = reader.state();
  if (!state) {
    return std::unexpected(state.error());
  }
  const auto shown = moment_.version.value_or(state->version);
  const auto try_lock = [&]() -> std::optional<std::shared_lock<std::shared_mutex>> {
    std::shared_lock lock(view_mutex_);
    return view_ && view_->version() == shown ? std::optional(std::move(lock)) : std::nullopt;
  };
  if (auto lock = try_lock()) {
    return lock;
  }
  {
    const std::unique_lock lock(view_mutex_);
    if (!view_ || view_->version().value_or(-1) < shown) {
      if (auto renewed = renew_view(reader, *state); !renewed) {
        return std::unexpected(std::move(renewed.error()));
      }
    }
  }
  return try_lock();
}

Result<EmbeddedStore::SharedAllowed> EmbeddedStore::allowed_rows(ItemReader& reader,
                                                                 const FilterExpression& filter) const {
  const auto text = filter.to_text();
  {
    const std::scoped_lock lock(allowed_mutex_);
    if (const auto found = allowed_.find(text); found != allowed_.end()) {
      return found->second;
    }
  }
  const auto slots = reader.slots_where(sqlite_condition(&filter));
  if (!slots) {
    return std::unexpected(slots.error());
  }
  auto allowed = std::make_shared<const AllowedRows>(view_->allow(*slots));
  const std::scoped_lock lock(allowed_mutex_);
  if (allowed_.size() >= kAllowedCountMax) {
    allowed_.clear();
  }
  allowed_.insert_or_assign(text, allowed);
  return allowed;
}

Result<std::optional<ViewHits>> EmbeddedStore::search_view(ItemReader& reader, const NearestRequest& request,
                                                           ThreadPool* pool) const {
  auto lock = view_at(reader);
  if (!lock) {
    return std::unexpected(std::move(lock.error()));
  }
  if (!*lock) {
    return std::optional<ViewHits>{};
  }
  SharedAllowed allowed;
  if (request.filter != nullptr) {
    auto rows = allowed_rows(reader, *request.filter);
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    allowed = std::move(*rows);
  }
  auto hits = view_->nearest({.query = request.query,
                              .k = request.k,
                              .allowed = allowed.get(),
                              .mode = request.mode,
                              .score_limit = request.score_limit,
                              .expansion = request.expansion == 0 ? expansion() : request.expansion,
                              .pool = pool});
  if (hits) {
    return std::optional(std::move(*hits));
  }
  if (hits.error().code != ErrorCode::kCorrupt) {
    return std::unexpected(std::move(hits.error()));
  }
  (*lock)->unlock();
  const std::unique_lock change(view_mutex_);
  index_problem_ = hits.error().message;
  view_.reset();
  return std::optional<ViewHits>{};
}

Result<std::optional<StoreHits>> EmbeddedStore::items_of(ItemReader& reader, ViewHits found,
                                                         const ItemParts& parts) const {
  StoreHits result{.hits = {}, .explanation = std::move(found.explanation)};
  result.hits.reserve(found.hits.size());
  for (const auto& hit : found.hits) {
    auto item = reader.item(hit.slot, parts, settings_);
    if (!item) {
      return std::unexpected(std::move(item.error()));
    }
    if (!*item) {
      return std::optional<StoreHits>{};
    }
    result.hits.push_back({.item = std::move(**item), .score = hit.score});
  }
  return std::optional(std::move(result));
}

Result<StoreHits> EmbeddedStore::nearest_with(ItemReader& reader, const NearestRequest& request,
                                              ThreadPool* pool) const {
  const auto start = std::chrono::steady_clock::now();
  for (int attempt = 0; attempt < kAttemptCountMax; ++attempt) {
    const auto transaction = sqlite::Transaction::begin(reader.connection(), sqlite::Transaction::Kind::kRead);
    if (!transaction) {
      return std::unexpected(transaction.error());
    }
    auto found = search_view(reader, request, pool);
    if (!found) {
      return std::unexpected(std::move(found.error()));
    }
    if (!*found) {
      continue;
    }
    auto hits = items_of(reader, std::move(**found), request.parts);
    if (!hits) {
      return std::unexpected(std::move(hits.error()));
    }
    if (*hits) {
      (*hits)->explanation.latency_ms = milliseconds_since(start);
      return std::move(**hits);
    }
    const std::unique_lock change(view_mutex_);
    index_problem_ = "the index names rows that are not there";
    view_.reset();
  }
  return fail(ErrorCode::kIo, fmt::format("{}: written to without a pause: no moment to search it", folder_.string()),
              "try again, or search a named version");
}

Result<StoreHits> EmbeddedStore::nearest(const NearestRequest& request) const {
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  // Whoever comes first has the threads; others search on their own.
  const std::unique_lock pool(pool_mutex_, std::try_to_lock);
  return nearest_with(**reader, request, pool.owns_lock() ? &pool_ : nullptr);
}

Result<std::vector<StoreHits>> EmbeddedStore::nearest_batch(std::span<const NearestRequest> requests) const {
  std::vector<StoreHits> results(requests.size());
  FirstError error;
  const auto search = [&](std::size_t begin, std::size_t end) {
    auto reader = lease();
    if (!reader) {
      error.set(std::move(reader.error()));
      return;
    }
    for (std::size_t i = begin; i < end && !error.is_set(); ++i) {
      auto hits = nearest_with(**reader, requests[i], nullptr);
      if (!hits) {
        error.set(std::move(hits.error()));
        return;
      }
      results[i] = std::move(*hits);
    }
  };
  // While an index is built its threads are taken: the questions are not kept waiting for that.
  const std::unique_lock pool(pool_mutex_, std::try_to_lock);
  if (pool.owns_lock()) {
    pool_.parallel_for(requests.size(), 1, search);
  } else {
    search(0, requests.size());
  }
  if (auto first = error.take()) {
    return std::unexpected(std::move(*first));
  }
  return results;
}

Result<StoreHits> EmbeddedStore::keywords(const KeywordRequest& request) const {
  if (settings_.text_columns.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: keywords are sought in declared text columns, and there are none", folder_.string()),
                "make the collection with --text-columns PATH, or --text-columns '$content' for the texts themselves");
  }
  const auto start = std::chrono::steady_clock::now();
  const auto query = keyword_query(request.keywords);
  StoreHits result;
  result.explanation.plan = "keywords";
  if (query.empty()) {
    result.explanation.reason = "no words in the question";
    return result;
  }
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const auto transaction = sqlite::Transaction::begin((*reader)->connection(), sqlite::Transaction::Kind::kRead);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  const auto found = (*reader)->keyword_slots(query, sqlite_condition(request.filter), request.k);
  if (!found) {
    return std::unexpected(found.error());
  }
  for (const auto& [slot, score] : *found) {
    auto item = (*reader)->item(slot, request.parts, settings_);
    if (!item) {
      return std::unexpected(std::move(item.error()));
    }
    if (*item) {
      result.hits.push_back({.item = std::move(**item), .score = static_cast<float>(score)});
    }
  }
  result.explanation.latency_ms = milliseconds_since(start);
  return result;
}

}  // namespace asterism
