// Short codes of vectors, and a distance between them that needs one inner product.
//
// A code is the components (i8 or bf16) and three numbers, in a row of whole cache lines:
//   distance(a, b) = a.offset + b.offset - a.factor * b.factor * product(a, b) - a.pole * b.pole
// cosine:    offset 1/2, factor 1 / length of the components: 1 - cosine.
// Euclidean: of the vector less `centre`; offset its square, factor sqrt(2) * scale: the squared distance.
// dot:       factor = scale, pole = sqrt(largest square - square): a distance by one more component (Bachrach et al.
//            2014, "Speeding Up the Xbox Recommender System Using a Euclidean Transformation for Inner-Product
//            Spaces"); queries have pole 0.
// Ownership: owns its rows, or borrows them from a mapping. Thread-safety: reading from any thread; writing different
// rows at once is fine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "asterism/metric.hpp"
#include "index/aligned_bytes.hpp"
#include "index/graph_index.hpp"
#include "kernels/code_dots.hpp"

namespace asterism {

// What codes are taken relative to; part of the index file.
struct CodeReference {
  std::vector<float> centre;    // [dim] for Euclidean, else empty
  float largest_square = 0.0F;  // of the vectors, for dot
};

class GraphCodes {
 public:
  GraphCodes(Metric metric, std::size_t dim, GraphCode code, CodeReference reference);

  std::size_t stride_bytes() const noexcept { return stride_bytes_; }
  const CodeReference& reference() const noexcept { return reference_; }
  std::string_view kernel_name() const noexcept { return dots_.name; }
  std::size_t row_capacity() const noexcept { return row_capacity_; }

  // Room for `row_count` rows; rows written so far are kept. kLimitExceeded where memory is short.
  Result<void> reserve(std::size_t row_count);
  // Uses rows in a mapping, which must stay: reading only.
  void borrow(std::span<const std::byte> rows) noexcept;

  const std::byte* row(std::size_t slot) const noexcept { return rows_ + slot * stride_bytes_; }
  std::byte* writable_row(std::size_t slot) noexcept { return owned_.data() + slot * stride_bytes_; }
  // Writes the code of `vector` [dim], of a row or of a query, to `code` [stride_bytes()], aligned to a cache line.
  void encode_row(std::span<const float> vector, std::byte* code) const { encode(vector, code, false); }
  void encode_query(std::span<const float> vector, std::byte* code) const { encode(vector, code, true); }

  float distance(const std::byte* a, const std::byte* b) const noexcept {
    const Trailer& x = trailer(a);
    const Trailer& y = trailer(b);
    return x.offset + y.offset - x.factor * y.factor * dots_.product(a, b, dim_) - x.pole * y.pole;
  }
  // The same to each code of a group.
  std::array<float, kCodesAtOnce> distances(const std::byte* a, const CodeGroup& codes) const noexcept {
    const Trailer& x = trailer(a);
    std::array<float, kCodesAtOnce> result = dots_.products(a, codes, dim_);
    for (std::size_t i = 0; i < kCodesAtOnce; ++i) {
      const Trailer& y = trailer(codes[i]);
      result[i] = x.offset + y.offset - x.factor * y.factor * result[i] - x.pole * y.pole;
    }
    return result;
  }
  // What a distance is made of, for whoever guesses one: to a code of a query it is
  //   offset(query) + offset(code) - product of factored(query) and factored(code)
  float offset(const std::byte* code) const noexcept { return trailer(code).offset; }
  // The components times the factor, [dim].
  void factored(const std::byte* code, std::span<float> components) const noexcept;
  std::size_t dim() const noexcept { return dim_; }
  // The value of the metric for a distance.
  float value_of(float distance) const noexcept;

  void prefetch(std::size_t slot) const noexcept {
    const std::byte* p = row(slot);
    for (std::size_t offset = 0; offset < stride_bytes_; offset += kCacheLineBytes) {
      __builtin_prefetch(p + offset);
    }
  }

 private:
  struct Trailer {
    float factor;
    float offset;
    float pole;
  };
  const Trailer& trailer(const std::byte* code) const noexcept {
    return *reinterpret_cast<const Trailer*>(code + trailer_offset_);
  }
  void encode(std::span<const float> vector, std::byte* code, bool is_query) const;
  // Writes the components; what a component is multiplied with to be that of the vector.
  float encode_components(std::span<const float> vector, std::byte* code) const noexcept;

  Metric metric_;
  GraphCode code_;
  std::size_t dim_;
  CodeReference reference_;
  CodeDots dots_;
  std::size_t trailer_offset_;
  std::size_t stride_bytes_;
  AlignedBytes owned_;
  const std::byte* rows_ = nullptr;
  std::size_t row_capacity_ = 0;
};

}  // namespace asterism
