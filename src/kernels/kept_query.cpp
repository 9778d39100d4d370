#include "kernels/kept_query.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace asterism {
namespace {

// Below this share of the largest magnitude, the mean one is too small for fixed point.
constexpr double kMeanShareMin = 1.0 / 64.0;
// Rows whose sums wait to be scaled.
constexpr std::size_t kRowsPerStep = 64;

// Added to a double of less than 2^31 it leaves the nearest whole number in the lowest bits.
constexpr double kToWhole = 6755399441055744.0;  // 1.5 * 2^52

std::int32_t nearest_whole(double value) noexcept {
  return static_cast<std::int32_t>(std::bit_cast<std::int64_t>(value + kToWhole) & 0xFFFF'FFFF);
}

double scale_of(const std::byte* row, std::size_t dim) noexcept {
  float scale = 0.0F;
  std::memcpy(&scale, row + kept_scale_offset(dim), sizeof scale);
  return static_cast<double>(scale);
}

// Calls take(r, scale, product, square) for each row; squares are zero where they are not wanted.
template <typename Take>
void for_each_sum(const FixedPointQuery& query, const KeptRows& rows, std::size_t count, bool wants_squares,
                  Take take) noexcept {
  const FixedPointDots& kernel = fixed_point_dots().front();
  std::array<double, kRowsPerStep> products{};
  std::array<std::int32_t, kRowsPerStep> squares{};
  for (std::size_t begin = 0; begin < count; begin += kRowsPerStep) {
    const std::size_t step = std::min(kRowsPerStep, count - begin);
    KeptRows part = rows;
    part.data += begin * rows.stride_bytes;
    kernel.dots(query, part, std::span(products).first(step),
                wants_squares ? std::span(squares).first(step) : std::span<std::int32_t>{});
    for (std::size_t r = 0; r < step; ++r) {
      take(begin + r, scale_of(part.data + r * rows.stride_bytes, rows.dim), products[r],
           static_cast<double>(squares[r]));
    }
  }
}

}  // namespace

KeptQuery::KeptQuery(std::span<const float> query, VectorType type) : query_(query) {
  if (type == VectorType::kI8 && fixed_point_dots().size() > 1) {
    round_to_fixed_point();
  }
}

void KeptQuery::round_to_fixed_point() {
  float largest = 0.0F;
  double sum = 0.0;
  for (const float value : query_) {
    largest = std::max(largest, std::abs(value));
    sum += static_cast<double>(std::abs(value));
  }
  // What is not finite fails here too.
  if (!(largest > 0.0F && sum >= kMeanShareMin * static_cast<double>(largest) * static_cast<double>(query_.size()) &&
        std::isfinite(sum))) {
    return;
  }
  step_ = static_cast<double>(largest) / static_cast<double>(kFixedPointMax);
  const double inverse = static_cast<double>(kFixedPointMax) / static_cast<double>(largest);
  const std::size_t plane_bytes = fixed_point_plane_bytes(query_.size());
  planes_.assign(kFixedPointPlaneCount * plane_bytes / sizeof(Line), {});
  std::int8_t* planes = planes_.front().bytes;
  for (std::size_t i = 0; i < query_.size(); ++i) {
    std::int32_t whole = nearest_whole(static_cast<double>(query_[i]) * inverse);
    sum_ += whole;
    square_ += static_cast<double>(whole) * static_cast<double>(whole);
    for (std::size_t plane = 0; plane < kFixedPointPlaneCount; ++plane) {
      const auto digit = static_cast<std::int8_t>(whole & 0xFF);
      planes[plane * plane_bytes + i] = digit;
      whole = (whole - digit) / 256;
    }
  }
  square_ *= step_ * step_;
}

void KeptQuery::dots(const KeptRows& rows, std::span<float> dots, std::span<float> squares) const noexcept {
  if (!is_fixed_point()) {
    return kept_dots(rows, query_, dots, squares);
  }
  for_each_sum(fixed_point(), rows, dots.size(), !squares.empty(),
               [&](std::size_t r, double scale, double product, double square) {
                 dots[r] = static_cast<float>(scale * step_ * product);
                 if (!squares.empty()) {
                   squares[r] = static_cast<float>(scale * scale * square);
                 }
               });
}

// Nothing is lost where large numbers cancel: each is exact but for the last bits of a double.
void KeptQuery::squared_distances(const KeptRows& rows, std::span<float> out) const noexcept {
  if (!is_fixed_point()) {
    return kept_squared_distances(rows, query_, out);
  }
  for_each_sum(fixed_point(), rows, out.size(), true, [&](std::size_t r, double scale, double product, double square) {
    const double distance = square_ - 2.0 * scale * step_ * product + scale * scale * square;
    out[r] = static_cast<float>(distance < 0.0 ? 0.0 : distance);
  });
}

}  // namespace asterism
