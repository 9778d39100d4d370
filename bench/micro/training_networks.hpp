// Networks of the sizes that recipes train, with random weights and one batch: what torch_bench.cpp steps.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "graph/learner.hpp"

namespace asterism::bench {

struct TrainingCase {
  LearnerSpec spec;
  std::vector<Feed> feeds;
  std::int64_t image_count = 0;
};

class NetworkBuilder {
 public:
  GraphBuilder& graph() { return graph_; }

  Tensor random(const Shape& shape, float magnitude, float centre = 0.0F) {
    Tensor tensor(DType::kF32, shape);
    std::normal_distribution<float> normal(centre, magnitude);
    for (float& value : tensor.mutable_as<float>()) {
      value = normal(random_);
    }
    return tensor;
  }

  ValueId parameter(const std::string& name, const Shape& shape, float magnitude, float centre = 0.0F) {
    parameters_.emplace(name, random(shape, magnitude, centre));
    return graph_.parameter(name, shape);
  }

  ValueId feed(const std::string& name, Shape shape) {
    feeds_.push_back({name, random(shape, 1.0F)});
    shape[0] = kRowDim;
    return graph_.input(name, DType::kF32, shape);
  }

  void extra_feed(const std::string& name, Tensor tensor) { feeds_.push_back({name, std::move(tensor)}); }

  ValueId linear(const std::string& name, ValueId x, std::int64_t out) {
    const std::int64_t in = graph_.shape(x).back();
    const ValueId weight = parameter(name + ".weight", {out, in}, 1.0F / std::sqrt(static_cast<float>(in)));
    return graph_.linear(name, x, weight, parameter(name + ".bias", {out}, 0.01F));
  }

  ValueId conv(const std::string& name, ValueId x, std::int64_t out, const Window2d& window) {
    const std::int64_t in = graph_.shape(x)[1];
    const auto fan = static_cast<float>(in * window.kernel[0] * window.kernel[1]);
    const ValueId weight =
        parameter(name + ".weight", {out, in, window.kernel[0], window.kernel[1]}, std::sqrt(2.0F / fan));
    return graph_.conv2d(name, {x, weight, {}}, window);
  }

  ValueId batch_norm(const std::string& name, ValueId x) {
    const std::int64_t c = graph_.shape(x)[1];
    return graph_.batch_norm(name,
                             {x, parameter(name + ".weight", {c}, 0.0F, 1.0F), parameter(name + ".bias", {c}, 0.0F),
                              parameter(name + ".mean", {c}, 0.0F), parameter(name + ".var", {c}, 0.0F, 1.0F)},
                             1e-5);
  }

  ValueId layer_norm(const std::string& name, ValueId x) {
    const std::int64_t dim = graph_.shape(x).back();
    return graph_.layer_norm(name, x, parameter(name + ".weight", {dim}, 0.0F, 1.0F),
                             parameter(name + ".bias", {dim}, 0.0F), 1e-6);
  }

  // Pre-norm block of timm's vision transformers.
  ValueId block(const std::string& name, ValueId x, std::int64_t heads) {
    const std::int64_t n = graph_.shape(x)[1];
    const std::int64_t dim = graph_.shape(x)[2];
    const ValueId qkv = linear(name + ".qkv", layer_norm(name + ".norm1", x), 3 * dim);
    std::array<ValueId, 3> parts{};
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string part = name + ".part" + std::to_string(i);
      const ValueId slice = graph_.slice(part, qkv, {.begin = static_cast<std::int64_t>(i) * dim, .size = dim});
      const ValueId split = graph_.reshape(part + ".split", slice, {n, heads, dim / heads});
      parts[i] = graph_.transpose(part + ".heads", split, {0, 2, 1, 3});
    }
    const double scale = 1.0 / std::sqrt(static_cast<double>(dim / heads));
    const ValueId mixed = graph_.scaled_dot_product(name + ".mix", {parts[0], parts[1], parts[2], {}}, scale);
    const ValueId rows =
        graph_.reshape(name + ".rows", graph_.transpose(name + ".back", mixed, {0, 2, 1, 3}), {n, dim});
    const ValueId attended = graph_.add(name + ".sum1", x, linear(name + ".proj", rows, dim));
    const ValueId wide = linear(name + ".fc1", layer_norm(name + ".norm2", attended), 4 * dim);
    const ValueId active = graph_.activation(name + ".gelu", wide, Activation::kGeluErf);
    return graph_.add(name + ".sum2", attended, linear(name + ".fc2", active, dim));
  }

  TrainingCase finish(ValueId output, LossTerm loss, std::int64_t image_count) {
    TrainingCase c;
    c.spec.graphs.emplace(kTrainGraph, graph_.finish(std::array{output}).value());
    c.spec.parameters = std::move(parameters_);
    c.spec.losses.push_back(std::move(loss));
    c.feeds = std::move(feeds_);
    c.image_count = image_count;
    return c;
  }

 private:
  std::mt19937 random_{11};
  GraphBuilder graph_;
  ParameterMap parameters_;
  std::vector<Feed> feeds_;
};

inline Window2d square(std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  return {.kernel = {kernel, kernel}, .stride = {stride, stride}, .padding = {padding, padding, padding, padding}};
}

inline Tensor labels_of(std::int64_t rows, std::int32_t class_count) {
  Tensor tensor(DType::kI32, {rows});
  std::int32_t i = 0;
  for (std::int32_t& label : tensor.mutable_as<std::int32_t>()) {
    label = i++ % class_count;
  }
  return tensor;
}

// LeNet-5 on digits of 28 x 28.
inline TrainingCase lenet(std::int64_t rows) {
  NetworkBuilder b;
  GraphBuilder& g = b.graph();
  ValueId x = b.feed("input", {rows, 1, 28, 28});
  x = g.activation("a1", b.conv("conv1", x, 6, square(5, 1, 2)), Activation::kRelu);
  x = g.avg_pool2d("p1", x, square(2, 2, 0));
  x = g.activation("a2", b.conv("conv2", x, 16, square(5, 1, 0)), Activation::kRelu);
  x = g.reshape("flat", g.avg_pool2d("p2", x, square(2, 2, 0)), {400});
  x = g.activation("a3", b.linear("fc1", x, 120), Activation::kRelu);
  x = g.activation("a4", b.linear("fc2", x, 84), Activation::kRelu);
  x = b.linear("head", x, 10);
  b.extra_feed("labels", labels_of(rows, 10));
  return b.finish(x, {.name = "label", .kind = LossKind::kCrossEntropy, .outputs = {"head"}, .feeds = {"labels"}},
                  rows);
}

inline ValueId basic_block(NetworkBuilder& b, const std::string& name, ValueId x, std::int64_t out,
                           std::int64_t stride) {
  GraphBuilder& g = b.graph();
  ValueId y = b.batch_norm(name + ".bn1", b.conv(name + ".conv1", x, out, square(3, stride, 1)));
  y = g.activation(name + ".relu1", y, Activation::kRelu);
  y = b.batch_norm(name + ".bn2", b.conv(name + ".conv2", y, out, square(3, 1, 1)));
  ValueId shortcut = x;
  if (stride != 1) {
    shortcut = b.batch_norm(name + ".down_bn", b.conv(name + ".down", x, out, square(1, stride, 0)));
  }
  return g.activation(name + ".relu2", g.add(name + ".sum", y, shortcut), Activation::kRelu);
}

// ResNet-18 with a 3 x 3 stem and SimCLR's head; two views of rows / 2 pictures of 32 x 32.
inline TrainingCase resnet18_simclr(std::int64_t rows) {
  NetworkBuilder b;
  GraphBuilder& g = b.graph();
  ValueId x = b.feed("input", {rows, 3, 32, 32});
  x = g.activation("relu", b.batch_norm("bn1", b.conv("conv1", x, 64, square(3, 1, 1))), Activation::kRelu);
  for (std::int64_t stage = 0; stage < 4; ++stage) {
    for (std::int64_t i = 0; i < 2; ++i) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(i);
      x = basic_block(b, name, x, 64 << stage, stage > 0 && i == 0 ? 2 : 1);
    }
  }
  x = g.reduce("pool", x, {.reduction = Reduction::kMean, .axes = {2, 3}});
  x = g.activation("head_relu", b.linear("head1", x, 512), Activation::kRelu);
  x = b.linear("head2", x, 128);
  return b.finish(
      x, {.name = "views", .kind = LossKind::kNtXent, .outputs = {"head2"}, .options = {.temperature = 0.5}}, rows / 2);
}

// A masked autoencoder on pictures of 32 x 32 in 64 patches of 4 x 4, of which 16 are seen.
inline TrainingCase vit_mae(std::int64_t rows) {
  constexpr std::int64_t kPatches = 64;
  constexpr std::int64_t kSeen = 16;
  NetworkBuilder b;
  GraphBuilder& g = b.graph();
  ValueId x = b.feed("input", {rows, 3, 32, 32});
  x = g.reshape("grid", b.conv("patch", x, 192, square(4, 4, 0)), {192, kPatches});
  x = g.transpose("patches", x, {0, 2, 1});
  x = g.add("placed", x, b.parameter("places", {1, kPatches, 192}, 0.02F));
  const auto ids = [&](const std::string& name, std::int64_t count, std::int64_t limit) {
    Tensor tensor(DType::kI32, {rows, count});
    std::int32_t i = 0;
    for (std::int32_t& id : tensor.mutable_as<std::int32_t>()) {
      id = static_cast<std::int32_t>((i++ * 7) % limit);
    }
    b.extra_feed(name, tensor);
    return g.input(name, DType::kI32, {kRowDim, count});
  };
  x = g.gather_tokens("seen", x, ids("ids_keep", kSeen, kPatches));
  for (std::int64_t i = 0; i < 6; ++i) {
    x = b.block("blocks." + std::to_string(i), x, 3);
  }
  x = b.linear("decoder_embed", b.layer_norm("norm", x), 96);
  const ValueId mask = g.broadcast_rows("mask_rows", b.parameter("mask_token", {1, 1, 96}, 0.02F), x);
  x = g.gather_tokens("all", g.concat("with_mask", std::array{x, mask}, 1), ids("ids_restore", kPatches, kSeen + 1));
  x = g.add("decoder_placed", x, b.parameter("decoder_places", {1, kPatches, 96}, 0.02F));
  for (std::int64_t i = 0; i < 2; ++i) {
    x = b.block("decoder." + std::to_string(i), x, 3);
  }
  x = b.linear("pixels", b.layer_norm("decoder_norm", x), 48);
  b.extra_feed("patches", b.random({rows, kPatches, 48}, 1.0F));
  Tensor hidden(DType::kF32, {rows, kPatches});
  std::int32_t i = 0;
  for (float& value : hidden.mutable_as<float>()) {
    value = i++ % 4 == 0 ? 0.0F : 1.0F;
  }
  b.extra_feed("mask", hidden);
  return b.finish(
      x, {.name = "pixels", .kind = LossKind::kMeanSquare, .outputs = {"pixels"}, .feeds = {"patches", "mask"}}, rows);
}

}  // namespace asterism::bench
