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

HeaderEntry rows_entry(const RowsTensor& tensor, std::int64_t row_count, std::uint64_t begin, std::uint64_t end) {
  Shape shape{row_count};
  shape.insert(shape.end(), tensor.row_shape.begin(), tensor.row_shape.end());
  return {tensor.name, {DType::kF32, std::move(shape), begin, end}};
}

Result<std::vector<std::size_t>> row_sizes(std::span<const RowsTensor> tensors, std::string_view source) {
  std::set<std::string_view> names;
  std::vector<std::size_t> sizes;
  for (const RowsTensor& tensor : tensors) {
    const auto size = shape_element_count(tensor.row_shape);
    if (!size || *size < 1) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected rows of at least 1 value, found rows of {}",
                                                           source, shape_to_string(tensor.row_shape)));
    }
    if (tensor.name == kSafetensorsMetadataKey || !names.insert(tensor.name).second) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected tensor names that differ from each other and from {}, found '{}'", source,
                              kSafetensorsMetadataKey, tensor.name));
    }
    sizes.push_back(*size);
  }
  return sizes;
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

Result<SafetensorsRowsWriter> SafetensorsRowsWriter::create(const std::filesystem::path& path,
                                                            std::vector<RowsTensor> tensors,
                                                            const std::map<std::string, std::string>& metadata) {
  const auto sizes = row_sizes(tensors, path.string());
  if (!sizes) {
    return std::unexpected(sizes.error());
  }
  // The longest header there can be: every number at its full width.
  std::vector<HeaderEntry> widest;
  for (const RowsTensor& tensor : tensors) {
    widest.push_back(rows_entry(tensor, std::numeric_limits<std::int64_t>::max(),
                                std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max()));
  }
  auto json = header_json(widest, metadata, path.string());
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
  std::vector<SpoolFile> spools;
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    auto spool = SpoolFile::create(path.parent_path());
    if (!spool) {
      return std::unexpected(spool.error());
    }
    spools.push_back(std::move(*spool));
  }
  std::vector<Part> parts;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    parts.push_back({.tensor = std::move(tensors[i]), .row_size = (*sizes)[i]});
  }
  SafetensorsRowsWriter writer(std::move(*file), std::move(parts), metadata, header_size_bytes);
  writer.spools_ = std::move(spools);
  return writer;
}

Result<void> SafetensorsRowsWriter::append(std::size_t index, std::span<const float> rows) {
  Part& part = parts_[index];
  if (rows.size() % part.row_size != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected whole rows of {} values, found {} values", part.row_size, rows.size()));
  }
  const auto bytes = std::as_bytes(rows);
  if (auto written = index == 0 ? file_.write(bytes) : spools_[index - 1].write(bytes); !written) {
    return written;
  }
  part.row_count += static_cast<std::int64_t>(rows.size() / part.row_size);
  return {};
}

Result<void> SafetensorsRowsWriter::commit() {
  std::vector<HeaderEntry> entries;
  std::uint64_t offset = 0;
  for (const Part& part : parts_) {
    if (part.row_count != row_count()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("tensor {}: expected {} rows as in {}, found {}", part.tensor.name, row_count(),
                              parts_.front().tensor.name, part.row_count));
    }
    const std::uint64_t end = offset + static_cast<std::uint64_t>(part.row_count) * part.row_size * sizeof(float);
    entries.push_back(rows_entry(part.tensor, part.row_count, offset, end));
    offset = end;
  }
  for (const SpoolFile& spool : spools_) {
    if (auto copied = spool.read([this](std::span<const std::byte> bytes) { return file_.write(bytes); }); !copied) {
      return copied;
    }
  }
  auto json = header_json(entries, metadata_, kEmbeddingsTensorName);
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
