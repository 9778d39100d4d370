// Small constants of OpenVINO models. Private to src/openvino.
#pragma once

#include <cstdint>
#include <vector>

#include <openvino/op/constant.hpp>

namespace asterism {

inline ov::Output<ov::Node> constant_i64(const std::vector<std::int64_t>& values) {
  return ov::op::v0::Constant::create(ov::element::i64, {values.size()}, values);
}

inline ov::Output<ov::Node> scalar(float value) {
  return ov::op::v0::Constant::create(ov::element::f32, {}, {value});
}

}  // namespace asterism
