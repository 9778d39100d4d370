// What tools/goldens/training_*_record.py recorded from PyTorch.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weights/safetensors.hpp"

namespace asterism {

inline std::map<std::string, Tensor> recording(const std::string& name) {
  const auto file = read_safetensors(std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/training/" + name);
  EXPECT_TRUE(file) << file.error().to_string();
  return file->tensors;
}

// "PREFIX0", "PREFIX1", ... as far as they go.
inline std::vector<Tensor> numbered(const std::map<std::string, Tensor>& tensors, const std::string& prefix) {
  std::vector<Tensor> found;
  for (auto it = tensors.find(prefix + "0"); it != tensors.end();
       it = tensors.find(prefix + std::to_string(found.size()))) {
    found.push_back(it->second);
  }
  return found;
}

// |found - expected| as a share of |expected|, both as vectors.
inline double relative_difference(const Tensor& found, const Tensor& expected) {
  EXPECT_EQ(found.shape(), expected.shape());
  const Tensor wide = expected.to_f32();
  double difference = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < found.element_count(); ++i) {
    const auto a = static_cast<double>(found.as<float>()[i]);
    const auto b = static_cast<double>(wide.as<float>()[i]);
    difference += (a - b) * (a - b);
    size += b * b;
  }
  return std::sqrt(difference) / std::sqrt(size);
}

}  // namespace asterism
