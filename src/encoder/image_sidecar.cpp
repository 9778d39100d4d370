#include "encoder/image_sidecar.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "base/edit_distance.hpp"
#include "base/file.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

template <typename T>
struct Word {
  std::string_view word;
  T value;
};
constexpr std::array kInterpolations{
    Word<Interpolation>{"nearest", Interpolation::kNearest},   Word<Interpolation>{"box", Interpolation::kBox},
    Word<Interpolation>{"bilinear", Interpolation::kBilinear}, Word<Interpolation>{"hamming", Interpolation::kHamming},
    Word<Interpolation>{"bicubic", Interpolation::kBicubic},   Word<Interpolation>{"lanczos", Interpolation::kLanczos},
};
constexpr std::array kCrops{Word<CropMode>{"center", CropMode::kCenter}, Word<CropMode>{"none", CropMode::kNone}};
constexpr std::array kChannels{Word<ChannelOrder>{"rgb", ChannelOrder::kRgb},
                               Word<ChannelOrder>{"bgr", ChannelOrder::kBgr},
                               Word<ChannelOrder>{"grey", ChannelOrder::kGrey}};
constexpr std::array kLayouts{Word<ImageLayout>{"nchw", ImageLayout::kChannelsFirst},
                              Word<ImageLayout>{"nhwc", ImageLayout::kChannelsLast}};

constexpr std::array<std::string_view, 2> kTables{"preprocess", "output"};
constexpr std::array<std::string_view, 10> kPreprocessKeys{"size",    "resize", "crop", "interpolation", "antialias",
                                                           "rescale", "mean",   "std",  "channels",      "layout"};
constexpr std::array<std::string_view, 1> kOutputKeys{"name"};

// Reads one table; keeps the first fault.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string where) : table_(table), where_(std::move(where)) {}

  void fault(std::string_view key, std::string_view expected) {
    if (!error_) {
      error_ = Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}: expected {}", where_, key, expected), {}};
    }
  }

  void expect_only(std::span<const std::string_view> known) {
    for (const auto& [key, value] : table_) {
      const std::string_view name = key.str();
      if (std::ranges::find(known, name) != known.end() || error_) {
        continue;
      }
      // A key of any length is no reason to compare for long.
      const std::string_view shown = name.substr(0, 64);
      const std::string_view near =
          *std::ranges::min_element(known, {}, [&](std::string_view word) { return edit_distance(shown, word); });
      error_ = Error{ErrorCode::kInvalidArgument, fmt::format("{}: unknown key '{}'", where_, shown),
                     fmt::format("the nearest known one is '{}'; all: {}", near, fmt::join(known, ", "))};
    }
  }

  const toml::table* table(std::string_view key) {
    const auto node = table_[key];
    if (node && node.as_table() == nullptr) {
      fault(key, "a table");
    }
    return node.as_table();
  }

  template <typename T, std::size_t N>
  std::optional<T> word(std::string_view key, const std::array<Word<T>, N>& words) {
    const auto node = table_[key];
    if (!node) {
      return std::nullopt;
    }
    const auto text = node.template value_exact<std::string>();
    for (const Word<T>& row : words) {
      if (text && *text == row.word) {
        return row.value;
      }
    }
    std::vector<std::string_view> all;
    std::ranges::transform(words, std::back_inserter(all), &Word<T>::word);
    fault(key, fmt::format("one of \"{}\"", fmt::join(all, "\", \"")));
    return std::nullopt;
  }

  std::optional<bool> flag(std::string_view key) {
    const auto node = table_[key];
    const auto value = node.value_exact<bool>();
    if (node && !value) {
      fault(key, "true or false");
    }
    return value;
  }

  std::string text(std::string_view key) {
    const auto node = table_[key];
    const auto value = node.value_exact<std::string>();
    if (node && (!value || value->empty())) {
      fault(key, "a text");
    }
    return value.value_or("");
  }

  std::optional<double> positive_number(std::string_view key) {
    const auto node = table_[key];
    const auto value = node.value<double>();
    if (node && (!value || !std::isfinite(*value) || *value <= 0.0)) {
      fault(key, "a number above 0");
    }
    return value;
  }

  // One number for three, or three.
  std::optional<std::array<float, 3>> per_channel(std::string_view key) {
    const auto node = table_[key];
    if (!node) {
      return std::nullopt;
    }
    std::array<float, 3> out{};
    if (const toml::array* array = node.as_array(); array != nullptr) {
      if (array->size() == out.size() &&
          std::ranges::all_of(*array, [](const toml::node& n) { return n.is_number(); })) {
        for (std::size_t i = 0; i < out.size(); ++i) {
          out[i] = static_cast<float>(*(*array)[i].value<double>());
        }
        return checked(key, out);
      }
    } else if (const auto number = node.value<double>(); number && node.is_number()) {
      out.fill(static_cast<float>(*number));
      return checked(key, out);
    }
    fault(key, "a number, or a list of 3");
    return std::nullopt;
  }

  // An edge, or [height, width].
  void size(std::string_view key, std::optional<std::int64_t>& edge, std::optional<ImageSize>& both,
            std::int64_t side_max) {
    const auto node = table_[key];
    if (!node) {
      return;
    }
    const auto in_range = [&](const std::optional<std::int64_t>& value) {
      return value && *value >= 1 && *value <= side_max;
    };
    if (const auto value = node.value_exact<std::int64_t>(); in_range(value)) {
      edge = value;
      return;
    }
    if (const toml::array* array = node.as_array(); array != nullptr && array->size() == 2) {
      const auto height = (*array)[0].value_exact<std::int64_t>();
      const auto width = (*array)[1].value_exact<std::int64_t>();
      if (in_range(height) && in_range(width)) {
        both = ImageSize{*width, *height};
        return;
      }
    }
    fault(key, fmt::format("a whole number from 1 to {}, or [height, width] of them", side_max));
  }

  const std::optional<Error>& error() const noexcept { return error_; }

 private:
  std::optional<std::array<float, 3>> checked(std::string_view key, const std::array<float, 3>& values) {
    const bool divides = key == "std";
    for (const float value : values) {
      if (!std::isfinite(value) || (divides && value <= 0.0F)) {
        fault(key, divides ? "numbers above 0" : "finite numbers");
      }
    }
    return values;
  }

  const toml::table& table_;
  std::string where_;
  std::optional<Error> error_;
};

Result<void> read_preprocess(const toml::table& table, std::string_view source, ImageSidecar& out) {
  TableReader reader(table, fmt::format("{}: [preprocess]", source));
  reader.expect_only(kPreprocessKeys);
  std::optional<std::int64_t> square;
  reader.size("size", square, out.size, kImageInputSideMax);
  if (square) {
    out.size = ImageSize{*square, *square};
  }
  reader.size("resize", out.resize_edge, out.resize_exact, kImageResizeSideMax);
  out.crop = reader.word("crop", kCrops);
  out.interpolation = reader.word("interpolation", kInterpolations);
  out.antialias = reader.flag("antialias");
  out.rescale = reader.positive_number("rescale");
  out.mean = reader.per_channel("mean");
  out.std = reader.per_channel("std");
  out.channels = reader.word("channels", kChannels);
  out.layout = reader.word("layout", kLayouts);
  return reader.error() ? Result<void>(std::unexpected(*reader.error())) : Result<void>{};
}

Result<ImageSidecar> read_root(const toml::table& root, std::string_view source) {
  TableReader reader(root, std::string(source));
  reader.expect_only(kTables);
  const toml::table* preprocess = reader.table("preprocess");
  const toml::table* output = reader.table("output");
  if (reader.error()) {
    return std::unexpected(*reader.error());
  }
  ImageSidecar sidecar;
  if (preprocess != nullptr) {
    if (auto read = read_preprocess(*preprocess, source, sidecar); !read) {
      return std::unexpected(read.error());
    }
  }
  if (output != nullptr) {
    TableReader outputs(*output, fmt::format("{}: [output]", source));
    outputs.expect_only(kOutputKeys);
    sidecar.output = outputs.text("name");
    if (outputs.error()) {
      return std::unexpected(*outputs.error());
    }
  }
  return sidecar;
}

// The file has no use for inline tables and texts of several lines, and toml++ 3.3 asserts on some broken ones (or is
// undefined where assertions are off). The number of the first line with a brace outside text and comments, or with a
// triple quote; 0 when there is none.
std::size_t line_of_brace(std::string_view text) {
  std::size_t line_number = 1;
  char quote = '\0';
  bool comment = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line_number;
      quote = '\0';
      comment = false;
    } else if (text.substr(i).starts_with("\"\"\"") || text.substr(i).starts_with("'''")) {
      return line_number;
    } else if (comment) {
      continue;
    } else if (quote != '\0') {
      i += quote == '"' && c == '\\' && text.substr(i + 1, 1) != "\n" ? 1U : 0U;
      quote = c == quote ? '\0' : quote;
    } else if (c == '{' || c == '}') {
      return line_number;
    } else {
      quote = c == '"' || c == '\'' ? c : quote;
      comment = c == '#';
    }
  }
  return 0;
}

// toml++ 3.3 takes for granted that a key follows the bracket of a table's header (an assertion, or undefined behaviour
// without them), so that is looked at first. The number of the line that is otherwise; 0 when all are sound.
std::size_t line_of_broken_header(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  std::size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line_number == 1 && line.starts_with("\xEF\xBB\xBF")) {
      line.remove_prefix(3);
    }
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    if (!line.starts_with('[')) {
      continue;
    }
    line.remove_prefix(line.starts_with("[[") ? 2 : 1);
    const std::size_t at = line.find_first_not_of(" \t");
    const char first = at == std::string_view::npos ? '\0' : line[at];
    const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
    if (!letter && !(first >= '0' && first <= '9') && std::string_view("_-\"'").find(first) == std::string_view::npos) {
      return line_number;
    }
  }
  return 0;
}

std::int64_t known_size(std::int64_t from_model, std::int64_t from_sidecar) {
  return from_model != 0 ? from_model : from_sidecar;
}

// How a picture of any shape becomes one of the model's size.
Result<void> set_geometry(const ImageSidecar& sidecar, ImageSettings& settings, std::string_view model) {
  ImagePreprocess& steps = settings.preprocess;
  const ImageSize size = settings.size;
  const bool crops =
      sidecar.crop.value_or(sidecar.resize_edge ? CropMode::kCenter : CropMode::kNone) == CropMode::kCenter;
  if (sidecar.resize_edge || (crops && !sidecar.resize_exact)) {
    steps.resize = ResizeMode::kShortestEdge;
    steps.resize_width = sidecar.resize_edge.value_or(std::max(size.width, size.height));
    steps.resize_height = steps.resize_width;
  } else {
    const ImageSize resized = sidecar.resize_exact.value_or(size);
    steps.resize = ResizeMode::kExact;
    steps.resize_width = resized.width;
    steps.resize_height = resized.height;
  }
  if (crops) {
    steps.crop = CropMode::kCenter;
    steps.crop_width = size.width;
    steps.crop_height = size.height;
    return {};
  }
  if (steps.resize == ResizeMode::kShortestEdge || ImageSize{steps.resize_width, steps.resize_height} != size) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: resize and size differ, and nothing is cropped: pictures would not be {} x {}", model,
                            size.width, size.height),
                "crop = \"center\", or leave resize out");
  }
  return {};
}

Result<void> set_values(const ImageSidecar& sidecar, const ForeignImageInput& input, ImageSettings& settings,
                        std::string_view model) {
  ImagePreprocess& steps = settings.preprocess;
  if (input.quantised && (sidecar.mean || sidecar.std || (sidecar.rescale && *sidecar.rescale != 1.0))) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: takes bytes from 0 to 255, so mean, std and rescale have no place", model),
                "leave them out: the model holds its own scale");
  }
  steps.rescale = sidecar.rescale.value_or(input.quantised ? 1.0 : 1.0 / 255.0);
  steps.mean = sidecar.mean.value_or(steps.mean);
  steps.std = sidecar.std.value_or(steps.std);
  steps.channels = sidecar.channels.value_or(input.channels == 1 ? ChannelOrder::kGrey : ChannelOrder::kRgb);
  settings.channels = preprocessed_channel_count(steps);
  if (settings.channels != input.channels) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected channels for an input of {}, found channels = \"{}\"",
                                                  model, input.channels, settings.channels == 1 ? "grey" : "rgb"));
  }
  return {};
}

}  // namespace

Result<ImageSidecar> parse_image_sidecar(std::string_view text, std::string_view source) {
  if (const std::size_t line = line_of_broken_header(text); line != 0) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: line {}: expected the name of a table after [", source, line));
  }
  if (const std::size_t line = line_of_brace(text); line != 0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: line {}: expected no inline table and no text of several lines", source, line));
  }
  try {
    const toml::table root = toml::parse(text);
    return read_root(root, source);
  } catch (const toml::parse_error& e) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: line {}: {}", source, e.source().begin.line, std::string_view(e.description())));
  }
}

Result<std::optional<ImageSidecar>> read_image_sidecar(const fs::path& model) {
  fs::path path = model;
  path += ".toml";
  std::error_code ec;
  if (!fs::exists(path, ec)) {
    return std::nullopt;
  }
  const auto text = read_file(path, kImageSidecarSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  return parse_image_sidecar(*text, path.string());
}

Result<ImageSettings> sidecar_image_settings(const std::optional<ImageSidecar>& given, const ForeignImageInput& input,
                                             std::string_view model) {
  const ImageSidecar sidecar = given.value_or(ImageSidecar{});
  const ImageSize asked = sidecar.size.value_or(ImageSize{});
  ImageSettings settings;
  settings.source = given ? fmt::format("{}.toml", model) : "defaults";
  settings.size = {known_size(input.width, asked.width), known_size(input.height, asked.height)};
  if (sidecar.size && settings.size != asked) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: takes pictures of {} x {}, but the file beside it says {} x {}", model,
                            settings.size.width, settings.size.height, asked.width, asked.height));
  }
  if (settings.size.width == 0 || settings.size.height == 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: leaves the size of its pictures open", model),
                fmt::format("give it in {}.toml: [preprocess] size = 224", model));
  }
  settings.preprocess.interpolation = sidecar.interpolation.value_or(Interpolation::kBilinear);
  settings.preprocess.antialias = sidecar.antialias.value_or(true);
  if (auto set = set_values(sidecar, input, settings, model); !set) {
    return std::unexpected(set.error());
  }
  if (auto set = set_geometry(sidecar, settings, model); !set) {
    return std::unexpected(set.error());
  }
  if (!given) {
    settings.warnings.push_back(
        fmt::format("{}: no {}.toml beside it: pictures are squashed to {} x {}, {}", model,
                    fs::path(model).filename().string(), settings.size.width, settings.size.height,
                    input.quantised ? "bytes are fed as they are" : "bytes are scaled to [0, 1]"));
  }
  return settings;
}

}  // namespace asterism
