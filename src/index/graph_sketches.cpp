#include "index/graph_sketches.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace asterism {
namespace {

constexpr std::size_t kWordBits = 64;
constexpr std::size_t kWordBytes = sizeof(std::uint64_t);
// Codes that the mean is taken of.
constexpr std::size_t kMeanRowCount = 4096;
// Standard deviations by which an estimate may be wrong: past three lies one row in 700, on the side that matters.
constexpr float kErrorWidths = 3.0F;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) noexcept {
  return (value + multiple - 1) / multiple * multiple;
}

float product(std::span<const float> a, std::span<const float> b) noexcept {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
}

// The mean of some codes, evenly spaced; zero where it is not finite.
std::vector<float> mean_of(const GraphCodes& codes, std::size_t row_count) {
  std::vector<double> sum(codes.dim());
  std::vector<float> components(codes.dim());
  const std::size_t step = std::max<std::size_t>(1, row_count / kMeanRowCount);
  for (std::size_t row = 0; row < row_count; row += step) {
    codes.factored(codes.row(row), components);
    std::ranges::transform(sum, components, sum.begin(), [](double a, float b) { return a + static_cast<double>(b); });
  }
  const double count = std::ceil(static_cast<double>(row_count) / static_cast<double>(step));
  std::vector<float> mean(codes.dim());
  std::ranges::transform(sum, mean.begin(), [count](double value) { return static_cast<float>(value / count); });
  if (!std::isfinite(product(mean, mean))) {
    std::ranges::fill(mean, 0.0F);
  }
  return mean;
}

}  // namespace

GraphSketches::GraphSketches(const GraphCodes& codes, std::size_t row_count)
    : rotation_(round_up(codes.dim(), kWordBits)),
      kernel_(sketch_bounds().front()),
      mean_(mean_of(codes, row_count)),
      mean_square_(product(mean_, mean_)),
      line_count_(round_up(rotation_.dim() / kWordBits, kSketchLineWords) / kSketchLineWords),
      stride_bytes_(round_up(rotation_.dim() / kWordBits * kWordBytes + sizeof(SketchNumbers), kCacheLineBytes)) {}

std::unique_ptr<GraphSketches> GraphSketches::make(const GraphCodes& codes, std::size_t row_count) {
  auto sketches = std::make_unique<GraphSketches>(codes, row_count);
  std::vector<std::uint32_t> rows(row_count);
  std::iota(rows.begin(), rows.end(), 0U);
  return sketches->update(codes, rows) ? std::move(sketches) : nullptr;
}

std::size_t GraphSketches::size_bytes() const noexcept {
  return row_capacity_ * stride_bytes_;
}

bool GraphSketches::reserve(std::size_t row_count) {
  if (row_count > row_capacity_) {
    if (!bytes_.grow(row_count * stride_bytes_, {bytes_.data(), row_count_ * stride_bytes_})) {
      return false;
    }
    row_capacity_ = row_count;
  }
  return true;
}

bool GraphSketches::update(const GraphCodes& codes, std::span<const std::uint32_t> rows) {
  if (rows.empty()) {
    return true;
  }
  const std::size_t needed = std::size_t{std::ranges::max(rows)} + 1;
  // Room grows by half, so that copies are few when rows come one by one.
  if (!reserve(needed > row_capacity_ && row_capacity_ > 0 ? std::max(needed, row_capacity_ * 3 / 2) : needed)) {
    return false;
  }
  row_count_ = std::max(row_count_, needed);
  std::vector<float> components(rotation_.dim());
  for (const std::uint32_t row : rows) {
    write(codes, row, components);
  }
  return true;
}

void GraphSketches::write(const GraphCodes& codes, std::uint32_t row, std::span<float> components) {
  const std::span<float> own = components.first(mean_.size());
  codes.factored(codes.row(row), own);
  std::ranges::transform(own, mean_, own.begin(), std::minus<>{});
  std::ranges::fill(components.subspan(own.size()), 0.0F);
  const float square = product(own, own);
  const float mean_product = product(own, mean_);
  rotation_.apply(components);

  std::byte* sketch = at(row);
  std::fill(sketch, sketch + stride_bytes_, std::byte{0});
  float absolute_sum = 0.0F;
  for (std::size_t begin = 0; begin < components.size(); begin += kWordBits) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < kWordBits; ++i) {
      const float component = components[begin + i];
      word |= static_cast<std::uint64_t>(component > 0.0F) << i;
      absolute_sum += std::abs(component);
    }
    std::memcpy(sketch + begin / 8, &word, sizeof word);
  }

  SketchNumbers numbers{
      .scale = 0.0F, .offset = codes.offset(codes.row(row)), .mean_product = mean_product, .error = 0.0F};
  if (absolute_sum != 0.0F) {  // or is not a number: then the rest is neither
    numbers.scale = square / absolute_sum;
    // What the signs leave of a vector, as a random direction among the others.
    const auto dim = static_cast<float>(components.size());
    const float rest = std::max(0.0F, dim * numbers.scale * numbers.scale - square);
    numbers.error = std::sqrt(rest / (dim - 1.0F));
  }
  if (!std::isfinite(numbers.scale + numbers.offset + numbers.mean_product + numbers.error)) {
    numbers = {.scale = 0.0F, .offset = 0.0F, .mean_product = 0.0F, .error = std::numeric_limits<float>::infinity()};
  }
  std::memcpy(sketch + stride_bytes_ - sizeof numbers, &numbers, sizeof numbers);
}

void GraphSketches::prepare(const GraphCodes& codes, const std::byte* query_code, SketchQuery& query) const {
  query.rotated.assign(rotation_.dim(), 0.0F);
  const std::span<float> own = std::span(query.rotated).first(mean_.size());
  codes.factored(query_code, own);
  SketchTerms& terms = query.terms;
  const float mean_product = product(own, mean_);
  terms.mean_share = mean_square_ > 0.0F ? mean_product / mean_square_ : 0.0F;
  for (std::size_t i = 0; i < own.size(); ++i) {
    own[i] -= terms.mean_share * mean_[i];
  }
  terms.base = codes.offset(query_code) - mean_product;
  terms.margin = kErrorWidths * std::sqrt(product(own, own));
  rotation_.apply(query.rotated);

  if (!std::ranges::all_of(query.rotated, [](float value) { return std::isfinite(value); })) {
    std::ranges::fill(query.rotated, 0.0F);
    terms.margin = std::numeric_limits<float>::infinity();  // it bounds nothing away
  }
  const float largest = std::ranges::max(query.rotated, {}, [](float value) { return std::abs(value); });
  terms.step = std::abs(largest) / static_cast<float>(kSketchComponentMax);
  const float inverse = terms.step >= std::numeric_limits<float>::min() ? 1.0F / terms.step : 0.0F;
  terms.sum = 0;
  query.planes.assign(kSketchPlaneCount * line_count_, {});
  for (std::size_t i = 0; i < query.rotated.size(); ++i) {
    const float whole = std::nearbyint(query.rotated[i] * inverse);
    const auto component =
        static_cast<std::int32_t>(std::clamp(whole, float{kSketchComponentMin}, float{kSketchComponentMax}));
    terms.sum += component;
    for (std::size_t plane = 0; plane < kSketchPlaneCount; ++plane) {
      const std::uint64_t bit = (static_cast<std::uint32_t>(component) >> plane) & 1U;
      SketchQuery::Line& line = query.planes[plane * line_count_ + i / (kWordBits * kSketchLineWords)];
      line.words[i / kWordBits % kSketchLineWords] |= bit << (i % kWordBits);
    }
  }
  terms.planes = query.planes.front().words;
}

void GraphSketches::lower_bounds(const SketchQuery& query, std::span<const std::uint32_t> rows,
                                 std::span<float> bounds) const {
  const SketchRows sketches{.first = reinterpret_cast<const std::uint64_t*>(bytes_.data()),
                            .stride_lines = stride_bytes_ / sizeof(SketchQuery::Line),
                            .line_count = line_count_};
  kernel_.bounds(query.terms, sketches, rows, bounds.data());
}

}  // namespace asterism
