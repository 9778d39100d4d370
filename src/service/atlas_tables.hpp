// Rows of an atlas as files for other programs: CSV, Parquet, and what TensorBoard's projector reads.
//
// Columns: id, text, the metadata's (by their paths; one of another of these names goes as "metadata.NAME"), x, y and z
// of a map; Parquet and the projector have the vectors too. Items that were deleted since the snapshot are left out.
// Ownership: bytes go to the caller's sink. Thread-safety: any thread. Memory: 1,000 items, of Parquet a row group more;
// of the projector all of it. Cost: one get of every item.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "service/atlas_map.hpp"
#include "service/atlas_snapshot.hpp"

namespace asterism::service {

// TensorBoard's projector holds all vectors in the browser.
inline constexpr std::size_t kProjectorRowCountMax = 50'000;
// Of so many pictures its sprite is still one that browsers take.
inline constexpr std::size_t kProjectorPictureCountMax = 16'384;
inline constexpr std::int64_t kProjectorPictureEdge = 32;

enum class AtlasTableFormat : std::uint8_t { kCsv, kParquet, kProjector };

// "csv", "parquet", "projector"; kInvalidArgument for another.
Result<AtlasTableFormat> parse_table_format(std::string_view name);

using TakeBytes = std::function<Result<void>(std::string_view bytes)>;

// RFC 4180, UTF-8, with a header. `map` may be null.
Result<void> write_csv(const Collection& collection, const AtlasSnapshot& snapshot, const AtlasMap* map,
                       std::span<const std::uint32_t> rows, const TakeBytes& take);
Result<void> write_parquet(const Collection& collection, const AtlasSnapshot& snapshot, const AtlasMap* map,
                           std::span<const std::uint32_t> rows, const TakeBytes& take);
// A zip of vectors.tsv, metadata.tsv, projector_config.json and, of pictures, sprite.jpg. kLimitExceeded past
// kProjectorRowCountMax. Format: TensorBoard's projector_config.proto.
Result<std::string> projector_archive(const Collection& collection, const AtlasSnapshot& snapshot,
                                      std::span<const std::uint32_t> rows);

}  // namespace asterism::service
