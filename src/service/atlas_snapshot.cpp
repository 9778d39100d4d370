#include "service/atlas_snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <span>

#include "base/crc32c.hpp"
#include "store/unit_vector.hpp"

namespace asterism::service {
namespace {

// Between two words on progress.
constexpr std::size_t kStepRowCount = 4096;

Result<void> step(const AnalysisRun& run, std::string_view stage, std::size_t done, std::size_t total) {
  if (run.is_cancelled()) {
    return fail(ErrorCode::kCancelled, fmt::format("{}: stopped", stage));
  }
  if (run.progress && done % kStepRowCount == 0) {
    run.progress(stage, done, std::max(done, total));
  }
  return {};
}

}  // namespace

void RowIds::add(std::string_view id) {
  bytes_ += id;
  ends_.push_back(bytes_.size());
}

void RowIds::finish() {
  by_id_.resize(ends_.size());
  std::iota(by_id_.begin(), by_id_.end(), 0U);
  std::ranges::sort(by_id_, {}, [this](std::uint32_t row) { return id(row); });
  const std::uint32_t of_ends = crc32c(std::as_bytes(std::span(ends_)));
  checksum_ = crc32c(std::as_bytes(std::span(bytes_)), of_ends);
}

std::string_view RowIds::id(std::size_t row) const noexcept {
  const std::size_t begin = row == 0 ? 0 : ends_[row - 1];
  return std::string_view(bytes_).substr(begin, ends_[row] - begin);
}

std::optional<std::uint32_t> RowIds::row(std::string_view wanted) const noexcept {
  const auto found = std::ranges::lower_bound(by_id_, wanted, {}, [this](std::uint32_t row) { return id(row); });
  return found != by_id_.end() && id(*found) == wanted ? std::optional(*found) : std::nullopt;
}

const AtlasColumn* AtlasSnapshot::column(std::string_view column_name) const noexcept {
  const auto found = std::ranges::find(columns, column_name, &AtlasColumn::name);
  return found == columns.end() ? nullptr : &*found;
}

Result<AtlasSnapshot> read_atlas_snapshot(const Collection& collection, std::string_view name, std::string_view version,
                                          const AnalysisRun& run) {
  const auto status = collection.status();
  if (!status) {
    return std::unexpected(status.error());
  }
  AtlasSnapshot out{.collection = std::string(name),
                    .settings = status->settings,
                    .version_number = status->version_number,
                    .version = std::string(version)};
  if (status->item_count > kAtlasRowCountMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("collection \"{}\": expected at most {} items to map, found {}",
                                                       name, kAtlasRowCountMax, status->item_count));
  }
  AtlasColumnBuilder columns;
  std::array<std::size_t, 3> kind_counts{};
  const ItemParts parts{.metadata = true, .content = false, .data = false, .vector = false};
  const auto scanned = collection.scan({}, parts, [&](Item&& item) -> Result<void> {
    if (out.ids.size() >= kAtlasRowCountMax) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("collection \"{}\": it grew past {} items while it was read", name, kAtlasRowCountMax));
    }
    out.ids.add(item.id);
    columns.add(item.metadata);
    ++kind_counts.at(static_cast<std::size_t>(item.kind));
    return step(run, "reading", out.ids.size(), status->item_count);
  });
  if (!scanned) {
    return std::unexpected(scanned.error());
  }
  if (out.ids.size() == 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("collection \"{}\": expected items to map, found none", name),
                "add some first");
  }
  out.ids.finish();
  out.columns = columns.finish();
  out.kind = static_cast<ItemKind>(std::ranges::max_element(kind_counts) - kind_counts.begin());
  out.name = fmt::format("{}-{:08x}", out.version_number, out.ids.checksum());
  return out;
}

Result<std::vector<float>> read_atlas_vectors(const Collection& collection, const AtlasSnapshot& snapshot,
                                              const AnalysisRun& run) {
  const std::size_t dim = snapshot.settings.dim;
  std::vector<float> out(snapshot.row_count() * dim, std::numeric_limits<float>::quiet_NaN());
  std::size_t done = 0;
  const ItemParts parts{.metadata = false, .content = false, .data = false, .vector = true};
  const auto scanned = collection.scan({}, parts, [&](Item&& item) -> Result<void> {
    const auto row = snapshot.ids.row(item.id);
    if (row && item.vector.size() == dim) {
      const std::span<float> place = std::span(out).subspan(*row * dim, dim);
      std::ranges::copy(item.vector, place.begin());
      if (snapshot.settings.metric == Metric::kCosine) {
        make_unit(place);
      }
    }
    return step(run, "vectors", ++done, snapshot.row_count());
  });
  return scanned ? Result<std::vector<float>>(std::move(out)) : std::unexpected(scanned.error());
}

}  // namespace asterism::service
