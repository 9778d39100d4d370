// What keeps an embedded collection fast, small and sound: building the index, compacting, verifying, tuning.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "index/recall.hpp"
#include "store/embedded_lease.hpp"
#include "store/embedded_store.hpp"
#include "store/index_builder.hpp"
#include "store/recall_json.hpp"
#include "store/utc_time.hpp"

namespace asterism {
namespace {

// Questions of the measurement that building makes by itself.
constexpr std::size_t kCheckedQueryCount = 100;
// And the recall that it asks for, until `tune` says another.
constexpr double kRecallDefault = 0.99;

// The texts that SQLite's own check finds; at most a few.
Result<std::vector<std::string>> database_problems(const sqlite::Connection& connection) {
  auto check = connection.prepare("PRAGMA integrity_check(20)");
  if (!check) {
    return std::unexpected(check.error());
  }
  std::vector<std::string> problems;
  auto read = check->for_each([&]() -> Result<void> {
    if (check->text(0) != "ok") {
      problems.push_back(fmt::format("{}: {}", connection.path().string(), check->text(0)));
    }
    return {};
  });
  return read ? Result<std::vector<std::string>>(std::move(problems)) : std::unexpected(std::move(read.error()));
}

struct Rule {
  std::string_view what;
  std::string sql;  // how many rows break it
};

std::vector<Rule> rules(const CollectionSettings& settings) {
  return {{"items without a vector", "SELECT count(*) FROM item WHERE slot NOT IN (SELECT slot FROM vector)"},
          {"vectors without an item", "SELECT count(*) FROM vector WHERE slot NOT IN (SELECT slot FROM item)"},
          {"vectors of a wrong size", fmt::format("SELECT count(*) FROM vector WHERE length(value) <> {}",
                                                  vector_size_bytes(settings.vector_type, settings.dim))},
          {"items whose metadata is no JSON", "SELECT count(*) FROM item WHERE NOT json_valid(metadata)"},
          {"items more or less than counted",
           "SELECT abs((SELECT count(*) FROM item WHERE died IS NULL) - (SELECT item_count FROM state))"}};
}

}  // namespace

Result<std::optional<IndexNames>> EmbeddedStore::write_index_files(const LongWork& work, bool from_scratch) {
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const std::scoped_lock pool(pool_mutex_);
  return asterism::build_index_files(
      **reader, index_folder(), settings_,
      {.pool = &pool_, .cancel = cancel_of(work), .progress = work.progress, .from_scratch = from_scratch});
}

Result<void> EmbeddedStore::build_index_files(const LongWork& work, bool from_scratch) {
  const auto built = write_index_files(work, from_scratch);
  if (!built) {
    return std::unexpected(built.error());
  }
  if (!*built) {
    return {};
  }
  {
    const std::unique_lock lock(view_mutex_);
    view_.reset();
    index_problem_.clear();
  }
  if (!writer_lock_ || moment_.version) {
    return {};
  }
  {
    const std::scoped_lock lock(writer_mutex_);
    auto used = writer();
    if (!used) {
      return std::unexpected(std::move(used.error()));
    }
    if (auto forgotten = (*used)->forget_removed((*built)->version); !forgotten) {
      return forgotten;
    }
  }
  return (*built)->graph.empty() ? Result<void>{} : check_recall(work);
}

// How far an expansion reaches depends on the number of rows: what was measured for another number is measured again.
Result<void> EmbeddedStore::check_recall(const LongWork& work) {
  constexpr double kGrowthMax = 1.5;
  std::optional<RecallCheck> last;
  {
    const std::scoped_lock lock(recall_mutex_);
    last = recall_;
  }
  const auto row_count = count(nullptr);
  if (!row_count) {
    return std::unexpected(row_count.error());
  }
  if (last && static_cast<double>(*row_count) < kGrowthMax * static_cast<double>(last->row_count) &&
      static_cast<double>(last->row_count) < kGrowthMax * static_cast<double>(*row_count)) {
    return {};
  }
  if (work.progress) {
    work.progress({.done = 0, .total = 1, .stage = "recall"});
  }
  CollectionTuneOptions options;
  options.recall = last ? last->target : kRecallDefault;
  options.k = last ? last->k : options.k;
  options.query_count = kCheckedQueryCount;
  const auto tuned = tune_until(options, cancel_of(work));
  return tuned ? Result<void>{} : std::unexpected(tuned.error());
}

Result<void> EmbeddedStore::build_index(const LongWork& work) {
  bool damaged = false;
  {
    const std::shared_lock lock(view_mutex_);
    damaged = !index_problem_.empty();
  }
  return build_index_files(work, damaged);
}

Result<void> EmbeddedStore::compact(const LongWork& work) {
  {
    const std::scoped_lock lock(writer_mutex_);
    auto used = writer();
    if (!used) {
      return std::unexpected(std::move(used.error()));
    }
    if (work.progress) {
      work.progress({.done = 0, .total = 1, .stage = "database"});
    }
    const sqlite::Interruptible interruptible((*used)->connection(), cancel_of(work));
    // Segments of the keyword index become one; then the file is written anew without its holes.
    const auto& connection = (*used)->connection();
    auto done = settings_.text_columns.empty() ? Result<void>{}
                                               : connection.execute("INSERT INTO keyword(keyword) VALUES('optimize')");
    if (done) {
      done = connection.execute("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    }
    if (!done) {
      return done;
    }
  }
  return build_index_files(work, true);
}

Result<VerifyReport> EmbeddedStore::verify(const LongWork& work) const {
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const auto& connection = (*reader)->connection();
  const auto report_stage = [&](std::string_view stage, std::uint64_t done) {
    if (work.progress) {
      work.progress({.done = done, .total = 3, .stage = stage});
    }
  };
  const sqlite::Interruptible interruptible(connection, cancel_of(work));
  report_stage("database", 0);
  auto problems = database_problems(connection);
  if (!problems) {
    return std::unexpected(std::move(problems.error()));
  }
  VerifyReport report{.problems = std::move(*problems)};
  if (report.problems.empty()) {
    report_stage("items", 1);
    for (const auto& [what, sql] : rules(settings_)) {
      const auto count = connection.integer(sql);
      if (!count) {
        return std::unexpected(count.error());
      }
      if (count->value_or(0) != 0) {
        report.problems.push_back(fmt::format("{}: {} {}", folder_.string(), **count, what));
      }
    }
    const auto items = (*reader)->count_where({});
    if (!items) {
      return std::unexpected(items.error());
    }
    report.item_count = *items;
  }
  report_stage("index", 2);
  const auto files = open_index_files(index_folder(), settings_);
  const auto add_index_problem = [&report](std::string_view problem) {
    report.problems.push_back(fmt::format("index: {} (searches do without it; the next build makes it anew)", problem));
  };
  if (!files.problem.empty()) {
    add_index_problem(files.problem);
  }
  const auto still_wanted = [&] { return cancel_of(work) == nullptr || !cancel_of(work)->requested(); };
  if (files.vectors && still_wanted()) {
    if (const auto sound = files.vectors->verify(); !sound) {
      add_index_problem(sound.error().message);
    }
  }
  if (files.graph && still_wanted()) {
    if (const auto sound = files.graph->verify(); !sound) {
      add_index_problem(sound.error().message);
    }
  }
  if (!still_wanted()) {
    return fail(ErrorCode::kCancelled, fmt::format("{}: stopped before all was checked", folder_.string()));
  }
  return report;
}

Result<std::optional<std::string>> EmbeddedStore::index_need() const {
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const auto names = read_index_names(index_folder());
  {
    const std::unique_lock lock(view_mutex_);
    if (names && *names && view_ && (*names)->version > view_->files().version && index_problem_.empty()) {
      view_.reset();
    }
  }
  const auto transaction = sqlite::Transaction::begin((*reader)->connection(), sqlite::Transaction::Kind::kRead);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  const auto lock = view_at(**reader);
  if (!lock) {
    return std::unexpected(lock.error());
  }
  if (!*lock) {
    return std::nullopt;  // written to just now: the next look sees more
  }
  // What is mapped serves on; whoever opens the collection next would find nothing.
  if (view_->row_count() > 0 && view_->files().vectors && (!names || !*names)) {
    return names ? "the index's list of files is gone" : names.error().message;
  }
  return view_->index_need();
}

Result<void> EmbeddedStore::keep_served_recall(const ServedRecall& served) {
  {
    const std::scoped_lock lock(recall_mutex_);
    served_recall_ = served;
  }
  if (!writer_lock_) {
    return {};
  }
  const std::scoped_lock lock(writer_mutex_);
  auto used = writer();
  return used ? (*used)->put_setting(kServedRecallSetting, served_recall_json(served))
              : std::unexpected(std::move(used.error()));
}

Result<CollectionTuneResult> EmbeddedStore::tune(const CollectionTuneOptions& options, const LongWork& work) {
  return tune_until(options, cancel_of(work));
}

Result<CollectionTuneResult> EmbeddedStore::tune_until(const CollectionTuneOptions& options, const CancelFlag* cancel) {
  if (!(options.recall > 0.0 && options.recall <= 1.0) || options.k == 0 || options.query_count == 0) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("tune: expected a recall in (0, 1] and at least one query and one answer, found recall {}, k {}, "
                    "{} queries",
                    options.recall, options.k, options.query_count));
  }
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  CollectionTuneResult result;
  {
    const auto transaction = sqlite::Transaction::begin((*reader)->connection(), sqlite::Transaction::Kind::kRead);
    if (!transaction) {
      return std::unexpected(transaction.error());
    }
    const std::scoped_lock pool(pool_mutex_);
    auto lock = view_at(**reader);
    if (!lock) {
      return std::unexpected(std::move(lock.error()));
    }
    if (!*lock || !view_->files().graph) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: there is no graph to tune: {} rows are scanned exactly", folder_.string(),
                              *lock ? view_->row_count() : 0),
                  fmt::format("a graph is built from {} rows on", kGraphRowCountMin));
    }
    auto tuned = view_->tune(options, pool_, cancel);
    if (!tuned) {
      return tuned;
    }
    result = std::move(*tuned);
  }
  result.chosen.checked_at = now_utc();
  const std::scoped_lock lock(writer_mutex_);
  auto used = writer();
  if (!used) {
    return std::unexpected(std::move(used.error()));
  }
  if (auto put = (*used)->put_setting(kRecallSetting, recall_json(result.chosen)); !put) {
    return std::unexpected(std::move(put.error()));
  }
  const std::scoped_lock recall(recall_mutex_);
  recall_ = result.chosen;
  return result;
}

}  // namespace asterism
