// Rows of an atlas as files for other programs: CSV, Parquet, and what TensorBoard's projector reads.
//
// Columns: id, text, the metadata's (by their paths; one of another of these names goes as "metadata.NAME"), x, y and z
// of a map; Parquet and the projector have the vectors too. Items that were deleted since the snapshot are left out.
// Ownership: values. Thread-safety: any thread, a table one at a time. Memory: 1,000 items and a piece, of Parquet a
// row group more; of the projector all of it. Cost: one get of every item.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

// CSV (RFC 4180, UTF-8, with a header) or Parquet of some rows, made in pieces as they are asked for. Collection,
// snapshot and map must outlive it; `map` may be null. Thread-safety: one thread at a time.
class AtlasTable {
 public:
  // kUnsupported for the projector's files, which are an archive.
  static Result<std::unique_ptr<AtlasTable>> open(const Collection& collection, const AtlasSnapshot& snapshot,
                                                  const AtlasMap* map, std::vector<std::uint32_t> rows,
                                                  AtlasTableFormat format);
  virtual ~AtlasTable() = default;
  AtlasTable(const AtlasTable&) = delete;
  AtlasTable& operator=(const AtlasTable&) = delete;

  // The next bytes, at least kPieceSizeBytesMin but for the last; nothing after those.
  Result<std::optional<std::string>> next();

 protected:
  AtlasTable(const Collection& collection, const AtlasSnapshot& snapshot, const AtlasMap* map,
             std::vector<std::uint32_t> rows);

  // Add to `out`: what stands above the rows, a batch of them, what stands below.
  virtual Result<void> begin(std::string& out) = 0;
  virtual Result<void> add(std::span<const std::uint32_t> rows, std::string& out) = 0;
  virtual Result<void> end(std::string& out) = 0;

  const Collection& collection_;
  const AtlasSnapshot& snapshot_;
  const AtlasMap* const map_;
  const std::size_t map_dim_;

 private:
  const std::vector<std::uint32_t> rows_;
  std::size_t position_ = 0;
  bool begun_ = false;
  bool ended_ = false;
};
inline constexpr std::size_t kPieceSizeBytesMin = std::size_t{256} << 10;

// A zip of vectors.tsv, metadata.tsv, projector_config.json and, of pictures, sprite.jpg. kLimitExceeded past
// kProjectorRowCountMax. Format: TensorBoard's projector_config.proto.
Result<std::string> projector_archive(const Collection& collection, const AtlasSnapshot& snapshot,
                                      std::span<const std::uint32_t> rows);

}  // namespace asterism::service
