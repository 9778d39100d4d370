// Vectors for tests of the index, the obvious answer to a search, and a folder of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "index/exact_scan.hpp"
#include "index/vector_rows.hpp"
#include "scratch_folder.hpp"

namespace asterism {

inline std::vector<float> random_vectors(std::size_t count, unsigned seed, float offset = 0.0F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(offset);
  std::vector<float> values(count);
  std::ranges::generate(values, [&] { return normal(random); });
  return values;
}

// Rows around `cluster_count` centres: as vectors of texts are, some much nearer than others. Lengths differ by up to
// `length_ratio`.
inline std::vector<float> clustered_vectors(std::size_t row_count, std::size_t dim, unsigned seed,
                                            float length_ratio = 1.0F, std::size_t cluster_count = 40) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> exponent(0.0F, 1.0F);
  const auto centres = random_vectors(cluster_count * dim, 4711);
  std::vector<float> values(row_count * dim);
  for (std::size_t r = 0; r < row_count; ++r) {
    const std::size_t cluster = random() % cluster_count;
    const float length = std::pow(length_ratio, exponent(random));
    for (std::size_t i = 0; i < dim; ++i) {
      values[r * dim + i] = length * (centres[cluster * dim + i] + 0.7F * normal(random));
    }
  }
  return values;
}

// Rows kept as `type`, and the floats they stand for.
struct KeptVectors {
  std::vector<std::byte> bytes;
  std::vector<float> values;
  VectorRows rows;
};

inline KeptVectors keep(std::span<const float> values, std::size_t dim, VectorType type) {
  KeptVectors kept;
  const std::size_t stride = vector_stride_bytes(type, dim);
  const std::size_t size = vector_size_bytes(type, dim);
  const std::size_t count = values.size() / dim;
  kept.bytes.resize(count * stride);
  kept.values.resize(values.size());
  for (std::size_t r = 0; r < count; ++r) {
    const auto row = std::span(kept.bytes).subspan(r * stride, size);
    EXPECT_TRUE(quantise_row(type, values.subspan(r * dim, dim), row));
    dequantise_row(type, row, std::span(kept.values).subspan(r * dim, dim));
  }
  kept.rows = {.data = kept.bytes, .row_count = count, .dim = dim, .type = type, .stride_bytes = stride};
  return kept;
}

// The metric by its definition, in double.
inline double true_value(std::span<const float> a, std::span<const float> b, Metric metric) {
  double dot = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  double distance = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<double>(a[i]);
    const auto y = static_cast<double>(b[i]);
    dot += x * y;
    aa += x * x;
    bb += y * y;
    distance += (x - y) * (x - y);
  }
  if (metric == Metric::kEuclidean) {
    return std::sqrt(distance);
  }
  return metric == Metric::kDot ? dot : aa * bb == 0.0 ? 0.0 : dot / std::sqrt(aa * bb);
}

class IndexFolderTest : public testing::Test {
 protected:
  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  static void write(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  // Another byte at one place: far quicker than writing the file anew.
  static void patch(const std::filesystem::path& path, std::size_t offset, char byte) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
  }

  ScratchFolder scratch_{"index"};
  std::filesystem::path folder = scratch_.path();
};

}  // namespace asterism
