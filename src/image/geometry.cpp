#include "image/geometry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace asterism {
namespace {

Result<void> check_edge(std::string_view name, std::int64_t edge) {
  if (edge < 1 || edge > kImageEdgeMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("image preprocessing: {}: expected 1 to {}, found {}", name, kImageEdgeMax, edge));
  }
  return {};
}

// int(a * b / c) as Python computes it: the quotient of whole numbers rounded to double, then cut.
std::int64_t scaled_floor(std::int64_t a, std::int64_t b, std::int64_t c) {
  return static_cast<std::int64_t>(static_cast<double>(a * b) / static_cast<double>(c));
}

// Python's round(): halves to even.
std::int64_t round_half_even(double value) {
  return static_cast<std::int64_t>(std::nearbyint(value));
}

ImageSize with_edges(ImageSize input, std::int64_t shorter, std::int64_t longer) {
  return input.width > input.height ? ImageSize{longer, shorter} : ImageSize{shorter, longer};
}

// torchvision's _compute_resized_output_size and transformers' get_resize_output_image_size.
ImageSize shortest_edge_size(ImageSize input, std::int64_t edge) {
  const std::int64_t shorter = std::min(input.width, input.height);
  const std::int64_t longer = std::max(input.width, input.height);
  return with_edges(input, edge, scaled_floor(edge, longer, shorter));
}

// transformers' get_size_with_aspect_ratio. Unlike torchvision's max_size it rounds the shorter edge where the longer
// one decides, and leaves an image alone whose shorter edge is right.
ImageSize bounded_edges_size(ImageSize input, std::int64_t edge, std::int64_t longest_edge_max) {
  const auto shorter = static_cast<double>(std::min(input.width, input.height));
  const auto longer = static_cast<double>(std::max(input.width, input.height));
  const auto most = static_cast<double>(longest_edge_max);
  const bool bound = longer / shorter * static_cast<double>(edge) > most;
  const double exact = bound ? most * shorter / longer : static_cast<double>(edge);
  const std::int64_t new_shorter = bound ? round_half_even(exact) : edge;
  if (new_shorter == std::min(input.width, input.height)) {
    return input;
  }
  return with_edges(input, new_shorter, static_cast<std::int64_t>(exact * longer / shorter));
}

ImageSize longest_edge_size(ImageSize input, std::int64_t edge) {
  return input.width > input.height ? ImageSize{edge, scaled_floor(edge, input.height, input.width)}
                                    : ImageSize{scaled_floor(edge, input.width, input.height), edge};
}

// transformers' get_image_size_for_max_height_width: multiplies by the smaller factor, where timm divides by a ratio.
ImageSize max_edges_size(ImageSize input, ImageSize target) {
  const double factor = std::min(static_cast<double>(target.height) / static_cast<double>(input.height),
                                 static_cast<double>(target.width) / static_cast<double>(input.width));
  return {static_cast<std::int64_t>(static_cast<double>(input.width) * factor),
          static_cast<std::int64_t>(static_cast<double>(input.height) * factor)};
}

// timm's ResizeKeepRatio: both edges divided by the larger (fit) or the smaller (fill) of the two ratios.
ImageSize keep_ratio_size(ImageSize input, ImageSize target, bool fit, ResizeRounding rounding) {
  const double ratio_height = static_cast<double>(input.height) / static_cast<double>(target.height);
  const double ratio_width = static_cast<double>(input.width) / static_cast<double>(target.width);
  const double ratio = fit ? std::max(ratio_height, ratio_width) : std::min(ratio_height, ratio_width);
  const auto scaled = [&](std::int64_t edge) {
    const double exact = static_cast<double>(edge) / ratio;
    return rounding == ResizeRounding::kFloor ? static_cast<std::int64_t>(exact) : round_half_even(exact);
  };
  return {scaled(input.width), scaled(input.height)};
}

ImageSize unchecked_size(ImageSize input, const ImagePreprocess& settings) {
  const ImageSize target{settings.resize_width, settings.resize_height};
  const ImageSize square{settings.resize_width, settings.resize_width};
  const bool rounds = settings.resize_rounding == ResizeRounding::kHalfEven;
  switch (settings.resize) {
    case ResizeMode::kNone:
      return input;
    case ResizeMode::kExact:
      return target;
    case ResizeMode::kShortestEdge:
      if (settings.longest_edge_max) {
        return bounded_edges_size(input, settings.resize_width, *settings.longest_edge_max);
      }
      return rounds ? keep_ratio_size(input, square, false, settings.resize_rounding)
                    : shortest_edge_size(input, settings.resize_width);
    case ResizeMode::kLongestEdge:
      return rounds ? keep_ratio_size(input, square, true, settings.resize_rounding)
                    : longest_edge_size(input, settings.resize_width);
    case ResizeMode::kFill:
      return keep_ratio_size(input, target, false, settings.resize_rounding);
    case ResizeMode::kFit:
      return rounds ? keep_ratio_size(input, target, true, settings.resize_rounding) : max_edges_size(input, target);
  }
  return input;
}

Result<void> check_settings(const ImagePreprocess& settings) {
  const bool needs_height = settings.resize == ResizeMode::kExact || settings.resize == ResizeMode::kFill ||
                            settings.resize == ResizeMode::kFit;
  if (settings.resize != ResizeMode::kNone) {
    if (auto checked = check_edge("resize_width", settings.resize_width); !checked) {
      return checked;
    }
  }
  if (needs_height) {
    if (auto checked = check_edge("resize_height", settings.resize_height); !checked) {
      return checked;
    }
  }
  if (settings.longest_edge_max) {
    if (auto checked = check_edge("longest_edge_max", *settings.longest_edge_max); !checked) {
      return checked;
    }
  }
  if (settings.crop == CropMode::kNone) {
    return {};
  }
  if (auto checked = check_edge("crop_width", settings.crop_width); !checked) {
    return checked;
  }
  return check_edge("crop_height", settings.crop_height);
}

bool is_edge(std::int64_t edge, std::int64_t edge_max) {
  return edge >= 1 && edge <= edge_max;
}

// One axis of a centre crop: where the kept part begins in the resized image and on the output, and how long it is.
struct CropAxis {
  std::int64_t begin = 0;
  std::int64_t pad = 0;
  std::int64_t size = 0;
};

CropAxis crop_axis(std::int64_t size, std::int64_t crop, CropOffset offset) {
  if (size < crop) {
    const std::int64_t missing = crop - size;
    return {0, offset == CropOffset::kFloor ? (missing + 1) / 2 : missing / 2, size};
  }
  const std::int64_t extra = size - crop;
  return {offset == CropOffset::kFloor ? extra / 2 : round_half_even(static_cast<double>(extra) / 2.0), 0, crop};
}

}  // namespace

Result<void> check_resize(ImageSize input, ImageSize size) {
  if (!is_edge(input.width, kImageSourceEdgeMax) || !is_edge(input.height, kImageSourceEdgeMax)) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("resize: expected an image with edges of 1 to {}, found {} x {}", kImageSourceEdgeMax,
                            input.width, input.height),
                "leave such narrow images out, or crop them first");
  }
  if (!is_edge(size.width, kImageEdgeMax) || !is_edge(size.height, kImageEdgeMax)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("resize: expected a result with edges of 1 to {}, found that {} x {} becomes {} x {}",
                            kImageEdgeMax, input.width, input.height, size.width, size.height),
                "leave such narrow images out, or crop them first");
  }
  return {};
}

Result<ImageSize> resized_image_size(ImageSize input, const ImagePreprocess& settings) {
  if (input.width < 1 || input.height < 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("image preprocessing: expected an image of at least one pixel, found {} x {}", input.width,
                            input.height));
  }
  if (auto checked = check_settings(settings); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  const ImageSize size = unchecked_size(input, settings);
  if (settings.resize == ResizeMode::kNone) {
    return size;
  }
  if (auto checked = check_resize(input, size); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  return size;
}

Result<CropPlan> plan_crop(ImageSize input, const ImagePreprocess& settings) {
  const Result<ImageSize> resized = resized_image_size(input, settings);
  if (!resized) {
    return std::unexpected(resized.error());
  }
  CropPlan plan{*resized, *resized, {0, 0, resized->width, resized->height}, 0, 0};
  if (settings.crop == CropMode::kCenter) {
    const CropAxis across = crop_axis(resized->width, settings.crop_width, settings.crop_offset);
    const CropAxis down = crop_axis(resized->height, settings.crop_height, settings.crop_offset);
    plan.output = {settings.crop_width, settings.crop_height};
    plan.window = {across.begin, down.begin, across.size, down.size};
    plan.pad_left = across.pad;
    plan.pad_top = down.pad;
  }
  return plan;
}

Result<ImageSize> preprocessed_image_size(ImageSize input, const ImagePreprocess& settings) {
  const Result<CropPlan> plan = plan_crop(input, settings);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  return plan->output;
}

}  // namespace asterism
