#include "index/graph_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "index/graph_impl.hpp"

namespace asterism {
namespace {

// Rows that the centre of Euclidean codes is the mean of.
constexpr std::size_t kCentreRowCount = 16384;
// Share of nodes without a row from which a new index would be much smaller and quicker: decision 0193.
constexpr double kRemovedShareMax = 0.3;

Result<void> check_settings(const GraphSettings& settings) {
  if (settings.dim == 0 || settings.dim > kVectorDimMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("graph index: expected vectors of 1 to {} values, found {}", kVectorDimMax, settings.dim));
  }
  if (settings.connectivity < 2 || settings.connectivity > kConnectivityMax) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("graph index: expected a connectivity from 2 to {}, found {}",
                                                         kConnectivityMax, settings.connectivity));
  }
  if (settings.expansion_add == 0 || settings.expansion_add > kExpansionMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("graph index: expected an expansion while adding from 1 to {}, found {}", kExpansionMax,
                            settings.expansion_add));
  }
  return {};
}

Result<void> check_rows_fit(const GraphSettings& settings, const VectorRows& rows) {
  if (auto checked = check_rows(rows); !checked) {
    return checked;
  }
  if (rows.dim != settings.dim) {
    return fail(ErrorCode::kMismatch,
                fmt::format("graph index: expected rows of {} values, found {}", settings.dim, rows.dim));
  }
  return {};
}

Result<void> read_row(const VectorRows& rows, std::size_t position, std::span<float> vector) {
  if (auto verified = verify_rows(rows, position, position + 1); !verified) {
    return verified;
  }
  dequantise_row(rows.type, {rows.row(position), vector_size_bytes(rows.type, rows.dim)}, vector);
  return {};
}

// What codes of these rows are taken relative to.
Result<CodeReference> make_reference(const GraphSettings& settings, const VectorRows& rows,
                                     std::span<const std::uint32_t> positions) {
  CodeReference reference;
  if (settings.metric == Metric::kCosine || positions.empty()) {
    return reference;
  }
  std::vector<float> vector(settings.dim);
  std::vector<double> sum(settings.dim);
  // The largest length is that of all rows, the mean that of some.
  const std::size_t step =
      settings.metric == Metric::kDot ? 1 : std::max<std::size_t>(1, positions.size() / kCentreRowCount);
  double count = 0.0;
  for (std::size_t i = 0; i < positions.size(); i += step, count += 1.0) {
    if (auto read = read_row(rows, positions[i], vector); !read) {
      return std::unexpected(read.error());
    }
    double square = 0.0;
    for (std::size_t j = 0; j < vector.size(); ++j) {
      const auto value = static_cast<double>(vector[j]);
      sum[j] += value;
      square += value * value;
    }
    if (std::isfinite(square)) {
      reference.largest_square = std::max(reference.largest_square, static_cast<float>(square));
    }
  }
  if (settings.metric == Metric::kEuclidean) {
    reference.largest_square = 0.0F;
    for (const double value : sum) {
      const auto mean = static_cast<float>(value / count);
      reference.centre.push_back(std::isfinite(mean) ? mean : 0.0F);
    }
  }
  return reference;
}

std::vector<std::uint32_t> positions_of(const VectorRows& rows, const AllowedPositions& present) {
  std::vector<std::uint32_t> positions;
  positions.reserve(present.count(rows.row_count));
  present.for_each(rows.row_count,
                   [&](std::size_t position) { positions.push_back(static_cast<std::uint32_t>(position)); });
  return positions;
}

}  // namespace

void GraphIndex::Impl::find_entry() noexcept {
  const std::size_t top = graph.max_level();
  for (std::uint32_t slot = 0; slot < slot_count(); ++slot) {
    if (graph.level_of(slot) == top) {
      entry_slot = slot;
      return;
    }
  }
}

GraphIndex::GraphIndex(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
GraphIndex::GraphIndex(GraphIndex&&) noexcept = default;
GraphIndex& GraphIndex::operator=(GraphIndex&&) noexcept = default;
GraphIndex::~GraphIndex() = default;

Result<GraphIndex> GraphIndex::create(const GraphSettings& settings) {
  if (auto checked = check_settings(settings); !checked) {
    return std::unexpected(checked.error());
  }
  return GraphIndex(std::make_unique<Impl>(settings, CodeReference{}));
}

Result<GraphIndex> GraphIndex::build(const GraphSettings& settings, const VectorRows& rows,
                                     const AllowedPositions& present, const BuildOptions& options) {
  if (auto checked = check_settings(settings); !checked) {
    return std::unexpected(checked.error());
  }
  if (auto checked = check_rows_fit(settings, rows); !checked) {
    return std::unexpected(checked.error());
  }
  const std::vector<std::uint32_t> positions = positions_of(rows, present);
  auto reference = make_reference(settings, rows, positions);
  if (!reference) {
    return std::unexpected(reference.error());
  }
  GraphIndex index(std::make_unique<Impl>(settings, std::move(*reference)));
  if (auto added = index.add(rows, positions, options); !added) {
    return std::unexpected(added.error());
  }
  return index;
}

const GraphSettings& GraphIndex::settings() const noexcept {
  return impl_->settings;
}
std::size_t GraphIndex::size() const noexcept {
  return impl_->live_count;
}
bool GraphIndex::contains(std::uint32_t position) const noexcept {
  return impl_->slot_of_position.get(position) != kNoSlot;
}
std::size_t GraphIndex::removed_count() const noexcept {
  return impl_->dead_slots.size() + impl_->free_slots.size();
}
std::size_t GraphIndex::replaced_count() const noexcept {
  return impl_->replaced_count;
}
bool GraphIndex::is_read_only() const noexcept {
  return impl_->read_only;
}
std::uint64_t GraphIndex::data_version() const noexcept {
  return impl_->data_version;
}
std::string_view GraphIndex::kernel_name() const noexcept {
  return impl_->codes.kernel_name();
}

bool GraphIndex::needs_rebuild() const noexcept {
  const auto slots = static_cast<double>(impl_->slot_count());
  return static_cast<double>(removed_count()) > kRemovedShareMax * slots;
}

std::size_t GraphIndex::memory_size_bytes() const noexcept {
  const std::size_t tables =
      (impl_->position_of_slot.capacity() + impl_->free_slots.capacity() + impl_->dead_slots.capacity()) *
          sizeof(std::uint32_t) +
      impl_->slot_of_position.size_bytes();
  const std::size_t codes = impl_->read_only ? 0 : impl_->codes.row_capacity() * impl_->codes.stride_bytes();
  return tables + codes + impl_->sketches.size_bytes() + impl_->graph.capacity() * sizeof(void*) +
         impl_->graph.tape_allocator().size_bytes();
}

Result<void> GraphIndex::add(std::uint32_t position, std::span<const float> vector) {
  if (vector.size() != impl_->settings.dim) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("graph index: expected a vector of {} values, found {}",
                                                         impl_->settings.dim, vector.size()));
  }
  const auto read = [&](std::size_t, std::span<float> out) -> Result<void> {
    std::ranges::copy(vector, out.begin());
    return {};
  };
  return impl_->add({&position, 1}, read, {});
}

Result<void> GraphIndex::add(const VectorRows& rows, std::span<const std::uint32_t> positions,
                             const BuildOptions& options) {
  if (auto checked = check_rows_fit(impl_->settings, rows); !checked) {
    return checked;
  }
  const auto outside = std::ranges::find_if(positions, [&](std::uint32_t p) { return p >= rows.row_count; });
  if (outside != positions.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("graph index: expected positions below {}, found {}", rows.row_count, *outside));
  }
  const auto read = [&](std::size_t i, std::span<float> out) { return read_row(rows, positions[i], out); };
  return impl_->add(positions, read, options);
}

Result<bool> GraphIndex::remove(std::uint32_t position) {
  if (auto writable = impl_->check_writable(); !writable) {
    return std::unexpected(writable.error());
  }
  const std::uint32_t slot = impl_->slot_of_position.get(position);
  if (slot == kNoSlot) {
    return false;
  }
  impl_->forget(slot);
  return true;
}

}  // namespace asterism
