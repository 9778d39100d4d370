// Projections: where a collection's items are on a map, kept beside the collection.
//
// One file a projection, LOCATION/projections/NAME.safetensors: `points` f32 [rows, dim] (NaN: the row has no place),
// `ids` u8 [bytes], all ids one after the other, and `id_offsets` i64 [rows + 1], where each begins in them. Metadata:
// `format` = "asterism.projection", `format_version` = "1", `method`, `options` (JSON), `seed`, `collection_version`
// (CollectionStatus::version_number when the vectors were read), `version` (the named version, or ""), `row_count`,
// `created_at` (ISO 8601). A file appears whole or not at all. The reader trusts nothing. Ownership: values.
// Thread-safety: any thread; of two that write the same name the last stays. Cost: a summary reads the header only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"

namespace asterism::service {

inline constexpr std::size_t kProjectionNameSizeBytesMax = 64;

struct ProjectionSummary {
  std::string name;    // of the file: letters, digits, '.', '_' and '-', not beginning with '.'
  std::string method;  // "umap"
  Json options = Json::object();
  std::uint64_t seed = 0;
  std::uint64_t collection_version = 0;
  std::string version = {};     // a named version of the collection; empty: what was there
  std::string created_at = {};  // "2026-11-29T03:07:26Z"
  std::size_t row_count = 0;
  std::size_t dim = 0;
};

struct Projection {
  ProjectionSummary summary;
  std::vector<std::string> ids;  // [row_count]
  std::vector<float> points;     // [row_count, dim]
};

// Where it is kept. kInvalidArgument for a name that cannot be; kUnsupported where `location` is a server, which has no
// folder.
Result<std::filesystem::path> projection_path(std::string_view location, std::string_view name);

// Whether one can be kept there, to be asked before long work (base/writable.hpp).
Result<void> expect_projection_writable(std::string_view location, std::string_view name);

// Replaces one of the same name. row_count and dim are those of `ids` and `points`, which must agree.
Result<void> write_projection(std::string_view location, const Projection& projection);

// kNotFound names those there are; kCorrupt (a lying file), kUnsupported (a newer version).
Result<Projection> read_projection(std::string_view location, std::string_view name);

struct ListedProjection {
  std::string name;
  std::optional<ProjectionSummary> summary;  // nothing where it cannot be read,
  std::optional<Error> error;                // and why
};
// By name; none where nothing was kept, or on a server.
std::vector<ListedProjection> list_projections(std::string_view location);

// Of bytes in memory. `source` names them in errors.
Result<Projection> parse_projection(std::span<const std::byte> bytes, std::string_view name, std::string_view source);

}  // namespace asterism::service
