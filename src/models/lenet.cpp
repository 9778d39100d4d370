// LeNet-5, under a configuration of our own: {"model_type": "lenet", "image_size": 28, "activation": "tanh", "pooling":
// "avg", "first_padding": 2, "num_labels": 10} and tensors conv1, conv2, fc1, fc2, fc3 (decision 80).
//
// Source: LeCun et al. 1998, figure 2, with full connections in the second convolution and a linear classifier, as it
// is taught today.
#include <fmt/format.h>

#include <utility>

#include "models/conv_graph.hpp"
#include "models/image_config.hpp"
#include "models/image_families.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kPaddingMax = 16;

struct LenetPlan {
  Activation activation = Activation::kTanh;
  bool max_pooling = false;
  std::int64_t first_padding = 0;  // 2 makes 28 x 28 images the 32 x 32 of the paper
};

ValueId pool(ConvGraph& graph, const LenetPlan& plan, const std::string& name, ValueId x) {
  const Window2d window{.kernel = {2, 2}, .stride = {2, 2}};
  return plan.max_pooling ? graph.max_pool(name, x, window) : graph.avg_pool(name, x, window);
}

Result<LenetPlan> read_plan(const ImageCheckpoint& checkpoint, const ImageSize& size) {
  ConfigReader reader(checkpoint.config, checkpoint.source);
  LenetPlan plan;
  reader.word("activation", "tanh", {"tanh", "relu", "sigmoid"});
  plan.activation = reader.activation("activation", "tanh");
  plan.max_pooling = reader.word("pooling", "avg", {"avg", "max"}) == "max";
  plan.first_padding = reader.value<std::int64_t>("first_padding", size.height == 28 ? 2 : 0);
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  if (plan.first_padding < 0 || plan.first_padding > kPaddingMax) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"first_padding\": expected 0 to {}, found {}", checkpoint.source,
                                                 kPaddingMax, plan.first_padding));
  }
  return plan;
}

}  // namespace

Result<ImageModel> build_lenet(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const auto size = image_size(checkpoint, options);
  const auto classes = declared_classes(checkpoint);
  if (!size || !classes) {
    return std::unexpected(size ? classes.error() : size.error());
  }
  const auto plan = read_plan(checkpoint, *size);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  ConvGraph graph(
      {std::make_move_iterator(checkpoint.tensors.begin()), std::make_move_iterator(checkpoint.tensors.end())},
      checkpoint.source);
  const std::int64_t pad = plan->first_padding;
  ValueId x = graph.input("conv1.weight", size->height, size->width);
  x = graph.conv("conv1", x, {.padding_rule = ConvPadding::kGiven, .padding = {pad, pad, pad, pad}});
  x = pool(graph, *plan, "pool1", graph.activation("act1", x, plan->activation));
  graph.feature(0, x);
  x = graph.conv("conv2", x, {.padding_rule = ConvPadding::kNone});
  x = pool(graph, *plan, "pool2", graph.activation("act2", x, plan->activation));
  graph.feature(1, x);
  graph.alias(std::string(kForwardFeatures), x);
  x = graph.activation("act3", graph.linear("fc1", graph.flatten("flatten", x)), plan->activation);
  x = graph.activation("act4", graph.linear("fc2", x), plan->activation);
  graph.head("fc3", x, *classes);
  ImageModel model;
  model.dialect = "asterism";
  return graph.finish(std::move(model));
}

}  // namespace asterism
