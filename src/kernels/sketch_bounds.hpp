// Lower bounds of distances from sketches: what a scan of sketches computes.
//
// A sketch is one bit a component, in lines of eight 64-bit words, the last 16 bytes of which hold four numbers. The
// query's components are whole numbers from -8 to 7, kept as four planes of bits: plane p holds bit p of every
// component, and the last is worth -8. The sum of the components where a sketch has a bit is then four counts of bits.
// Which instructions count is chosen once, by what the processor has: VPOPCNTDQ by intrinsics (Highway 1.0 is not built
// for it here), else Highway's widest. Sums are exact, bounds are to rounding; the serial function is the oracle of the
// tests. What the numbers mean: index/graph_sketches.hpp. Thread-safety: pure functions. Cost: four counts a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace asterism {

inline constexpr std::size_t kSketchPlaneCount = 4;
inline constexpr std::size_t kSketchLineWords = 8;
inline constexpr int kSketchComponentMin = -8;
inline constexpr int kSketchComponentMax = 7;

// At the end of a sketch's last line.
struct SketchNumbers {
  float scale;         // of the signed sum of the query's components
  float offset;        // of every distance to the row
  float mean_product;  // times what the query has of the mean
  float error;         // times the margin of the query
};

// Sketches one after the other. What lies behind the bits of a sketch in its lines may be anything: planes are zero
// there.
struct SketchRows {
  const std::uint64_t* first = nullptr;  // aligned to a line
  std::size_t stride_lines = 0;          // from one sketch to the next
  std::size_t line_count = 0;            // lines with bits
};

// A query: the bound of a row is
//   base + offset - mean_share * mean_product - scale * step * (2 * sum where it has a bit - sum) - margin * error
// and minus infinity where that is not a number.
struct SketchTerms {
  const std::uint64_t* planes = nullptr;  // [kSketchPlaneCount, lines with bits], aligned to a line
  std::int32_t sum = 0;                   // of all components
  float step = 0.0F;
  float base = 0.0F;
  float mean_share = 0.0F;
  float margin = 0.0F;
};

struct SketchBounds {
  std::string_view name;  // "avx512-vpopcntdq", "serial"
  // bounds[i] of the sketch rows[i].
  void (*bounds)(const SketchTerms& query, const SketchRows& sketches, std::span<const std::uint32_t> rows,
                 float* bounds) noexcept;
};

// The ones that this processor can run, fastest first; the last one is "serial".
std::span<const SketchBounds> sketch_bounds() noexcept;

}  // namespace asterism
