// The ops of images as OpenVINO nodes. Private to src/openvino.
#pragma once

#include <span>

#include <openvino/core/node_output.hpp>

#include "graph/graph.hpp"

namespace asterism {

// `inputs` are the lowered inputs of `value`, whose parameters are constants. May throw ov::Exception.
ov::Output<ov::Node> lower_image_op(const Value& value, std::span<const ov::Output<ov::Node>> inputs);

}  // namespace asterism
