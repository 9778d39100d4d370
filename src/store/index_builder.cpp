#include "store/index_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/file.hpp"
#include "base/system_error.hpp"
#include "store/search_view.hpp"

namespace asterism {
namespace {

// Beyond this share of rows, changing the files costs more than making them anew.
constexpr double kChangedShareMax = 0.3;

// What is where in the new vector file.
struct Layout {
  std::vector<std::uint64_t> keys;             // slot by position; 0 = hole
  std::vector<std::uint32_t> new_positions;    // that hold another row than before
  std::vector<std::size_t> later_rows;         // of the view, in the order of `new_positions`
  std::vector<std::uint32_t> ended_positions;  // that held a row before which is gone
};

class Builder {
 public:
  Builder(ItemReader& reader, const std::filesystem::path& folder, const CollectionSettings& settings,
          const IndexBuildOptions& options)
      : reader_(reader), folder_(folder), settings_(settings), options_(options) {}

  Result<std::optional<IndexNames>> run();

 private:
  Result<bool> begin();
  Result<bool> few_changes(const IndexFiles& files);
  Result<void> write_all_vectors();
  Result<bool> change_files(IndexFiles files);
  Result<void> write_changed_vectors(const SearchView& view, const Layout& layout);
  Result<void> build_graph();
  Result<void> change_graph(const std::filesystem::path& before, const Layout& layout);
  Result<void> publish();
  BuildOptions graph_options() const;
  void report(std::string_view stage, std::uint64_t done, std::uint64_t total) const;
  Result<void> check_cancelled() const;

  ItemReader& reader_;
  const std::filesystem::path& folder_;
  const CollectionSettings& settings_;
  const IndexBuildOptions& options_;
  StoreState state_;
  IndexNames names_;
  std::uint64_t row_count_ = 0;
};

void Builder::report(std::string_view stage, std::uint64_t done, std::uint64_t total) const {
  if (options_.progress) {
    options_.progress({.done = done, .total = total, .stage = stage});
  }
}

Result<void> Builder::check_cancelled() const {
  return options_.cancel != nullptr && options_.cancel->requested()
             ? fail(ErrorCode::kCancelled, "index: stopped; the one before stays")
             : Result<void>{};
}

Result<bool> Builder::begin() {
  const auto state = reader_.state();
  if (!state) {
    return std::unexpected(state.error());
  }
  state_ = *state;
  names_.version = reader_.moment().version.value_or(state_.version);
  const auto stamp = reader_.stamp(names_.version);
  const auto count = reader_.count_where({});
  if (!stamp || !count) {
    return std::unexpected(stamp ? count.error() : stamp.error());
  }
  row_count_ = *count;
  names_.stamp = stamp->value_or(0);
  names_.vectors = fmt::format("vectors-{}-{:016x}.bin", names_.version, static_cast<std::uint64_t>(names_.stamp));
  if (row_count_ >= kGraphRowCountMin) {
    names_.graph = fmt::format("graph-{}-{:016x}.bin", names_.version, static_cast<std::uint64_t>(names_.stamp));
  }
  return row_count_ > 0;
}

Result<bool> Builder::few_changes(const IndexFiles& files) {
  if (options_.from_scratch || !files.vectors || !files.problem.empty() || reader_.moment().version ||
      files.version < state_.removed_horizon || files.version > names_.version) {
    return false;
  }
  const auto stamp = reader_.stamp(files.version);
  const auto born_count = reader_.count_where({.sql = fmt::format("born > {}", files.version), .bind = {}});
  if (!stamp || !born_count) {
    return std::unexpected(stamp ? born_count.error() : stamp.error());
  }
  const bool graph_fits = files.graph.has_value() == !names_.graph.empty();
  return *stamp == files.stamp && graph_fits &&
         static_cast<double>(*born_count) <= kChangedShareMax * static_cast<double>(row_count_);
}

Result<void> Builder::write_all_vectors() {
  auto cursor = reader_.vectors();
  if (!cursor) {
    return std::unexpected(cursor.error());
  }
  std::uint64_t done = 0;
  const auto next = [&](std::uint64_t& key, std::span<std::byte> row) -> Result<bool> {
    const auto vector = cursor->next();
    if (!vector) {
      return std::unexpected(vector.error());
    }
    if (!*vector) {
      return false;
    }
    if ((*vector)->value.size() != row.size()) {
      return fail(ErrorCode::kCorrupt, fmt::format("vector of slot {}: expected {} bytes, found {}", (*vector)->slot,
                                                   row.size(), (*vector)->value.size()));
    }
    key = static_cast<std::uint64_t>((*vector)->slot);
    std::ranges::copy((*vector)->value, row.begin());
    constexpr std::uint64_t kReportEvery = 4096;
    if (++done % kReportEvery == 0) {
      report("vectors", done, row_count_);
      if (auto cancelled = check_cancelled(); !cancelled) {
        return std::unexpected(std::move(cancelled.error()));
      }
    }
    return true;
  };
  return write_vector_file(
      folder_ / names_.vectors,
      {.type = settings_.vector_type, .dim = settings_.dim, .data_version = static_cast<std::uint64_t>(names_.version)},
      row_count_, next);
}

Layout plan_layout(const SearchView& view) {
  const auto old_keys = view.files().vectors->keys();
  Layout layout;
  layout.keys.assign(old_keys.begin(), old_keys.end());
  std::vector<std::uint32_t> free;
  for (std::uint32_t position = 0; position < old_keys.size(); ++position) {
    if (view.is_alive(position)) {
      continue;
    }
    if (old_keys[position] != 0) {
      layout.ended_positions.push_back(position);
    }
    layout.keys[position] = 0;
    free.push_back(position);
  }
  std::size_t free_used = 0;
  view.for_each_later([&](std::size_t row, std::int64_t slot) {
    const auto position = free_used < free.size() ? free[free_used++] : static_cast<std::uint32_t>(layout.keys.size());
    if (position == layout.keys.size()) {
      layout.keys.push_back(0);
    }
    layout.keys[position] = static_cast<std::uint64_t>(slot);
    layout.new_positions.push_back(position);
    layout.later_rows.push_back(row);
  });
  return layout;
}

Result<void> Builder::write_changed_vectors(const SearchView& view, const Layout& layout) {
  const auto& before = *view.files().vectors;
  const auto rows = before.rows();
  std::vector<std::size_t> later_row(layout.keys.size(), SIZE_MAX);
  for (std::size_t i = 0; i < layout.new_positions.size(); ++i) {
    later_row[layout.new_positions[i]] = layout.later_rows[i];
  }
  std::size_t position = 0;
  const auto next = [&](std::uint64_t& key, std::span<std::byte> row) -> Result<bool> {
    if (position == layout.keys.size()) {
      return false;
    }
    key = layout.keys[position];
    if (later_row[position] != SIZE_MAX) {
      std::memcpy(row.data(), view.later_rows().row(later_row[position]), row.size());
    } else if (key != 0) {
      if (auto verified = verify_rows(rows, position, position + 1); !verified) {
        return std::unexpected(std::move(verified.error()));
      }
      std::memcpy(row.data(), rows.row(position), row.size());
    } else {
      std::ranges::fill(row, std::byte{0});
    }
    ++position;
    return true;
  };
  return write_vector_file(
      folder_ / names_.vectors,
      {.type = settings_.vector_type, .dim = settings_.dim, .data_version = static_cast<std::uint64_t>(names_.version)},
      layout.keys.size(), next);
}

BuildOptions Builder::graph_options() const {
  return {.pool = options_.pool, .cancel = options_.cancel, .progress = [this](std::size_t done, std::size_t total) {
            report("graph", done, total);
          }};
}

Result<void> Builder::build_graph() {
  const auto vectors = VectorFile::open(folder_ / names_.vectors);
  if (!vectors) {
    return std::unexpected(vectors.error());
  }
  const auto graph =
      GraphIndex::build(graph_settings(settings_), vectors->rows(), AllowedPositions::all(), graph_options());
  if (!graph) {
    return std::unexpected(graph.error());
  }
  return graph->save(folder_ / names_.graph, static_cast<std::uint64_t>(names_.version));
}

Result<void> Builder::change_graph(const std::filesystem::path& before, const Layout& layout) {
  auto graph = GraphIndex::load(before, {});
  if (!graph) {
    return std::unexpected(std::move(graph.error()));
  }
  for (const auto position : layout.ended_positions) {
    if (auto removed = graph->remove(position); !removed) {
      return std::unexpected(std::move(removed.error()));
    }
  }
  const auto vectors = VectorFile::open(folder_ / names_.vectors);
  if (!vectors) {
    return std::unexpected(vectors.error());
  }
  if (auto added = graph->add(vectors->rows(), layout.new_positions, graph_options()); !added) {
    return added;
  }
  if (graph->needs_rebuild()) {
    return fail(ErrorCode::kMismatch, "graph: much was replaced since it was built");
  }
  return graph->save(folder_ / names_.graph, static_cast<std::uint64_t>(names_.version));
}

// False where the files must be made anew after all.
Result<bool> Builder::change_files(IndexFiles files) {
  const auto graph_before =
      folder_ / fmt::format("graph-{}-{:016x}.bin", files.version, static_cast<std::uint64_t>(files.stamp));
  SearchView view(settings_, std::move(files));
  const auto current = view.refresh(reader_, state_);
  if (!current) {
    return std::unexpected(current.error());
  }
  if (!*current) {
    return false;
  }
  const auto layout = plan_layout(view);
  const auto hole_count = static_cast<double>(layout.keys.size()) - static_cast<double>(view.row_count());
  if (hole_count > kHoleShareMax * static_cast<double>(layout.keys.size())) {
    return false;
  }
  if (auto written = write_changed_vectors(view, layout); !written) {
    return written.error().code == ErrorCode::kCorrupt ? Result<bool>(false)
                                                       : std::unexpected(std::move(written.error()));
  }
  if (names_.graph.empty()) {
    return true;
  }
  auto changed = change_graph(graph_before, layout);
  if (!changed && (changed.error().code == ErrorCode::kCorrupt || changed.error().code == ErrorCode::kMismatch)) {
    return false;
  }
  return changed ? Result<bool>(true) : std::unexpected(std::move(changed.error()));
}

Result<void> Builder::publish() {
  if (auto written = write_index_names(folder_, names_); !written) {
    return written;
  }
  remove_old_index_files(folder_, names_);
  return {};
}

Result<std::optional<IndexNames>> Builder::run() {
  auto transaction = sqlite::Transaction::begin(reader_.connection(), sqlite::Transaction::Kind::kRead);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  const auto any = begin();
  if (!any) {
    return std::unexpected(any.error());
  }
  if (!*any) {
    return std::optional<IndexNames>{};
  }
  auto files = open_index_files(folder_, settings_);
  const auto few = few_changes(files);
  if (!few) {
    return std::unexpected(few.error());
  }
  auto changed = *few ? change_files(std::move(files)) : Result<bool>(false);
  if (!changed) {
    return std::unexpected(std::move(changed.error()));
  }
  if (!*changed) {
    if (auto written = write_all_vectors(); !written) {
      return std::unexpected(std::move(written.error()));
    }
    // The graph is made of the file: readers' locks need not be held for that long.
    if (auto ended = transaction->commit(); !ended) {
      return std::unexpected(std::move(ended.error()));
    }
    if (!names_.graph.empty()) {
      if (auto built = build_graph(); !built) {
        return std::unexpected(std::move(built.error()));
      }
    }
  }
  if (auto published = publish(); !published) {
    return std::unexpected(std::move(published.error()));
  }
  return std::optional(names_);
}

}  // namespace

Result<std::optional<IndexNames>> build_index_files(ItemReader& reader, const std::filesystem::path& folder,
                                                    const CollectionSettings& settings,
                                                    const IndexBuildOptions& options) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) {
    return system_failure(fmt::format("{}: cannot be made", folder.string()), failure);
  }
  const auto lock = FileLock::try_acquire(index_lock_path(folder));
  if (!lock) {
    return std::optional<IndexNames>{};
  }
  return Builder(reader, folder, settings, options).run();
}

}  // namespace asterism
