#include "encoder/fusion_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <system_error>
#include <utility>

#include "base/file.hpp"
#include "encoder/table_encoder.hpp"
#include "weights/checkpoint.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScaledForm = "scaled";
constexpr std::string_view kModelForm = "model";
constexpr std::string_view kImageKind = "image";
constexpr std::string_view kTextKind = "text";

std::string source_of(const fs::path& folder) {
  return (folder / "config.json").string();
}

// One of two words; true for the first.
Result<bool> first_of(const Json& config, std::string_view key, std::string_view first, std::string_view second,
                      const std::string& source) {
  const auto word = json_get<std::string>(config, key, source);
  if (!word) {
    return std::unexpected(word.error());
  }
  if (*word != first && *word != second) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"{}\": expected \"{}\" or \"{}\", found \"{}\"", source, key, first, second, *word));
  }
  return *word == first;
}

Result<FusionSettings> read_settings(const Json& config, const fs::path& folder) {
  const std::string source = source_of(folder);
  FusionSettings settings;
  const auto encoder = json_get<std::string>(config, "encoder", source);
  const auto column = json_get<std::string>(config, "content_column", source);
  const auto is_file = first_of(config, "content_kind", kImageKind, kTextKind, source);
  const auto image_folder = json_find<std::string>(config, "image_folder", source);
  const auto scaled = first_of(config, "columns_form", kScaledForm, kModelForm, source);
  if (!encoder || !column || !is_file || !image_folder || !scaled) {
    return std::unexpected(!encoder        ? encoder.error()
                           : !column       ? column.error()
                           : !is_file      ? is_file.error()
                           : !image_folder ? image_folder.error()
                                           : scaled.error());
  }
  settings.encoder = *encoder;
  settings.content_column = *column;
  settings.content_is_file = *is_file;
  settings.image_folder = image_folder->value_or("");
  Result<TableColumns> columns = TableColumns{};
  if (*scaled) {
    columns = read_table_columns(config, source);
  } else {
    settings.columns_model = folder / kFusionColumnsFolder;
    const auto inner = read_json_file(settings.columns_model / "config.json");
    columns = inner ? read_table_columns(*inner, source_of(settings.columns_model)) : std::unexpected(inner.error());
  }
  if (!columns) {
    return std::unexpected(columns.error());
  }
  settings.columns = *std::move(columns);
  return settings;
}

Result<FusionScale> read_scale(const Json& config, const std::map<std::string, Tensor>& tensors, std::string_view part,
                               const std::string& source) {
  const auto scale = json_get<double>(config, fmt::format("{}_scale", part), source);
  if (!scale) {
    return std::unexpected(scale.error());
  }
  const auto centre = tensors.find(fmt::format("{}.centre", part));
  if (centre == tensors.end() || centre->second.shape().size() != 1 || !std::isfinite(*scale) || *scale <= 0.0) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected a \"{}_scale\" above 0 and a tensor \"{}.centre\" [dim]",
                                                 source, part, part));
  }
  const Tensor values = centre->second.to_f32();
  const auto floats = values.as<float>();
  return FusionScale{.centre = {floats.begin(), floats.end()}, .scale = *scale};
}

Tensor vector_tensor(const std::vector<float>& values) {
  Tensor tensor(DType::kF32, {static_cast<std::int64_t>(values.size())});
  std::ranges::copy(values, tensor.mutable_as<float>().begin());
  return tensor;
}

Result<void> copy_columns_model(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to, error);
  for (const char* name : {"config.json", "model.safetensors"}) {
    const auto bytes = read_file(from / name, kJsonFileSizeBytesMax);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    if (auto ok = write_file_atomic(to / name, *bytes); !ok) {
      return ok;
    }
  }
  return {};
}

}  // namespace

RecordColumns FusionSettings::record_columns() const {
  RecordColumns out{.names = columns.names(), .files = {}, .file_folder = image_folder};
  out.names.push_back(content_column);
  if (content_is_file) {
    out.files.push_back(content_column);
  }
  return out;
}

Result<RecordColumns> fusion_inputs(const Json& config, const fs::path& folder) {
  const auto settings = read_settings(config, folder);
  return settings ? Result<RecordColumns>(settings->record_columns()) : std::unexpected(settings.error());
}

Result<FusionModel> read_fusion_model(const fs::path& folder) {
  const std::string source = source_of(folder);
  const auto config = read_json_file(source);
  auto settings = config ? read_settings(*config, folder) : std::unexpected(config.error());
  const auto tensors = settings ? read_checkpoint(folder) : std::unexpected(settings.error());
  auto content = tensors ? read_scale(*config, *tensors, "content", source) : std::unexpected(tensors.error());
  auto columns = content ? read_scale(*config, *tensors, "columns", source) : std::unexpected(content.error());
  if (!columns) {
    return std::unexpected(columns.error());
  }
  return FusionModel{.settings = *std::move(settings), .content = *std::move(content), .columns = *std::move(columns)};
}

Result<void> write_fusion_model(const FusionModel& model, const fs::path& folder) {
  const FusionSettings& settings = model.settings;
  const bool scaled = settings.columns_model.empty();
  Json config{{"model_type", kFusionType},
              {"encoder", settings.encoder},
              {"content_column", settings.content_column},
              {"content_kind", settings.content_is_file ? kImageKind : kTextKind},
              {"image_folder", settings.image_folder},
              {"content_scale", model.content.scale},
              {"columns_scale", model.columns.scale},
              {"columns_form", scaled ? kScaledForm : kModelForm}};
  if (scaled) {
    config["columns"] = to_json(settings.columns);
  } else if (auto ok = copy_columns_model(settings.columns_model, folder / kFusionColumnsFolder); !ok) {
    return ok;
  }
  const std::vector<NamedTensor> tensors{{"content.centre", vector_tensor(model.content.centre)},
                                         {"columns.centre", vector_tensor(model.columns.centre)}};
  if (auto ok = write_safetensors(folder / "model.safetensors", tensors); !ok) {
    return ok;
  }
  constexpr int kIndent = 2;
  return write_file_atomic(folder / "config.json", config.dump(kIndent) + "\n");
}

std::vector<float> fuse(const FusionModel& model, const FusionParts::Vectors& parts) {
  std::vector<float> out;
  const std::size_t content_dim = model.content.centre.size();
  const std::size_t columns_dim = model.columns.centre.size();
  out.reserve(parts.errors.size() * (content_dim + columns_dim));
  const auto place = [&](const FusionScale& scale, std::span<const float> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      out.push_back(
          static_cast<float>(scale.scale * (static_cast<double>(values[i]) - static_cast<double>(scale.centre[i]))));
    }
  };
  for (std::size_t row = 0; row < parts.errors.size(); ++row) {
    if (parts.errors[row]) {
      out.resize(out.size() + content_dim + columns_dim, std::numeric_limits<float>::quiet_NaN());
      continue;
    }
    place(model.content, std::span(parts.content).subspan(row * content_dim, content_dim));
    place(model.columns, std::span(parts.columns).subspan(row * columns_dim, columns_dim));
  }
  return out;
}

}  // namespace asterism
