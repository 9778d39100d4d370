#include "graph/foreign_model.hpp"

#include <algorithm>
#include <array>

namespace asterism {
namespace {

struct FormatRow {
  ForeignFormat format;
  std::string_view ending;
  std::string_view name;
};
constexpr std::array kFormats{
    FormatRow{ForeignFormat::kOnnx, ".onnx", "ONNX"},
    FormatRow{ForeignFormat::kTfLite, ".tflite", "TensorFlow Lite"},
    FormatRow{ForeignFormat::kOpenVinoIr, ".xml", "OpenVINO IR"},
};

}  // namespace

std::optional<ForeignFormat> foreign_format(const std::filesystem::path& path) {
  const auto found = std::ranges::find(kFormats, path.extension().string(), &FormatRow::ending);
  return found == kFormats.end() ? std::nullopt : std::optional(found->format);
}

std::string_view foreign_format_name(ForeignFormat format) noexcept {
  const auto found = std::ranges::find(kFormats, format, &FormatRow::format);
  return found == kFormats.end() ? std::string_view() : found->name;
}

}  // namespace asterism
