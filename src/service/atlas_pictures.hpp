// Small pictures of the items of a snapshot, one by one and in sheets.
//
// Decoded when they are asked for, within src/image's limits; what was made is kept in a bounded cache. Only bytes that
// the collection holds, or files at the paths that it was given: addresses are never fetched.
// Thread-safety: any thread. Cost: one get and one decode a picture that is not in the cache; a sheet's decodes run on
// two threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "service/atlas_snapshot.hpp"

namespace asterism::service {

// Edges that may be asked for.
inline constexpr std::int64_t kThumbnailEdgeMin = 16;
inline constexpr std::int64_t kThumbnailEdgeMax = 512;
inline constexpr std::int64_t kSpriteEdgeMax = 64;
// Pictures a sheet has in a row, and rows.
inline constexpr std::size_t kSpriteGridEdge = 32;
inline constexpr std::size_t kSpriteRowCount = kSpriteGridEdge * kSpriteGridEdge;
inline constexpr std::size_t kPictureCacheSizeBytesMax = std::size_t{64} << 20;

class AtlasPictures {
 public:
  explicit AtlasPictures(std::size_t cache_size_bytes_max = kPictureCacheSizeBytesMax)
      : cache_size_bytes_max_(cache_size_bytes_max) {}

  using Picture = std::shared_ptr<const std::string>;  // a JPEG file

  // No edge longer than `edge`. kNotFound where the row is no picture, or its file is not there any more; kCorrupt and
  // the like where it can not be decoded; kInvalidArgument for an edge out of range.
  Result<Picture> thumbnail(const Collection& collection, const AtlasSnapshot& snapshot, std::uint32_t row,
                            std::int64_t edge);
  // Rows `index` * 1,024 and on in a square grid, row by row, each cut to a square of `edge` pixels; grey where there
  // is no picture. kNotFound past the last row.
  Result<Picture> sprite(const Collection& collection, const AtlasSnapshot& snapshot, std::size_t index,
                         std::int64_t edge);

  // A sheet of any rows, `grid_edge` pictures in a row; not kept.
  static Result<std::string> sheet(const Collection& collection, const AtlasSnapshot& snapshot,
                                   std::span<const std::uint32_t> rows, std::size_t grid_edge, std::int64_t edge);

  std::size_t size_bytes() const;

 private:
  struct Entry {
    std::string key;
    Picture picture;
  };

  Picture find(const std::string& key);
  Picture keep(std::string key, std::string picture);

  const std::size_t cache_size_bytes_max_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the least recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;
  std::size_t size_bytes_ = 0;
};

// The file of an item's picture: what the collection holds, or what lies at its path. kNotFound where there is none.
Result<std::string> picture_file(const Item& item);

}  // namespace asterism::service
