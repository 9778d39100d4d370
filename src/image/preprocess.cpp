#include "image/preprocess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "image/geometry.hpp"
#include "image/resize.hpp"

namespace asterism {

struct PreprocessScratch::Impl {
  ResizeScratch resize;
  std::vector<std::uint8_t> rows;
  Image grey;
};

namespace {

constexpr std::size_t kChannels = 3;
// The float that each byte of a channel becomes.
using ChannelTable = std::array<float, 256>;

std::size_t to_size(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

ChannelTable make_table(const ImagePreprocess& settings, std::size_t channel) {
  const float mean = settings.mean[channel];
  const float std = settings.std[channel];
  const double unit = 1.0 / settings.rescale;
  ChannelTable table{};
  for (std::size_t value = 0; value < table.size(); ++value) {
    const auto byte = static_cast<float>(value);
    float rescaled = 0.0F;
    switch (settings.normalize) {
      case NormalizeRule::kDivide:
        rescaled = byte / static_cast<float>(unit);
        break;
      case NormalizeRule::kRescale:
        rescaled = static_cast<float>(static_cast<double>(value) * settings.rescale);
        break;
      case NormalizeRule::kFused:
        table[value] = (byte - static_cast<float>(mean * static_cast<float>(unit))) /
                       static_cast<float>(std * static_cast<float>(unit));
        continue;
    }
    table[value] = (rescaled - settings.rescale_offset - mean) / std;
  }
  return table;
}

// Tables in the order of the tensor's channels, and the byte of a pixel that each reads.
struct Planes {
  std::array<ChannelTable, kChannels> tables;
  std::array<std::size_t, kChannels> source{};
  std::size_t count = kChannels;
};

Planes make_planes(const ImagePreprocess& settings) {
  Planes planes;
  planes.count = to_size(preprocessed_channel_count(settings));
  for (std::size_t c = 0; c < planes.count; ++c) {
    planes.tables[c] = make_table(settings, c);
    planes.source[c] = settings.channels == ChannelOrder::kBgr ? kChannels - 1 - c : c;
  }
  return planes;
}

// Pillow's convert("L"): ITU-R 601-2 luma in 16-bit fixed point, in all three channels.
void make_grey(const Image& image, Image& grey) {
  grey.width = image.width;
  grey.height = image.height;
  grey.pixels.resize(image.pixels.size());
  for (std::size_t i = 0; i < image.pixels.size(); i += kChannels) {
    const std::uint32_t luma =
        image.pixels[i] * 19595U + image.pixels[i + 1] * 38470U + image.pixels[i + 2] * 7471U + 0x8000U;
    std::fill_n(grey.pixels.begin() + static_cast<std::ptrdiff_t>(i), kChannels,
                static_cast<std::uint8_t>(luma >> 16U));
  }
}

// Everything that the window does not cover.
void fill_padding(const CropPlan& plan, const Planes& planes, const std::array<std::uint8_t, 3>& fill,
                  std::span<float> out) {
  const std::size_t plane_size = to_size(plan.output.width * plan.output.height);
  for (std::size_t c = 0; c < planes.count; ++c) {
    std::ranges::fill(out.subspan(c * plane_size, plane_size), planes.tables[c][fill[planes.source[c]]]);
  }
}

void write_planes(ConstImageRows rows, const CropPlan& plan, const Planes& planes, std::span<float> out) {
  const std::size_t plane_size = to_size(plan.output.width * plan.output.height);
  for (std::size_t y = 0; y < to_size(plan.window.height); ++y) {
    const std::uint8_t* row = rows.data + y * rows.stride_bytes;
    const std::size_t offset = (to_size(plan.pad_top) + y) * to_size(plan.output.width) + to_size(plan.pad_left);
    for (std::size_t c = 0; c < planes.count; ++c) {
      const ChannelTable& table = planes.tables[c];
      const std::uint8_t* from = row + planes.source[c];
      float* to = out.data() + c * plane_size + offset;
      for (std::size_t x = 0; x < to_size(plan.window.width); ++x) {
        to[x] = table[from[x * kChannels]];
      }
    }
  }
}

Result<void> check_image(const Image& image) {
  if (image.width < 1 || image.height < 1 || image.pixels.size() != to_size(image.width * image.height) * kChannels) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("image preprocessing: expected {} x {} pixels of 3 bytes, found {} bytes", image.width,
                            image.height, image.pixels.size()));
  }
  return {};
}

Result<void> check_normalization(const ImagePreprocess& settings) {
  const bool has_zero = std::ranges::find(settings.std, 0.0F) != settings.std.end();
  if (has_zero || settings.rescale == 0.0) {
    return fail(ErrorCode::kInvalidArgument,
                "image preprocessing: expected std and rescale other than zero, found zero",
                "correct the model's preprocessing settings");
  }
  return {};
}

}  // namespace

PreprocessScratch::PreprocessScratch() : impl_(std::make_unique<Impl>()) {}
PreprocessScratch::~PreprocessScratch() = default;
PreprocessScratch::PreprocessScratch(PreprocessScratch&&) noexcept = default;
PreprocessScratch& PreprocessScratch::operator=(PreprocessScratch&&) noexcept = default;

std::int64_t preprocessed_channel_count(const ImagePreprocess& settings) noexcept {
  return settings.channels == ChannelOrder::kGrey ? 1 : static_cast<std::int64_t>(kChannels);
}

Result<void> preprocess_image_into(const Image& image, const ImagePreprocess& settings, std::span<float> out,
                                   PreprocessScratch& scratch) {
  if (auto checked = check_image(image); !checked) {
    return checked;
  }
  if (auto checked = check_normalization(settings); !checked) {
    return checked;
  }
  const Result<CropPlan> plan = plan_crop({image.width, image.height}, settings);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  const Planes planes = make_planes(settings);
  const std::size_t element_count = planes.count * to_size(plan->output.width * plan->output.height);
  if (out.size() != element_count) {
    return fail(ErrorCode::kMismatch,
                fmt::format("image preprocessing: expected room for [{}, {}, {}] = {} numbers, found {}", planes.count,
                            plan->output.height, plan->output.width, element_count, out.size()),
                "give the model images of one size: resize and crop to the size it takes");
  }
  PreprocessScratch::Impl& memory = scratch.impl();
  if (settings.channels == ChannelOrder::kGrey) {
    make_grey(image, memory.grey);
  }
  const Image& source = settings.channels == ChannelOrder::kGrey ? memory.grey : image;
  const std::size_t stride_bytes = padded_stride_bytes(plan->window.width);
  memory.rows.resize(to_size(plan->window.height) * stride_bytes);
  resize_window(source, plan->resized, {settings.interpolation, settings.antialias, settings.arithmetic}, plan->window,
                memory.resize, {memory.rows.data(), stride_bytes});
  if (plan->window.width != plan->output.width || plan->window.height != plan->output.height) {
    fill_padding(*plan, planes, settings.fill, out);
  }
  write_planes({memory.rows.data(), stride_bytes}, *plan, planes, out);
  return {};
}

Result<void> preprocess_image_into(const Image& image, const ImagePreprocess& settings, std::span<float> out) {
  PreprocessScratch scratch;
  return preprocess_image_into(image, settings, out, scratch);
}

Result<Tensor> preprocess_image(const Image& image, const ImagePreprocess& settings) {
  const Result<ImageSize> size = preprocessed_image_size({image.width, image.height}, settings);
  if (!size) {
    return std::unexpected(size.error());
  }
  Tensor tensor(DType::kF32, {preprocessed_channel_count(settings), size->height, size->width});
  if (auto written = preprocess_image_into(image, settings, tensor.mutable_as<float>()); !written) {
    return std::unexpected(std::move(written.error()));
  }
  return tensor;
}

}  // namespace asterism
