#include "weights/safetensors_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "weights/safetensors.hpp"
#include "weights/safetensors_header.hpp"

namespace asterism {
namespace {

constexpr std::size_t kAlignmentBytes = 8;

// Element types in the order in which the original library puts their data: what needs more alignment comes first.
constexpr std::array<DType, 10> kDTypesInFileOrder{DType::kI64, DType::kF64, DType::kF32, DType::kI32, DType::kBF16,
                                                   DType::kF16, DType::kI16, DType::kI8,  DType::kU8,  DType::kBool};

std::size_t file_rank(DType dtype) {
  return static_cast<std::size_t>(std::ranges::find(kDTypesInFileOrder, dtype) - kDTypesInFileOrder.begin());
}

struct HeaderEntry {
  std::string_view name;
  SafetensorsEntry info;
};

// The JSON, unpadded. Keys keep the order given: metadata, then the tensors in the order of their bytes.
Result<std::string> header_json(std::span<const HeaderEntry> entries,
                                const std::map<std::string, std::string>& metadata, std::string_view source) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) {
    header[std::string(kSafetensorsMetadataKey)] = metadata;
  }
  for (const HeaderEntry& entry : entries) {
    header[std::string(entry.name)] = {{"dtype", safetensors_dtype_name(entry.info.dtype)},
                                       {"shape", entry.info.shape},
                                       {"data_offsets", {entry.info.begin, entry.info.end}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: names and metadata must be UTF-8: {}", source, e.what()));
  }
  if (text.size() > kSafetensorsHeaderSizeBytesMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: expected a header of at most {} bytes, found {}", source,
                                                       kSafetensorsHeaderSizeBytesMax, text.size()));
  }
  return text;
}

// Length prefix and JSON, padded with spaces to `size_bytes` of JSON.
std::string header_bytes(std::string json, std::size_t size_bytes) {
  json.resize(size_bytes, ' ');
  std::string bytes;
  for (std::size_t i = 0; i < kSafetensorsPrefixSizeBytes; ++i) {
    bytes.push_back(static_cast<char>((size_bytes >> (8 * i)) & 0xFFU));
  }
  return bytes + json;
}

std::size_t padded(std::size_t size_bytes) {
  return (size_bytes + kAlignmentBytes - 1) / kAlignmentBytes * kAlignmentBytes;
}

HeaderEntry matrix_entry(std::int64_t row_count, std::int64_t dim) {
  const auto size_bytes = static_cast<std::uint64_t>(row_count) * static_cast<std::uint64_t>(dim) * sizeof(float);
  return {kEmbeddingsTensorName, {DType::kF32, {row_count, dim}, 0, size_bytes}};
}

}  // namespace

Result<void> write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  std::set<std::string_view> names;
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name == kSafetensorsMetadataKey || !names.insert(tensor.name).second) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected tensor names that differ from each other and from {}, found '{}'",
                              path.string(), kSafetensorsMetadataKey, tensor.name));
    }
    order.push_back(&tensor);
  }
  std::ranges::sort(order, {}, [](const NamedTensor* t) {
    return std::pair(file_rank(t->tensor.dtype()), std::string_view(t->name));
  });
  std::vector<HeaderEntry> entries;
  std::uint64_t offset = 0;
  for (const NamedTensor* t : order) {
    const std::uint64_t end = offset + t->tensor.bytes().size();
    entries.push_back({t->name, {t->tensor.dtype(), t->tensor.shape(), offset, end}});
    offset = end;
  }
  auto json = header_json(entries, metadata, path.string());
  if (!json) {
    return std::unexpected(json.error());
  }
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  const std::size_t header_size_bytes = padded(json->size());
  if (auto written = file->write(header_bytes(std::move(*json), header_size_bytes)); !written) {
    return written;
  }
  for (const NamedTensor* t : order) {
    if (auto written = file->write(t->tensor.bytes()); !written) {
      return written;
    }
  }
  return file->commit();
}

Result<SafetensorsMatrixWriter> SafetensorsMatrixWriter::create(const std::filesystem::path& path, std::int64_t dim,
                                                                const std::map<std::string, std::string>& metadata) {
  if (dim < 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected rows of at least 1 value, found {}", path.string(), dim));
  }
  // The longest header there can be: every number at its full width.
  HeaderEntry widest = matrix_entry(0, dim);
  widest.info.shape[0] = std::numeric_limits<std::int64_t>::max();
  widest.info.end = std::numeric_limits<std::uint64_t>::max();
  auto json = header_json(std::span(&widest, 1), metadata, path.string());
  if (!json) {
    return std::unexpected(json.error());
  }
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  const std::size_t header_size_bytes = padded(json->size());
  if (auto written = file->write(header_bytes({}, header_size_bytes)); !written) {
    return std::unexpected(written.error());
  }
  return SafetensorsMatrixWriter(std::move(*file), dim, metadata, header_size_bytes);
}

Result<void> SafetensorsMatrixWriter::append(std::span<const float> rows) {
  const auto dim = static_cast<std::size_t>(dim_);
  if (rows.size() % dim != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected whole rows of {} values, found {} values", dim, rows.size()));
  }
  if (auto written = file_.write(std::as_bytes(rows)); !written) {
    return written;
  }
  row_count_ += static_cast<std::int64_t>(rows.size() / dim);
  return {};
}

Result<void> SafetensorsMatrixWriter::commit() {
  const HeaderEntry entry = matrix_entry(row_count_, dim_);
  auto json = header_json(std::span(&entry, 1), metadata_, kEmbeddingsTensorName);
  if (!json) {
    return std::unexpected(json.error());
  }
  const std::string header = header_bytes(std::move(*json), header_size_bytes_);
  if (auto patched = file_.write_at(0, std::as_bytes(std::span(header))); !patched) {
    return patched;
  }
  return file_.commit();
}

}  // namespace asterism
