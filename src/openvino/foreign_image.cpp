#include "openvino/foreign_image.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>

#include <openvino/core/preprocess/pre_post_process.hpp>

#include "openvino/foreign_graph.hpp"

namespace asterism {
namespace {

bool is_channel_count(std::int64_t count) noexcept {
  return count == 3 || count == 1;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string out;
  for (const std::int64_t dim : shape) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", dim == kFreeDim ? std::string("?") : std::to_string(dim));
  }
  return "[" + out + "]";
}

// Three channels tell more than one: [1, 1, 28, 3] is an odd picture either way.
std::optional<ImageLayout> layout_of(const std::vector<std::int64_t>& shape) {
  for (const std::int64_t count : {std::int64_t{3}, std::int64_t{1}}) {
    const bool first = shape[1] == count;
    const bool last = shape[3] == count;
    if (first != last) {
      return first ? ImageLayout::kChannelsFirst : ImageLayout::kChannelsLast;
    }
    if (first) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::int64_t size_of(std::int64_t dim) noexcept {
  return dim == kFreeDim ? 0 : dim;
}

std::shared_ptr<ov::Model> with_batch(const std::shared_ptr<ov::Model>& model, ov::Dimension batch) {
  auto copy = model->clone();
  auto shape = copy->input(0).get_partial_shape();
  shape[0] = batch;
  copy->reshape(shape);
  return copy;
}

// The output's shape for this many images; nothing when the model does not take them or leaves a dimension open.
std::optional<std::vector<std::int64_t>> output_shape(const std::shared_ptr<ov::Model>& model, std::int64_t batch) {
  try {
    const auto shape = with_batch(model, batch)->output(0).get_partial_shape();
    return shape.is_static() ? std::optional(dims_of(shape)) : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;  // a reshape inside that counts on another batch
  }
}

// Whether each image gets a row of its own in a batch. Three, so that it is no other dimension by chance.
bool takes_batches(const std::shared_ptr<ov::Model>& model, const std::vector<std::int64_t>& one) {
  constexpr std::int64_t kProbe = 3;
  if (one.empty() || one[0] != 1) {
    return false;
  }
  auto expected = one;
  expected[0] = kProbe;
  return output_shape(model, kProbe) == expected;
}

void take_f32_channels_first(std::shared_ptr<ov::Model>& model, const ForeignImageInput& input) {
  ov::preprocess::PrePostProcessor steps(model);
  steps.input().tensor().set_element_type(ov::element::f32).set_layout("NCHW");
  steps.input().model().set_layout(input.layout == ImageLayout::kChannelsFirst ? "NCHW" : "NHWC");
  model = steps.build();
}

}  // namespace

Result<ForeignImageInput> find_image_input(const std::vector<ForeignPort>& inputs, std::optional<ImageLayout> layout,
                                           const std::string& source) {
  if (inputs.size() != 1) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a model of one input, an image, found {} inputs", source, inputs.size()));
  }
  const ForeignPort& port = inputs[0];
  const auto unlike = [&](std::string_view expected, std::string hint) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: input '{}': expected {}, found {} {}", source, port.name, expected, port.element_type,
                            shape_text(port.shape)),
                std::move(hint));
  };
  if (port.shape.size() != 4) {
    return unlike("an image [rows, channels, height, width]", "");
  }
  if (!layout) {
    layout = layout_of(port.shape);
  }
  if (!layout) {
    return unlike("3 or 1 channels at one place", "name the layout beside the model: layout = \"nchw\" or \"nhwc\"");
  }
  const bool first = *layout == ImageLayout::kChannelsFirst;
  const std::int64_t channels = port.shape[first ? 1 : 3];
  if (channels != kFreeDim && !is_channel_count(channels)) {
    return unlike("3 or 1 channels", "");
  }
  ForeignImageInput input;
  input.name = port.name;
  input.layout = *layout;
  input.channels = channels == kFreeDim ? 3 : channels;
  input.height = size_of(port.shape[first ? 2 : 1]);
  input.width = size_of(port.shape[first ? 3 : 2]);
  input.quantised = port.element_type == "u8";
  return input;
}

Result<void> set_image_size(ForeignImageInput& input, std::int64_t height, std::int64_t width,
                            const std::string& source) {
  const auto set = [&](std::int64_t& size, std::int64_t given, std::string_view what) -> Result<void> {
    if (given != 0 && size != 0 && given != size) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: expected the {} that the file fixes, {}, found {}", source, what, size, given));
    }
    size = size == 0 ? given : size;
    return size > 0 ? Result<void>()
                    : fail(ErrorCode::kInvalidArgument,
                           fmt::format("{}: expected the {} of the image, found it open in the file", source, what),
                           "give the size beside the model: size = 224");
  };
  if (auto done = set(input.height, height, "height"); !done) {
    return done;
  }
  return set(input.width, width, "width");
}

std::shared_ptr<ov::Model> with_one_row(const std::shared_ptr<ov::Model>& model) {
  try {
    if (model->inputs().size() == 1 && model->input(0).get_partial_shape().rank().is_static()) {
      return with_batch(model, 1);
    }
  } catch (const std::exception&) {
    // The shapes stay as the file has them.
  }
  return model;
}

Result<FittedModel> fit_to_images(const std::shared_ptr<ov::Model>& model, const ForeignImageInput& input,
                                  const std::string& source) {
  FittedModel fitted;
  fitted.model = model;
  const bool first = input.layout == ImageLayout::kChannelsFirst;
  auto shape = model->input(0).get_partial_shape();
  const ov::PartialShape fixed = first ? ov::PartialShape{shape[0], input.channels, input.height, input.width}
                                       : ov::PartialShape{shape[0], input.height, input.width, input.channels};
  fitted.model->reshape(fixed);
  take_f32_channels_first(fitted.model, input);
  const auto one = output_shape(fitted.model, 1);
  if (!one) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a model that runs on one image and gives a fixed shape, found a batch of {} "
                            "and an output {}",
                            source, shape[0].is_static() ? std::to_string(shape[0].get_length()) : std::string("?"),
                            shape_text(dims_of(fitted.model->output(0).get_partial_shape()))));
  }
  fitted.row_shape = *one;
  if (!one->empty() && (*one)[0] == 1) {
    fitted.row_shape.erase(fitted.row_shape.begin());
  }
  fitted.one_by_one = !takes_batches(fitted.model, *one);
  fitted.model = with_batch(fitted.model, fitted.one_by_one ? ov::Dimension(1) : ov::Dimension::dynamic());
  return fitted;
}

}  // namespace asterism
