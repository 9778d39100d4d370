#include "analysis/neighbor_descent.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRowsPerChunk = 256;
constexpr std::size_t kChangedShareMin = 1000;

struct Link {
  std::uint32_t row;
  bool is_new;  // since the round before
};

// What a round reads: of each row its nearest `fan_out`, and up to as many rows that have it among theirs.
class Links {
 public:
  // `before`: the lists of the round before; null in the first round, in which all are new.
  Links(const NeighborLists& lists, const NeighborLists* before, std::size_t fan_out, ThreadPool& pool)
      : width_(2 * fan_out), links_(lists.row_count() * width_), counts_(lists.row_count(), 0) {
    pool.parallel_for(lists.row_count(), kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        add_own(lists, before, fan_out, row);
      }
    });
    own_counts_ = counts_;
    // In the order of rank first, so that a row keeps those that hold it dearest.
    for (std::size_t rank = 0; rank < fan_out; ++rank) {
      for (std::size_t row = 0; row < lists.row_count(); ++row) {
        if (rank < own_counts_[row]) {
          add_reverse(row, links_[row * width_ + rank]);
        }
      }
    }
  }

  std::span<const Link> of(std::size_t row) const noexcept { return {links_.data() + row * width_, counts_[row]}; }

 private:
  void add_own(const NeighborLists& lists, const NeighborLists* before, std::size_t fan_out, std::size_t row) {
    const auto ids = lists.ids(row);
    for (std::size_t rank = 0; rank < std::min(fan_out, ids.size()) && ids[rank] != NeighborLists::kNone; ++rank) {
      // Followed before only where it was among the first then too.
      const bool is_new =
          before == nullptr || std::ranges::find(before->ids(row).first(std::min(fan_out, ids.size())), ids[rank]) ==
                                   before->ids(row).first(std::min(fan_out, ids.size())).end();
      links_[row * width_ + counts_[row]++] = {ids[rank], is_new};
    }
  }

  void add_reverse(std::size_t row, Link link) {
    const std::size_t at = link.row;
    if (counts_[at] < width_ && std::ranges::none_of(std::span(links_).subspan(at * width_, own_counts_[at]),
                                                     [&](const Link& own) { return own.row == row; })) {
      links_[at * width_ + counts_[at]++] = {static_cast<std::uint32_t>(row), link.is_new};
    }
  }

  std::size_t width_;
  std::vector<Link> links_;
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint32_t> own_counts_;
};

// Rows met while one row is worked on.
class Met {
 public:
  explicit Met(std::size_t row_count) : stamps_(row_count, 0) {}
  void start() noexcept { ++stamp_; }
  bool first_time(std::uint32_t row) noexcept {
    const bool is_first = stamps_[row] != stamp_;
    stamps_[row] = stamp_;
    return is_first;
  }

 private:
  std::vector<std::uint32_t> stamps_;
  std::uint32_t stamp_ = 0;
};

// How many entered the list of `row`.
std::size_t better_row(const NeighborSpace& space, const Links& links, std::size_t row, Met& met,
                       NeighborLists& lists) {
  met.start();
  met.first_time(static_cast<std::uint32_t>(row));
  for (const std::uint32_t known : lists.ids(row)) {
    if (known != NeighborLists::kNone) {
      met.first_time(known);
    }
  }
  std::size_t entered = 0;
  for (const Link& near : links.of(row)) {
    for (const Link& far : links.of(near.row)) {
      if ((near.is_new || far.is_new) && met.first_time(far.row)) {
        entered += lists.offer(row, space.key(row, far.row), far.row) ? 1U : 0U;
      }
    }
  }
  return entered;
}

}  // namespace

Result<NeighborLists> descend_neighbors(const NeighborSpace& space, NeighborLists lists, const DescentOptions& options,
                                        const AnalysisRun& run) {
  const std::size_t row_count = lists.row_count();
  const std::size_t fan_out = std::min(options.fan_out, lists.width());
  // Each piece of work has a table of the rows it met: few pieces, of many rows.
  const std::size_t piece = std::max(kRowsPerChunk, row_count / (8 * run.pool.thread_count()) + 1);
  NeighborLists before(0, 1);
  for (std::size_t round = 0; round < options.round_count_max; ++round) {
    if (run.is_cancelled()) {
      return fail(ErrorCode::kCancelled, "neighbours: stopped");
    }
    const Links links(lists, round == 0 ? nullptr : &before, fan_out, run.pool);
    before = lists;
    std::atomic<std::size_t> entered{0};
    run.pool.parallel_for(row_count, piece, [&](std::size_t begin, std::size_t end) {
      Met met(row_count);
      std::size_t count = 0;
      for (std::size_t row = begin; row < end; ++row) {
        count += better_row(space, links, row, met, lists);
      }
      entered.fetch_add(count, std::memory_order_relaxed);
    });
    if (entered.load() * kChangedShareMin < row_count * fan_out) {
      break;
    }
  }
  return lists;
}

}  // namespace asterism
