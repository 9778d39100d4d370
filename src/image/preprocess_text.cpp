#include "image/preprocess_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstdlib>
#include <span>
#include <utility>

namespace asterism {
namespace {

constexpr std::array<std::pair<std::string_view, Interpolation>, 6> kInterpolations{{
    {"nearest", Interpolation::kNearest},
    {"box", Interpolation::kBox},
    {"bilinear", Interpolation::kBilinear},
    {"hamming", Interpolation::kHamming},
    {"bicubic", Interpolation::kBicubic},
    {"lanczos", Interpolation::kLanczos},
}};

constexpr std::array<float, 3> kNoMean{0.0F, 0.0F, 0.0F};
constexpr std::array<float, 3> kNoStd{1.0F, 1.0F, 1.0F};

std::size_t channel_count(const ImagePreprocess& preprocess) {
  return preprocess.channels == ChannelOrder::kGrey ? 1 : 3;
}

std::string resize_text(const ImagePreprocess& p) {
  switch (p.resize) {
    case ResizeMode::kNone:
      return "no resize";
    case ResizeMode::kExact:
      return fmt::format("resize to {}x{}", p.resize_height, p.resize_width);
    case ResizeMode::kShortestEdge:
      return p.longest_edge_max ? fmt::format("resize the shorter edge to {}, the longer to at most {}", p.resize_width,
                                              *p.longest_edge_max)
                                : fmt::format("resize the shorter edge to {}", p.resize_width);
    case ResizeMode::kLongestEdge:
      return fmt::format("resize the longer edge to {}", p.resize_width);
    case ResizeMode::kFit:
      return fmt::format("resize to fit in {}x{}", p.resize_height, p.resize_width);
    case ResizeMode::kFill:
      return fmt::format("resize to cover {}x{}", p.resize_height, p.resize_width);
  }
  std::unreachable();
}

std::string_view resize_word(ResizeMode mode) {
  switch (mode) {
    case ResizeMode::kNone:
      return "none";
    case ResizeMode::kExact:
      return "exact";
    case ResizeMode::kShortestEdge:
      return "shortest_edge";
    case ResizeMode::kLongestEdge:
      return "longest_edge";
    case ResizeMode::kFit:
      return "fit";
    case ResizeMode::kFill:
      return "fill";
  }
  std::unreachable();
}

std::string_view channels_word(ChannelOrder channels) {
  switch (channels) {
    case ChannelOrder::kRgb:
      return "rgb";
    case ChannelOrder::kBgr:
      return "bgr";
    case ChannelOrder::kGrey:
      return "grey";
  }
  std::unreachable();
}

std::string triple_text(std::span<const float> values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

std::string rescale_text(double rescale) {
  return rescale == 1.0 / 255.0 ? std::string("x/255") : fmt::format("x*{}", rescale);
}

// The shortest decimal that reads back as the same float: 0.229, not 0.2290000021457672.
Json float_json(std::span<const float> values) {
  Json out = Json::array();
  for (const float value : values) {
    out.push_back(std::strtod(fmt::format("{}", value).c_str(), nullptr));
  }
  return out;
}

Json resize_json(const ImagePreprocess& p) {
  Json out = {{"mode", resize_word(p.resize)}};
  if (p.resize == ResizeMode::kShortestEdge || p.resize == ResizeMode::kLongestEdge) {
    out["edge"] = p.resize_width;
    if (p.longest_edge_max) {
      out["longest_edge_max"] = *p.longest_edge_max;
    }
  } else {
    out["height"] = p.resize_height;
    out["width"] = p.resize_width;
  }
  out["rounding"] = p.resize_rounding == ResizeRounding::kFloor ? "floor" : "half_even";
  out["interpolation"] = interpolation_name(p.interpolation);
  out["antialias"] = p.antialias;
  return out;
}

}  // namespace

std::string_view interpolation_name(Interpolation interpolation) noexcept {
  for (const auto& [name, value] : kInterpolations) {
    if (value == interpolation) {
      return name;
    }
  }
  std::unreachable();
}

Result<Interpolation> interpolation_by_name(std::string_view name) {
  std::string known;
  for (const auto& [candidate, value] : kInterpolations) {
    if (candidate == name) {
      return value;
    }
    known += known.empty() ? "" : ", ";
    known += candidate;
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("interpolation: expected one of {}, found \"{}\"", known, name));
}

std::string describe_preprocess(const ImagePreprocess& p) {
  std::string text = resize_text(p);
  if (p.resize != ResizeMode::kNone) {
    text += fmt::format(" ({}{})", interpolation_name(p.interpolation),
                        p.antialias && p.interpolation != Interpolation::kNearest ? ", antialias" : "");
  }
  if (p.crop == CropMode::kCenter) {
    text += fmt::format(", centre crop {}x{}", p.crop_height, p.crop_width);
    if (p.fill != std::array<std::uint8_t, 3>{}) {
      text += fmt::format(" padded with [{}]", fmt::join(p.fill, ", "));
    }
  }
  if (p.channels != ChannelOrder::kRgb) {
    text += fmt::format(", {}", channels_word(p.channels));
  }
  if (p.rescale != 1.0) {
    text += ", " + rescale_text(p.rescale);
  }
  if (p.rescale_offset != 0.0F) {
    text += fmt::format(" - {}", p.rescale_offset);
  }
  if (p.mean != kNoMean || p.std != kNoStd) {
    const std::size_t count = channel_count(p);
    text += fmt::format(", mean {}, std {}", triple_text(std::span(p.mean).first(count)),
                        triple_text(std::span(p.std).first(count)));
  }
  return text;
}

Json preprocess_json(const ImagePreprocess& p) {
  Json out = Json::object();
  out["resize"] = p.resize == ResizeMode::kNone ? Json() : resize_json(p);
  out["crop"] = Json();
  if (p.crop == CropMode::kCenter) {
    out["crop"] = {{"height", p.crop_height},
                   {"width", p.crop_width},
                   {"rounding", p.crop_offset == CropOffset::kHalfEven ? "half_even" : "floor"},
                   {"fill", p.fill}};
  }
  const std::size_t count = channel_count(p);
  out["channels"] = channels_word(p.channels);
  out["rescale"] = p.rescale;
  out["rescale_offset"] = p.rescale_offset;
  out["mean"] = float_json(std::span(p.mean).first(count));
  out["std"] = float_json(std::span(p.std).first(count));
  return out;
}

}  // namespace asterism
