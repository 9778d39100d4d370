#include "dataset/row_source.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include "dataset/image_names.hpp"
#include "dataset/image_reader.hpp"
#include "dataset/path_pattern.hpp"

namespace asterism {
namespace {

PayloadKind kind_of(const std::string& path) {
  std::error_code error;
  if (path != "-" &&
      (has_image_extension(path) || has_tar_extension(path) || std::filesystem::is_directory(path, error))) {
    return PayloadKind::kImage;
  }
  const bool pattern = is_path_pattern(path) && !has_text_extension(path) && !std::filesystem::exists(path, error);
  return pattern ? PayloadKind::kImage : PayloadKind::kText;
}

}  // namespace

std::string_view payload_kind_name(PayloadKind kind) noexcept {
  // Indexed by the enumerators.
  constexpr std::array<std::string_view, 4> kNames{"text", "image", "tensor", "record"};
  return kNames[static_cast<std::size_t>(kind)];
}

Result<PayloadKind> resolve_input_kind(const RowSourceOptions& options) {
  switch (options.kind) {
    case InputKind::kText:
    case InputKind::kRecord:
      if (!options.list.empty()) {
        return fail(ErrorCode::kInvalidArgument, "input: expected a list (--list) of images, found texts asked for",
                    "name the text files themselves");
      }
      return options.kind == InputKind::kText ? PayloadKind::kText : PayloadKind::kRecord;
    case InputKind::kImage:
      return PayloadKind::kImage;
    case InputKind::kTensor:
      return PayloadKind::kTensor;
    case InputKind::kAuto:
      break;
  }
  if (!options.list.empty()) {
    return PayloadKind::kImage;
  }
  std::array<const std::string*, 2> first{};  // the first text, the first image
  for (const std::string& path : options.inputs) {
    if (path != "-" && has_tensor_extension(path)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected texts or images, found an array by its extension", path),
                  "say --preprocessed for [rows, channels, height, width], or --kind text to read it as lines");
    }
    const std::string*& seen = first[kind_of(path) == PayloadKind::kText ? 0 : 1];
    seen = seen == nullptr ? &path : seen;
  }
  if (first[0] != nullptr && first[1] != nullptr) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("input: expected texts or images, found both: {} (text) and {} (images)", *first[0], *first[1]),
        "embed them one after the other, or say what they all are (--kind)");
  }
  return first[1] != nullptr ? PayloadKind::kImage : PayloadKind::kText;
}

Result<std::unique_ptr<RowReader>> open_row_source(RowSourceOptions options) {
  const auto kind = resolve_input_kind(options);
  if (!kind) {
    return std::unexpected(kind.error());
  }
  if (*kind == PayloadKind::kText || *kind == PayloadKind::kRecord) {
    if (*kind == PayloadKind::kText) {
      options.columns = {};
    }
    return open_text_reader({.inputs = std::move(options.inputs),
                             .format = options.format,
                             .column = std::move(options.column),
                             .id_column = std::move(options.id_column),
                             .columns = std::move(options.columns),
                             .metadata = std::move(options.metadata),
                             .interrupted = std::move(options.interrupted)});
  }
  ImageReaderOptions images{.inputs = std::move(options.inputs),
                            .list = std::move(options.list),
                            .format = options.format,
                            .column = std::move(options.column),
                            .id_column = std::move(options.id_column),
                            .metadata = std::move(options.metadata),
                            .interrupted = std::move(options.interrupted)};
  return *kind == PayloadKind::kImage ? open_image_reader(std::move(images)) : open_tensor_reader(std::move(images));
}

}  // namespace asterism
