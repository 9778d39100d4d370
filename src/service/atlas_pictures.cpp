#include "service/atlas_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/thread_pool.hpp"
#include "image/decode.hpp"
#include "image/jpeg_encode.hpp"
#include "image/resize.hpp"
#include "image/thumbnail.hpp"

namespace asterism::service {
namespace {

constexpr std::uint8_t kNoPictureGrey = 128;
constexpr int kSpriteQuality = 80;
constexpr std::size_t kSpriteThreadCount = 2;
constexpr std::size_t kSpriteGetCount = 64;  // files that are held at once
constexpr ItemParts kPictureParts{.metadata = false, .content = true, .data = true, .vector = false};

Result<void> expect_edge(std::int64_t edge, std::int64_t edge_max) {
  if (edge >= kThumbnailEdgeMin && edge <= edge_max) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("size: expected {} to {} pixels, found {}", kThumbnailEdgeMin, edge_max, edge));
}

Result<Image> decode_small(const std::string& file, std::int64_t edge) {
  return decode_image(std::as_bytes(std::span(file)), {.allow_truncated = true, .jpeg_shrink_edge = edge});
}

// The middle of the picture, as a square.
Result<Image> square(const Image& image, std::int64_t edge) {
  const std::int64_t shortest = std::min(image.width, image.height);
  const auto scaled = [&](std::int64_t size) { return std::max(edge, (size * edge + shortest / 2) / shortest); };
  // A picture that is all width would be as wide as a wall at that height: only the middle is resized.
  Image middle = image;
  const std::int64_t longest_max = shortest * 8;
  if (std::max(image.width, image.height) > longest_max) {
    const std::int64_t x = image.width > longest_max ? (image.width - longest_max) / 2 : 0;
    const std::int64_t y = image.height > longest_max ? (image.height - longest_max) / 2 : 0;
    middle = {.width = std::min(image.width, longest_max), .height = std::min(image.height, longest_max), .pixels = {}};
    for (std::int64_t row = 0; row < middle.height; ++row) {
      const auto begin = image.pixels.begin() + ((y + row) * image.width + x) * 3;
      middle.pixels.insert(middle.pixels.end(), begin, begin + middle.width * 3);
    }
  }
  return resize_image(middle, {.width = scaled(middle.width), .height = scaled(middle.height)});
}

void place(const Image& picture, std::int64_t edge, std::size_t cell, Image& sheet) {
  const auto grid_edge = static_cast<std::size_t>(sheet.width / edge);
  const std::int64_t x = static_cast<std::int64_t>(cell % grid_edge) * edge;
  const std::int64_t y = static_cast<std::int64_t>(cell / grid_edge) * edge;
  const std::int64_t left = (picture.width - edge) / 2;
  const std::int64_t top = (picture.height - edge) / 2;
  for (std::int64_t row = 0; row < edge; ++row) {
    const auto from = picture.pixels.begin() + ((top + row) * picture.width + left) * 3;
    std::copy(from, from + edge * 3, sheet.pixels.begin() + ((y + row) * sheet.width + x) * 3);
  }
}

void place_items(std::span<const std::optional<Item>> items, std::size_t cell_first, std::int64_t edge, Image& sheet) {
  ThreadPool pool(kSpriteThreadCount);
  pool.parallel_for(items.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto file = items[i] ? picture_file(*items[i]) : fail(ErrorCode::kNotFound, "gone");
      const auto image = file ? decode_small(*file, edge) : std::unexpected(file.error());
      // A picture that is broken or gone stays grey: the page says why when it asks for it alone.
      if (const auto cut = image ? square(*image, edge) : std::unexpected(image.error())) {
        place(*cut, edge, cell_first + i, sheet);
      }
    }
  });
}

}  // namespace

Result<std::string> picture_file(const Item& item) {
  if (item.kind != ItemKind::kImage) {
    return fail(ErrorCode::kNotFound, fmt::format("item \"{}\": it is no picture", item.id));
  }
  if (!item.data.empty()) {
    return item.data;
  }
  // The names of pictures that came over the network are none of files here.
  if (!std::filesystem::path(item.content).is_absolute()) {
    return fail(ErrorCode::kNotFound, fmt::format("item \"{}\": its picture is not kept", item.id));
  }
  auto file = read_file(item.content, kImageFileSizeBytesMax);
  if (!file) {
    return fail(ErrorCode::kNotFound, fmt::format("item \"{}\": its picture is not there any more", item.id));
  }
  return file;
}

AtlasPictures::Picture AtlasPictures::find(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    return nullptr;
  }
  entries_.splice(entries_.end(), entries_, found->second);
  return found->second->picture;
}

AtlasPictures::Picture AtlasPictures::keep(std::string key, std::string picture) {
  auto kept = std::make_shared<const std::string>(std::move(picture));
  const std::scoped_lock lock(mutex_);
  if (kept->size() > cache_size_bytes_max_ || by_key_.contains(key)) {
    return kept;
  }
  entries_.push_back({.key = std::move(key), .picture = kept});
  by_key_.emplace(entries_.back().key, std::prev(entries_.end()));
  size_bytes_ += kept->size();
  while (size_bytes_ > cache_size_bytes_max_) {
    size_bytes_ -= entries_.front().picture->size();
    by_key_.erase(entries_.front().key);
    entries_.pop_front();
  }
  return kept;
}

std::size_t AtlasPictures::size_bytes() const {
  const std::scoped_lock lock(mutex_);
  return size_bytes_;
}

Result<AtlasPictures::Picture> AtlasPictures::thumbnail(const Collection& collection, const AtlasSnapshot& snapshot,
                                                        std::uint32_t row, std::int64_t edge) {
  if (auto checked = expect_edge(edge, kThumbnailEdgeMax); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (row >= snapshot.row_count()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("row {}: expected 0 to {}", row, snapshot.row_count() - 1));
  }
  const std::string key = fmt::format("{}/{}/t{}/{}", snapshot.collection, snapshot.name, edge, row);
  if (auto kept = find(key)) {
    return kept;
  }
  const std::vector<std::string> ids{std::string(snapshot.ids.id(row))};
  const auto items = collection.get(ids, kPictureParts);
  if (!items) {
    return std::unexpected(items.error());
  }
  if (!items->front()) {
    return fail(ErrorCode::kNotFound, fmt::format("item \"{}\": it was deleted", ids.front()));
  }
  const auto file = picture_file(*items->front());
  const auto image = file ? decode_small(*file, edge) : std::unexpected(file.error());
  auto small = image ? encode_thumbnail(*image, edge) : std::unexpected(image.error());
  return small ? Result<Picture>(keep(key, *std::move(small))) : std::unexpected(std::move(small.error()));
}

Result<AtlasPictures::Picture> AtlasPictures::sprite(const Collection& collection, const AtlasSnapshot& snapshot,
                                                     std::size_t index, std::int64_t edge) {
  if (auto checked = expect_edge(edge, kSpriteEdgeMax); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (index >= (snapshot.row_count() + kSpriteRowCount - 1) / kSpriteRowCount) {
    return fail(ErrorCode::kNotFound, fmt::format("sprite {}: expected one of the {} rows, {} each", index,
                                                  snapshot.row_count(), kSpriteRowCount));
  }
  const std::string key = fmt::format("{}/{}/s{}/{}", snapshot.collection, snapshot.name, edge, index);
  if (auto kept = find(key)) {
    return kept;
  }
  std::vector<std::uint32_t> rows(std::min(snapshot.row_count() - index * kSpriteRowCount, kSpriteRowCount));
  std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(index * kSpriteRowCount));
  auto file = sheet(collection, snapshot, rows, kSpriteGridEdge, edge);
  return file ? Result<Picture>(keep(key, *std::move(file))) : std::unexpected(std::move(file.error()));
}

Result<std::string> AtlasPictures::sheet(const Collection& collection, const AtlasSnapshot& snapshot,
                                         std::span<const std::uint32_t> rows, std::size_t grid_edge,
                                         std::int64_t edge) {
  const auto grid_row_count = static_cast<std::int64_t>((rows.size() + grid_edge - 1) / grid_edge);
  Image sheet{.width = edge * static_cast<std::int64_t>(grid_edge), .height = edge * grid_row_count, .pixels = {}};
  sheet.pixels.assign(static_cast<std::size_t>(sheet.width * sheet.height) * 3, kNoPictureGrey);
  for (std::size_t begin = 0; begin < rows.size(); begin += kSpriteGetCount) {
    std::vector<std::string> ids;
    for (const std::uint32_t row : rows.subspan(begin, std::min(kSpriteGetCount, rows.size() - begin))) {
      ids.emplace_back(snapshot.ids.id(row));
    }
    const auto items = collection.get(ids, kPictureParts);
    if (!items) {
      return std::unexpected(items.error());
    }
    place_items(*items, begin, edge, sheet);
  }
  return encode_jpeg(sheet, kSpriteQuality);
}

}  // namespace asterism::service
