#include "models/modules.hpp"

#include <algorithm>
#include <utility>

namespace asterism {

std::int64_t last_dim(const GraphBuilder& builder, ValueId x) {
  const Shape& shape = builder.shape(x);
  return shape.empty() ? 1 : shape.back();
}

ValueId linear_module(GraphBuilder& builder, const std::string& path, ValueId x, std::int64_t out_size, Bias bias) {
  const ValueId weight = builder.parameter(path + ".weight", {out_size, last_dim(builder, x)});
  if (bias == Bias::kNo) {
    return builder.linear(path, x, weight);
  }
  return builder.linear(path, x, weight, builder.parameter(path + ".bias", {out_size}));
}

ValueId layer_norm_module(GraphBuilder& builder, const std::string& path, ValueId x, double epsilon) {
  const std::int64_t size = last_dim(builder, x);
  const ValueId weight = builder.parameter(path + ".weight", {size});
  const ValueId bias = builder.parameter(path + ".bias", {size});
  return builder.layer_norm(path, x, weight, bias, epsilon);
}

ValueId patch_convolution_module(GraphBuilder& builder, const std::string& path, ValueId image,
                                 const PatchConvolution& convolution) {
  const Shape& shape = builder.shape(image);
  const std::int64_t channels = shape.size() == 4 ? shape[1] : 1;
  const auto [height, width] = convolution.patch;
  Conv2dInputs inputs;
  inputs.x = image;
  inputs.weight = builder.parameter(path + ".weight", {convolution.out_size, channels, height, width});
  if (convolution.bias == Bias::kYes) {
    inputs.bias = builder.parameter(path + ".bias", {convolution.out_size});
  }
  Window2d window;
  window.stride = convolution.patch;
  return builder.conv2d(path, inputs, window);
}

ValueId token_at(GraphBuilder& builder, const std::string& name, ValueId tokens, std::int64_t index) {
  const std::int64_t hidden_size = last_dim(builder, tokens);
  const ValueId one = builder.slice(name + ".slice", tokens, {.axis = 1, .begin = index, .size = 1});
  return builder.reshape(name, one, {hidden_size});
}

ValueId mean_of_tokens(GraphBuilder& builder, const std::string& name, ValueId tokens, std::int64_t begin) {
  ValueId chosen = tokens;
  if (begin > 0) {
    const Shape shape = builder.shape(tokens);
    const std::int64_t count = shape.size() == 3 ? shape[1] - begin : 1;
    chosen = builder.slice(name + ".slice", tokens, {.axis = 1, .begin = begin, .size = count});
  }
  ReduceOptions options;
  options.reduction = Reduction::kMean;
  options.axes = {1};
  return builder.reduce(name, chosen, options);
}

}  // namespace asterism
