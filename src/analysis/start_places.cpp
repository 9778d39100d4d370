#include "analysis/start_places.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "analysis/pca.hpp"
#include "base/counter_random.hpp"

namespace asterism {
namespace {

constexpr std::uint64_t kStream = 0x7374617274ULL;  // "start"
constexpr double kNoiseShare = 0.01;
// Of the rows' own size: variance below is rounding.
constexpr double kVarianceShareMin = 1e-12;
constexpr double kMapDeviation = 1.0;
constexpr std::uint64_t kPlaceStream = 0x706c616365000001ULL;
constexpr std::uint64_t kPartingStream = 0x6e6f697365000001ULL;
constexpr double kParting = 1e-4;     // so that copies can part
constexpr double kWeightMin = 1e-30;  // of neighbours whose weight is rounded to nothing

bool is_known(std::span<const float> places, std::size_t component_count, std::size_t row) {
  return std::ranges::all_of(places.subspan(row * component_count, component_count),
                             [](float v) { return std::isfinite(v); });
}

// Of one component; nothing where no row is known. About the first known value, so that a map far from the origin
// keeps its digits.
std::optional<double> known_variance(std::span<const float> places, std::size_t component_count,
                                     std::size_t component) {
  std::optional<double> origin;
  double sum = 0.0;
  double square = 0.0;
  double count = 0.0;
  for (std::size_t row = 0; row < places.size() / component_count; ++row) {
    if (is_known(places, component_count, row)) {
      const auto value = static_cast<double>(places[row * component_count + component]);
      origin = origin.value_or(value);
      sum += value - *origin;
      square += (value - *origin) * (value - *origin);
      count += 1.0;
    }
  }
  return origin ? std::optional(square / count - sum / count * sum / count) : std::nullopt;
}

// Of the component along which they differ most.
std::optional<double> widest_variance(std::span<const float> places, std::size_t component_count) {
  std::optional<double> widest;
  for (std::size_t c = 0; c < component_count; ++c) {
    if (const auto variance = known_variance(places, component_count, c)) {
      widest = std::max(widest.value_or(0.0), *variance);
    }
  }
  return widest;
}

// Places of new rows, from those that are known outwards.
class Completion {
 public:
  Completion(const SparseGraph& graph, std::span<const float> places, std::size_t dim, std::uint64_t seed)
      : graph_(graph), seen_by_(transposed(graph)), parting_(seed, kPartingStream), dim_(dim) {
    places_.assign(places.begin(), places.end());
    is_placed_.resize(graph.row_count());
    for (std::uint32_t row = 0; row < graph.row_count(); ++row) {
      if (is_known(places, dim, row)) {
        is_placed_[row] = true;
        known_.push_back(row);
      }
    }
  }

  std::vector<float> operator()(const CounterRandom& random) && {
    spread(known_);
    // What is left hangs together with no known row: each piece starts as one, at the place of a row drawn.
    for (std::uint32_t row = 0; row < is_placed_.size(); ++row) {
      if (!is_placed_[row]) {
        const std::size_t drawn = known_[random.below(row, static_cast<std::uint32_t>(known_.size()))];
        place(row, {places_.begin() + static_cast<std::ptrdiff_t>(drawn * dim_),
                    places_.begin() + static_cast<std::ptrdiff_t>((drawn + 1) * dim_)});
        is_placed_[row] = true;
        spread({row});
      }
    }
    return std::move(places_);
  }

 private:
  // Level by level: rows that see a placed one, then rows that see those.
  void spread(std::vector<std::uint32_t> placed) {
    while (!placed.empty()) {
      std::vector<std::uint32_t> next;
      for (const std::uint32_t row : placed) {
        std::ranges::copy_if(seen_by_.columns_of(row), std::back_inserter(next),
                             [&](std::uint32_t other) { return !is_placed_[other]; });
      }
      std::ranges::sort(next);
      next.erase(std::ranges::unique(next).begin(), next.end());
      for (const std::uint32_t row : next) {
        place(row, mean_of_placed(row));
      }
      for (const std::uint32_t row : next) {
        is_placed_[row] = true;
      }
      placed = std::move(next);
    }
  }

  std::vector<double> mean_of_placed(std::uint32_t row) const {
    std::vector<double> mean(dim_, 0.0);
    double weight_sum = 0.0;
    const auto columns = graph_.columns_of(row);
    for (std::size_t e = 0; e < columns.size(); ++e) {
      if (is_placed_[columns[e]]) {
        const double weight = std::max(kWeightMin, static_cast<double>(graph_.weights_of(row)[e]));
        weight_sum += weight;
        for (std::size_t c = 0; c < dim_; ++c) {
          mean[c] += weight * static_cast<double>(places_[columns[e] * dim_ + c]);
        }
      }
    }
    std::ranges::transform(mean, mean.begin(), [&](double sum) { return sum / weight_sum; });
    return mean;
  }

  void place(std::uint32_t row, const std::vector<double>& where) {
    for (std::size_t c = 0; c < dim_; ++c) {
      const std::size_t at = row * dim_ + c;
      places_[at] = static_cast<float>(where[c] + kParting * parting_.normal(at));
    }
  }

  const SparseGraph& graph_;
  SparseGraph seen_by_;
  CounterRandom parting_;
  std::size_t dim_;
  std::vector<float> places_;
  std::vector<bool> is_placed_;
  std::vector<std::uint32_t> known_;
};

}  // namespace

Result<std::vector<float>> principal_places(const RowsView& rows, std::size_t component_count, double deviation,
                                            std::uint64_t seed, const AnalysisRun& run) {
  const CounterRandom random(seed, kStream);
  std::vector<float> places(rows.row_count * component_count);
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] = static_cast<float>(kNoiseShare * deviation * random.normal(i));
  }
  const std::size_t kept = std::min({component_count, rows.dim, rows.row_count});
  if (rows.row_count < 2) {
    return places;
  }
  const auto pca = Pca::fit(rows, {.count = kept}, run);
  if (!pca) {
    return std::unexpected(pca.error());
  }
  double size = 0.0;
  for (const double entry : pca->mean()) {
    size += entry * entry;
  }
  const double variance = pca->explained_variances()[0];
  if (variance <= kVarianceShareMin * size || variance <= 0.0) {
    return places;
  }
  const auto scores = pca->transform(rows);
  if (!scores) {
    return std::unexpected(scores.error());
  }
  const double scale = deviation / std::sqrt(variance);
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    for (std::size_t c = 0; c < kept; ++c) {
      places[row * component_count + c] += static_cast<float>(scale * static_cast<double>((*scores)[row * kept + c]));
    }
  }
  return places;
}

GivenPlaces kind_of_places(std::span<const float> places, std::size_t component_count) {
  const auto variance = widest_variance(places, component_count);
  if (!variance) {
    return GivenPlaces::kNone;
  }
  return *variance > kMapDeviation * kMapDeviation ? GivenPlaces::kMap : GivenPlaces::kShape;
}

void scale_places(std::span<float> places, std::size_t component_count, double deviation) {
  const double widest = widest_variance(places, component_count).value_or(0.0);
  if (widest > 0.0) {
    const auto scale = static_cast<float>(deviation / std::sqrt(widest));
    std::ranges::transform(places, places.begin(), [scale](float v) { return scale * v; });
  }
}

std::vector<float> completed_places(const SparseGraph& graph, std::span<const float> places,
                                    std::size_t component_count, std::uint64_t seed) {
  return Completion(graph, places, component_count, seed)(CounterRandom(seed, kPlaceStream));
}

std::vector<float> step_shares(std::span<const float> places, std::size_t component_count) {
  std::vector<float> shares(places.size() / component_count);
  for (std::size_t row = 0; row < shares.size(); ++row) {
    shares[row] = is_known(places, component_count, row) ? kKnownStepShare : 1.0F;
  }
  return shares;
}

std::vector<float> by_component(std::span<const float> values, std::size_t row_count, std::size_t component_count) {
  std::vector<float> out(values.size());
  for (std::size_t row = 0; row < row_count; ++row) {
    for (std::size_t c = 0; c < component_count; ++c) {
      out[c * row_count + row] = values[row * component_count + c];
    }
  }
  return out;
}

}  // namespace asterism
