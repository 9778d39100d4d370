#include "service/distortion_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/crc32c.hpp"
#include "service/projection_file.hpp"
#include "tensor/tensor.hpp"
#include "weights/safetensors.hpp"

namespace asterism::service {
namespace {

constexpr std::string_view kEnding = ".distortion";
constexpr std::string_view kValues = "values";

Result<std::filesystem::path> distortion_path(std::string_view location, std::string_view name) {
  auto path = projection_path(location, name);
  return path ? Result<std::filesystem::path>(path->replace_extension(kEnding)) : path;
}

constexpr std::string_view kNeighborCount = "neighbor_count";

// What must be as it is now.
std::map<std::string, std::string> metadata_of(const AtlasSnapshot& snapshot, const AtlasMap& map) {
  return {{"format", "asterism.distortion"},
          {"format_version", "1"},
          {"snapshot", snapshot.name},
          {"points", fmt::format("{:08x}", crc32c(std::as_bytes(std::span(map.points))))},
          {"neighbor_count_max", std::to_string(kDistortionNeighborCount)},
          {"pair_count_max", std::to_string(kDistortionPairCountMax)}};
}

std::optional<std::size_t> neighbor_count_of(const SafetensorsFile& file) {
  const auto found = file.metadata.find(std::string(kNeighborCount));
  if (found == file.metadata.end()) {
    return std::nullopt;
  }
  const std::string& digits = found->second;
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole && count <= kDistortionNeighborCount ? std::optional(count) : std::nullopt;
}

bool is_share(float value) noexcept {
  return value >= 0.0F && value <= 1.0F;
}

Result<MapDistortion> distortion_in(const SafetensorsFile& file, const AtlasSnapshot& snapshot, const AtlasMap& map,
                                    std::string_view source) {
  for (const auto& [key, expected] : metadata_of(snapshot, map)) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end() || found->second != expected) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: '{}': expected '{}', found {}", source, key, expected,
                              found == file.metadata.end() ? "none" : fmt::format("'{}'", found->second.substr(0, 64))),
                  "it is measured again");
    }
  }
  const auto neighbor_count = neighbor_count_of(file);
  if (!neighbor_count) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: '{}': expected a number up to {}", source, kNeighborCount, kDistortionNeighborCount),
                "it is measured again");
  }
  const auto found = file.tensors.find(std::string(kValues));
  const auto row_count = static_cast<std::int64_t>(snapshot.row_count());
  if (found == file.tensors.end() || found->second.dtype() != DType::kF32 ||
      !std::ranges::equal(found->second.shape(), std::array<std::int64_t, 2>{row_count, 2})) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected an array '{}' of f32 with the shape [{}, 2]", source, kValues, row_count),
                "it is measured again");
  }
  std::vector<float> values(snapshot.row_count() * 2);
  std::memcpy(values.data(), found->second.bytes().data(), values.size() * sizeof(float));
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const bool asked = is_share(values[i]) && is_share(values[i + 1]);
    if (!asked && !(std::isnan(values[i]) && std::isnan(values[i + 1]))) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: '{}', row {}: expected two numbers from 0 to 1, or two NaN, found {} and {}", source,
                              kValues, i / 2, values[i], values[i + 1]),
                  "it is measured again");
    }
  }
  return distortion_of(std::move(values), *neighbor_count);
}

}  // namespace

Result<MapDistortion> read_distortion(std::string_view location, const AtlasSnapshot& snapshot, const AtlasMap& map) {
  const auto path = distortion_path(location, map.summary.name);
  if (!path) {
    return std::unexpected(path.error());
  }
  const auto file = read_safetensors(*path);
  return file ? distortion_in(*file, snapshot, map, path->string()) : std::unexpected(file.error());
}

Result<void> keep_distortion(std::string_view location, const AtlasSnapshot& snapshot, const AtlasMap& map,
                             const MapDistortion& distortion) {
  const auto path = distortion_path(location, map.summary.name);
  if (!path) {
    return std::unexpected(path.error());
  }
  Tensor values(DType::kF32, {static_cast<std::int64_t>(snapshot.row_count()), 2});
  std::ranges::copy(distortion.values, values.mutable_as<float>().begin());
  std::vector<NamedTensor> tensors;
  tensors.push_back({.name = std::string(kValues), .tensor = std::move(values)});
  auto metadata = metadata_of(snapshot, map);
  metadata.emplace(kNeighborCount, std::to_string(distortion.neighbor_count));
  return write_safetensors(*path, tensors, metadata);
}

Result<MapDistortion> parse_distortion(std::span<const std::byte> bytes, const AtlasSnapshot& snapshot,
                                       const AtlasMap& map, std::string_view source) {
  const auto file = parse_safetensors(bytes, nullptr, source);
  return file ? distortion_in(*file, snapshot, map, source) : Result<MapDistortion>(std::unexpected(file.error()));
}

}  // namespace asterism::service
