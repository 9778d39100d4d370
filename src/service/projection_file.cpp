#include "service/projection_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <utility>

#include "base/system_error.hpp"
#include "base/writable.hpp"
#include "store/vector_store.hpp"
#include "tensor/tensor.hpp"
#include "weights/safetensors.hpp"

namespace asterism::service {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolder = "projections";
constexpr std::string_view kEnding = ".safetensors";
constexpr std::string_view kFormat = "asterism.projection";
constexpr std::uint64_t kFormatVersion = 1;

std::unexpected<Error> corrupt(std::string_view source, std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: {}", source, what), "`asterism reduce` makes the projection again");
}

bool is_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kProjectionNameSizeBytesMax && name.front() != '.' &&
         std::ranges::all_of(name, allowed);
}

// Text and numbers of the metadata; the first that is missing or wrong is kept.
class MetadataReader {
 public:
  MetadataReader(const std::map<std::string, std::string>& metadata, std::string_view source)
      : metadata_(metadata), source_(source) {}

  std::string text(const std::string& key) {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) {
      keep(corrupt(source_, fmt::format("expected '{}' in the metadata of a projection, found none", key)).error());
      return {};
    }
    return found->second;
  }

  std::uint64_t number(const std::string& key) {
    const std::string digits = text(key);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) {
      keep(corrupt(source_, fmt::format("'{}': expected a whole number, found '{}'", key, digits.substr(0, 64)))
               .error());
    }
    return value;
  }

  Json json(const std::string& key) {
    auto value = parse_json(text(key), source_);
    if (!value) {
      keep(value.error());
      return {};
    }
    return *std::move(value);
  }

  const std::optional<Error>& error() const noexcept { return error_; }

 private:
  void keep(const Error& error) {
    if (!error_) {
      error_ = error;
    }
  }

  const std::map<std::string, std::string>& metadata_;
  std::string_view source_;
  std::optional<Error> error_;
};

Result<Tensor> array_of(const SafetensorsFile& file, const std::string& name, DType dtype, std::size_t rank,
                        std::string_view source) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end() || found->second.dtype() != dtype || found->second.shape().size() != rank) {
    return corrupt(source,
                   fmt::format("expected an array '{}' of {} with {} dimensions", name, dtype_name(dtype), rank));
  }
  return found->second;
}

Result<ProjectionSummary> summary_of(const SafetensorsFile& file, std::string_view name, std::string_view source) {
  MetadataReader metadata(file.metadata, source);
  if (const auto format = metadata.text("format"); !metadata.error() && format != kFormat) {
    return corrupt(source, fmt::format("expected format '{}', found '{}'", kFormat, format.substr(0, 64)));
  }
  if (const auto version = metadata.number("format_version"); !metadata.error() && version > kFormatVersion) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected version {} of the format at most, found {}", source, kFormatVersion, version),
                "it was written by a newer asterism: update this one");
  }
  ProjectionSummary out{.name = std::string(name),
                        .method = metadata.text("method"),
                        .options = metadata.json("options"),
                        .seed = metadata.number("seed"),
                        .collection_version = metadata.number("collection_version"),
                        .version = metadata.text("version"),
                        .created_at = metadata.text("created_at")};
  const std::uint64_t row_count = metadata.number("row_count");
  if (metadata.error()) {
    return std::unexpected(*metadata.error());
  }
  const auto points = array_of(file, "points", DType::kF32, 2, source);
  const auto offsets = array_of(file, "id_offsets", DType::kI64, 1, source);
  if (!points || !offsets) {
    return std::unexpected(!points ? points.error() : offsets.error());
  }
  out.row_count = static_cast<std::size_t>(points->shape()[0]);
  out.dim = static_cast<std::size_t>(points->shape()[1]);
  if (out.row_count != row_count || out.dim == 0 || offsets->element_count() != out.row_count + 1) {
    return corrupt(source, fmt::format("expected {} rows, as the metadata says, found points {} and {} offsets of ids",
                                       row_count, shape_to_string(points->shape()), offsets->element_count()));
  }
  return out;
}

Result<std::vector<std::string>> ids_of(const SafetensorsFile& file, std::size_t row_count, std::string_view source) {
  const auto bytes = array_of(file, "ids", DType::kU8, 1, source);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  std::vector<std::int64_t> offsets(row_count + 1);
  std::memcpy(offsets.data(), file.tensors.at("id_offsets").bytes().data(), offsets.size() * sizeof(std::int64_t));
  if (offsets.front() != 0 || offsets.back() != static_cast<std::int64_t>(bytes->element_count()) ||
      !std::ranges::is_sorted(offsets)) {
    return corrupt(source, "'id_offsets': expected offsets that rise from 0 to the bytes of 'ids'");
  }
  std::vector<std::string> ids;
  ids.reserve(row_count);
  const auto* text = reinterpret_cast<const char*>(bytes->bytes().data());
  for (std::size_t i = 0; i < row_count; ++i) {
    ids.emplace_back(text + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
  }
  return ids;
}

Result<Projection> projection_of(const SafetensorsFile& file, std::string_view name, std::string_view source) {
  auto summary = summary_of(file, name, source);
  if (!summary) {
    return std::unexpected(summary.error());
  }
  auto ids = ids_of(file, summary->row_count, source);
  if (!ids) {
    return std::unexpected(ids.error());
  }
  Projection out{.summary = *std::move(summary), .ids = *std::move(ids), .points = {}};
  out.points.resize(out.summary.row_count * out.summary.dim);
  const auto values = file.tensors.at("points").bytes();
  std::memcpy(out.points.data(), values.data(), values.size());
  return out;
}

std::vector<NamedTensor> tensors_of(const Projection& projection) {
  const auto row_count = static_cast<std::int64_t>(projection.ids.size());
  std::string text;
  Tensor offsets(DType::kI64, {row_count + 1});
  auto ends = offsets.mutable_as<std::int64_t>();
  ends[0] = 0;
  for (std::size_t i = 0; i < projection.ids.size(); ++i) {
    text += projection.ids[i];
    ends[i + 1] = static_cast<std::int64_t>(text.size());
  }
  Tensor ids(DType::kU8, {static_cast<std::int64_t>(text.size())});
  std::ranges::copy(text, ids.mutable_as<std::uint8_t>().begin());
  Tensor points(DType::kF32,
                {row_count, row_count == 0 ? 0 : static_cast<std::int64_t>(projection.points.size()) / row_count});
  std::ranges::copy(projection.points, points.mutable_as<float>().begin());
  return {{.name = "points", .tensor = std::move(points)},
          {.name = "ids", .tensor = std::move(ids)},
          {.name = "id_offsets", .tensor = std::move(offsets)}};
}

}  // namespace

Result<fs::path> projection_path(std::string_view location, std::string_view name) {
  const auto parsed = parse_location(location);
  if (!parsed) {
    return std::unexpected(parsed.error());
  }
  if (parsed->kind != StoreLocation::Kind::kFolder) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: projections are kept in a collection's folder, and this one is on a server", parsed->text),
        "write the places to a file with -o OUT.jsonl");
  }
  if (!is_name(name)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a projection's name of 1 to {} letters, digits, '.', '_' and '-', not beginning "
                            "with '.', found '{}'",
                            kProjectionNameSizeBytesMax, name.substr(0, kProjectionNameSizeBytesMax)));
  }
  return fs::path(parsed->address) / kFolder / fmt::format("{}{}", name, kEnding);
}

Result<void> expect_projection_writable(std::string_view location, std::string_view name) {
  const auto path = projection_path(location, name);
  if (!path) {
    return std::unexpected(path.error());
  }
  // The folder is made with the first projection: until then its place must be writable.
  std::error_code ignored;
  const bool has_folder = fs::is_directory(path->parent_path(), ignored);
  auto writable = expect_writable(has_folder ? *path : path->parent_path());
  if (!writable) {
    writable.error().hint = "--no-keep keeps nothing beside the collection; -o OUT.npy writes a file elsewhere";
  }
  return writable;
}

Result<void> write_projection(std::string_view location, const Projection& projection) {
  const auto path = projection_path(location, projection.summary.name);
  if (!path) {
    return std::unexpected(path.error());
  }
  const std::size_t row_count = projection.ids.size();
  if (row_count == 0 || projection.points.empty() || projection.points.size() % row_count != 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected a place for each of {} ids, found {} values",
                                                         path->string(), row_count, projection.points.size()));
  }
  std::error_code failure;
  fs::create_directory(path->parent_path(), failure);
  if (failure) {
    return system_failure(path->parent_path().string(), failure);
  }
  const ProjectionSummary& summary = projection.summary;
  return write_safetensors(*path, tensors_of(projection),
                           {{"format", std::string(kFormat)},
                            {"format_version", std::to_string(kFormatVersion)},
                            {"method", summary.method},
                            {"options", summary.options.dump()},
                            {"seed", std::to_string(summary.seed)},
                            {"collection_version", std::to_string(summary.collection_version)},
                            {"version", summary.version},
                            {"row_count", std::to_string(row_count)},
                            {"created_at", summary.created_at}});
}

Result<Projection> read_projection(std::string_view location, std::string_view name) {
  const auto path = projection_path(location, name);
  if (!path) {
    return std::unexpected(path.error());
  }
  const auto file = read_safetensors(*path);
  if (file) {
    return projection_of(*file, name, path->string());
  }
  if (file.error().code != ErrorCode::kNotFound) {
    return std::unexpected(file.error());
  }
  std::vector<std::string> names;
  for (const ListedProjection& listed : list_projections(location)) {
    names.push_back(listed.name);
  }
  return fail(ErrorCode::kNotFound, fmt::format("{}: there is no projection '{}'", location, name),
              names.empty() ? fmt::format("`asterism reduce {} --method umap` makes one", location)
                            : fmt::format("there are {}", fmt::join(names, ", ")));
}

std::vector<ListedProjection> list_projections(std::string_view location) {
  std::vector<ListedProjection> out;
  const auto any = projection_path(location, "any");
  if (!any) {
    return out;
  }
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(any->parent_path(), failure)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != kEnding || !is_name(name)) {
      continue;
    }
    const auto file = read_safetensors(entry.path());
    auto summary = file ? summary_of(*file, name, entry.path().string())
                        : Result<ProjectionSummary>(std::unexpected(file.error()));
    if (summary) {
      out.push_back({.name = name, .summary = *std::move(summary), .error = {}});
    } else {
      out.push_back({.name = name, .summary = {}, .error = summary.error()});
    }
  }
  std::ranges::sort(out, {}, &ListedProjection::name);
  return out;
}

Result<Projection> parse_projection(std::span<const std::byte> bytes, std::string_view name, std::string_view source) {
  const auto file = parse_safetensors(bytes, nullptr, source);
  return file ? projection_of(*file, name, source) : Result<Projection>(std::unexpected(file.error()));
}

}  // namespace asterism::service
