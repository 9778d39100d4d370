#include "analysis/analogy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>

#include "base/thread_pool.hpp"
#include "kernels/distance.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRowsPerChunk = 2048;

// As doubles, so that the terms are as near to length 1 as a float can be.
double length_of(std::span<const float> row) {
  double square = 0.0;
  for (const float value : row) {
    square += static_cast<double>(value) * static_cast<double>(value);
  }
  return std::sqrt(square);
}

// Where the one positive, the negative and the other positive term stand: b - a + c.
struct PairPlaces {
  std::size_t a = 0;
  std::size_t b = 0;
  std::size_t c = 0;
};

std::optional<PairPlaces> pair_places(std::span<const double> weights) {
  if (weights.size() != 3) {
    return std::nullopt;
  }
  std::vector<std::size_t> positive;
  std::optional<std::size_t> negative;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 1.0) {
      positive.push_back(i);
    } else if (weights[i] == -1.0) {
      negative = i;
    }
  }
  if (positive.size() != 2 || !negative) {
    return std::nullopt;
  }
  return PairPlaces{.a = *negative, .b = positive[0], .c = positive[1]};
}

// 2 - 2 cos is the square of the distance of two vectors of length 1; below this it is rounding alone.
constexpr double kSquaredDistanceMin = 1e-12;

}  // namespace

std::string_view analogy_method_name(AnalogyMethod method) noexcept {
  switch (method) {
    case AnalogyMethod::kCosAdd:
      return "3cosadd";
    case AnalogyMethod::kCosMul:
      return "3cosmul";
    case AnalogyMethod::kPairDirection:
      return "pair-direction";
  }
  return {};
}

Result<AnalogyScorer> AnalogyScorer::make(const RowsView& terms, std::span<const double> weights,
                                          AnalogyMethod method) {
  if (terms.row_count == 0 || terms.row_count != weights.size()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("analogy: expected at least one term, each with a weight, found {} and {}", terms.row_count,
                            weights.size()));
  }
  AnalogyScorer out;
  out.method_ = method;
  out.dim_ = terms.dim;
  out.weights_.assign(weights.begin(), weights.end());
  out.units_.resize(terms.row_count * terms.dim);
  std::vector<double> sum(terms.dim);
  for (std::size_t i = 0; i < terms.row_count; ++i) {
    const double length = length_of(terms.row(i));
    if (!(length > 0.0) || !std::isfinite(length) || !std::isfinite(weights[i]) || weights[i] == 0.0) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("analogy: term {}: expected a direction and a weight other than 0, found length {} and "
                              "weight {}",
                              i + 1, length, weights[i]));
    }
    for (std::size_t d = 0; d < terms.dim; ++d) {
      const double unit = static_cast<double>(terms.row(i)[d]) / length;
      out.units_[i * terms.dim + d] = static_cast<float>(unit);
      sum[d] += weights[i] * unit;
    }
  }
  if (method == AnalogyMethod::kCosAdd) {
    double square = 0.0;
    for (const double value : sum) {
      square += value * value;
    }
    if (!(square > kSquaredDistanceMin)) {
      return fail(ErrorCode::kInvalidArgument, "analogy: expected terms that do not cancel out, found a sum of nothing",
                  "3cosmul takes such terms");
    }
    out.units_.resize(terms.dim);
    std::ranges::transform(sum, out.units_.begin(),
                           [norm = std::sqrt(square)](double value) { return static_cast<float>(value / norm); });
  }
  if (method == AnalogyMethod::kPairDirection) {
    const auto places = pair_places(weights);
    if (!places) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("pair-direction: expected the form \"king - man + woman\", two terms added and one taken "
                              "away, each once, found {} terms",
                              terms.row_count),
                  "3cosadd and 3cosmul take any sum");
    }
    const std::vector<float> given = out.units_;
    const auto unit = [&](std::size_t i) { return std::span(given).subspan(i * terms.dim, terms.dim); };
    out.cos_ab_ = static_cast<double>(dot_product(unit(places->a), unit(places->b)));
    out.cos_ac_ = static_cast<double>(dot_product(unit(places->a), unit(places->c)));
    out.cos_bc_ = static_cast<double>(dot_product(unit(places->b), unit(places->c)));
    auto at = out.units_.begin();
    for (const std::size_t place : {places->a, places->b, places->c}) {
      at = std::ranges::copy(unit(place), at).out;
    }
    if (!(2.0 - 2.0 * out.cos_ab_ > kSquaredDistanceMin)) {
      return fail(ErrorCode::kInvalidArgument,
                  "pair-direction: expected two terms that differ, found the same direction twice");
    }
  }
  return out;
}

void AnalogyScorer::score(const RowsView& candidates, std::span<float> scores) const {
  const std::size_t term_count = units_.size() / dim_;
  std::vector<double> cosines(term_count);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto row = candidates.row(i);
    const double length = std::sqrt(static_cast<double>(dot_product(row, row)));
    for (std::size_t t = 0; t < term_count; ++t) {
      const float dot = dot_product(std::span(units_).subspan(t * dim_, dim_), row);
      cosines[t] = length > 0.0 ? static_cast<double>(dot) / length : 0.0;
    }
    switch (method_) {
      case AnalogyMethod::kCosAdd:
        scores[i] = static_cast<float>(cosines[0]);
        break;
      case AnalogyMethod::kCosMul:
        scores[i] = cos_mul(cosines);
        break;
      case AnalogyMethod::kPairDirection:
        scores[i] = pair_direction(cosines);
        break;
    }
  }
}

float AnalogyScorer::cos_mul(std::span<const double> cosines) const {
  double above = 1.0;
  double below = 1.0;
  for (std::size_t t = 0; t < cosines.size(); ++t) {
    const double shifted = std::max(0.0, (1.0 + cosines[t]) / 2.0);
    const double weight = std::abs(weights_[t]);
    const double factor = weight == 1.0 ? shifted : std::pow(shifted, weight);
    (weights_[t] > 0.0 ? above : below) *= factor;
  }
  return static_cast<float>(above / (below + kCosMulEpsilon));
}

float AnalogyScorer::pair_direction(std::span<const double> cosines) const {
  const double square = (2.0 - 2.0 * cosines[2]) * (2.0 - 2.0 * cos_ab_);
  if (!(2.0 - 2.0 * cosines[2] > kSquaredDistanceMin)) {
    return 0.0F;
  }
  return static_cast<float>((cosines[1] - cosines[0] - cos_bc_ + cos_ac_) / std::sqrt(square));
}

Result<std::vector<ScoredIndex>> rank_analogies(const RowsView& candidates, const AnalogyScorer& scorer, std::size_t k,
                                                std::span<const std::size_t> excluded, const AnalysisRun& run) {
  if (candidates.dim != scorer.dim()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("analogy: expected candidates of length {}, found {}", scorer.dim(), candidates.dim));
  }
  k = std::min(k, candidates.row_count);
  std::vector<std::size_t> left_out(excluded.begin(), excluded.end());
  std::ranges::sort(left_out);
  TopK best(k);
  std::mutex mutex;
  run.pool.parallel_for(candidates.row_count, kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
    if (run.is_cancelled()) {
      return;
    }
    std::vector<float> scores(end - begin);
    const RowsView part{.values = candidates.values.subspan(begin * candidates.dim, (end - begin) * candidates.dim),
                        .row_count = end - begin,
                        .dim = candidates.dim};
    scorer.score(part, scores);
    TopK of_part(std::min(k, scores.size()));
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (!std::ranges::binary_search(left_out, begin + i)) {
        of_part.offer(begin + i, scores[i]);
      }
    }
    // Which part comes first does not matter: order is by score and row alone.
    const auto found = of_part.take();
    const std::scoped_lock lock(mutex);
    for (const ScoredIndex& one : found) {
      best.offer(one.index, one.score);
    }
  });
  if (run.is_cancelled()) {
    return fail(ErrorCode::kCancelled, "analogy: stopped");
  }
  return best.take();
}

}  // namespace asterism
