#include "analysis/estimator_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analysis/estimator_options.hpp"
#include "analysis/estimators.hpp"
#include "base/json.hpp"
#include "tensor/dtype.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

using Metadata = std::map<std::string, std::string>;

std::unexpected<Error> no_estimator(std::string_view source, std::string_view expected) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: expected {}", source, expected),
              "such files are written by `asterism reduce --save`");
}

Result<std::string> metadata_value(const Metadata& metadata, const std::string& key, std::string_view source) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    return no_estimator(source, fmt::format("a fitted estimator with '{}' in its metadata, found none", key));
  }
  return found->second;
}

Result<void> check_format(const Metadata& metadata, std::string_view source) {
  const auto format = metadata_value(metadata, "format", source);
  if (!format) {
    return std::unexpected(format.error());
  }
  if (*format != kEstimatorFileFormat) {
    return no_estimator(source, fmt::format("format '{}', found '{}'", kEstimatorFileFormat, format->substr(0, 64)));
  }
  const auto text = metadata_value(metadata, "format_version", source);
  if (!text) {
    return std::unexpected(text.error());
  }
  int version = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), version);
  if (error != std::errc() || end != text->data() + text->size() || version < 1) {
    return no_estimator(source, fmt::format("a version of the format, found '{}'", text->substr(0, 64)));
  }
  if (version > kEstimatorFileVersion) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: expected version {} of the format at most, found {}", source, kEstimatorFileVersion, version),
        "it was written by a newer asterism: update this one");
  }
  return {};
}

template <typename T>
bool all_finite(std::span<const std::byte> bytes) {
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    if (!std::isfinite(value)) {
      return false;
    }
  }
  return true;
}

Result<void> check_values(const EstimatorState::Array& array, std::string_view source) {
  const Tensor& values = array.values;
  const bool finite = values.dtype() == DType::kF32   ? all_finite<float>(values.bytes())
                      : values.dtype() == DType::kF64 ? all_finite<double>(values.bytes())
                                                      : true;
  if (!finite) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: array '{}': expected finite values, found NaN or infinity", source, array.name));
  }
  return {};
}

Result<std::unique_ptr<Estimator>> to_estimator(SafetensorsFile file, std::string_view source) {
  if (auto ok = check_format(file.metadata, source); !ok) {
    return std::unexpected(ok.error());
  }
  const auto name = metadata_value(file.metadata, "method", source);
  const auto options_text = metadata_value(file.metadata, "options", source);
  if (!name || !options_text) {
    return std::unexpected(!name ? name.error() : options_text.error());
  }
  const auto method = find_estimator_method(*name);
  if (!method) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: {}", source, method.error().message), method.error().hint);
  }
  const auto given = parse_json(*options_text, source);
  if (!given) {
    return std::unexpected(given.error());
  }
  auto options = complete_options(**method, *given, source);
  if (!options) {
    return fail(ErrorCode::kCorrupt, options.error().message, options.error().hint);
  }
  EstimatorState state{.options = *std::move(options), .arrays = {}};
  for (auto& [array_name, tensor] : file.tensors) {
    state.arrays.push_back({.name = array_name, .values = std::move(tensor)});
    if (auto ok = check_values(state.arrays.back(), source); !ok) {
      return std::unexpected(ok.error());
    }
  }
  return (*method)->load(state, source);
}

}  // namespace

Result<void> write_estimator(const std::filesystem::path& path, const Estimator& estimator) {
  EstimatorState state = estimator.state();
  std::vector<NamedTensor> tensors;
  for (EstimatorState::Array& array : state.arrays) {
    tensors.push_back({.name = std::move(array.name), .tensor = std::move(array.values)});
  }
  return write_safetensors(path, tensors,
                           {{"format", std::string(kEstimatorFileFormat)},
                            {"format_version", std::to_string(kEstimatorFileVersion)},
                            {"method", std::string(estimator.method())},
                            {"options", state.options.dump()}});
}

bool is_estimator_file(const std::filesystem::path& path) {
  if (path.extension() != ".safetensors") {
    return false;
  }
  const auto file = read_safetensors(path);
  const auto format = file ? metadata_value(file->metadata, "format", path.string()) : std::unexpected(file.error());
  return format && *format == kEstimatorFileFormat;
}

Result<std::unique_ptr<Estimator>> read_estimator(const std::filesystem::path& path) {
  auto file = read_safetensors(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  return to_estimator(*std::move(file), path.string());
}

Result<std::unique_ptr<Estimator>> parse_estimator(std::span<const std::byte> bytes, std::string_view source) {
  auto file = parse_safetensors(bytes, nullptr, source);
  if (!file) {
    return std::unexpected(file.error());
  }
  return to_estimator(*std::move(file), source);
}

}  // namespace asterism
