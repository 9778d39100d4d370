#include "train/picture_store.hpp"

#include <algorithm>
#include <span>

#include "base/file.hpp"
#include "image/decode.hpp"

namespace asterism {
namespace {

Image tile_of_sprite(const PictureSheet& sheet, std::int64_t position) {
  const std::int64_t size = sheet.tile_size;
  const std::int64_t columns = sheet.sprite.width / size;
  const std::int64_t left = position % columns * size;
  const std::int64_t top = position / columns * size;
  Image out{size, size, std::vector<std::uint8_t>(static_cast<std::size_t>(size * size * 3))};
  for (std::int64_t y = 0; y < size; ++y) {
    std::copy_n(sheet.sprite.pixels.data() + ((top + y) * sheet.sprite.width + left) * 3, size * 3,
                out.pixels.data() + y * size * 3);
  }
  return out;
}

Image picture_of_array(const Tensor& array, std::int64_t position) {
  const Shape& shape = array.shape();
  const std::int64_t pixel_count = shape[1] * shape[2];
  const bool has_colours = shape.size() == 4;
  Image out{shape[2], shape[1], std::vector<std::uint8_t>(static_cast<std::size_t>(pixel_count * 3))};
  const auto row_size = static_cast<std::size_t>(pixel_count * (has_colours ? 3 : 1));
  const auto row = array.as<std::uint8_t>().subspan(static_cast<std::size_t>(position) * row_size, row_size);
  for (std::size_t i = 0; i < out.pixels.size(); ++i) {
    out.pixels[i] = row[has_colours ? i : i / 3];
  }
  return out;
}

}  // namespace

Result<Image> PictureStore::decode(const PictureRow& row) const {
  if (row.sheet >= 0) {
    const PictureSheet& sheet = index_->sheets[static_cast<std::size_t>(row.sheet)];
    return sheet.array ? picture_of_array(*sheet.array, row.position) : tile_of_sprite(sheet, row.position);
  }
  const auto bytes = read_file(row.name, kImageFileSizeBytesMax);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  auto image = decode_image(std::as_bytes(std::span(*bytes)));
  if (!image) {
    Error error = image.error();
    error.message = row.name + ": " + error.message;
    return std::unexpected(error);
  }
  return image;
}

Result<std::shared_ptr<const Image>> PictureStore::read(std::int64_t row) const {
  const auto place = static_cast<std::size_t>(row);
  {
    const std::scoped_lock lock(mutex_);
    if (cache_[place]) {
      return cache_[place];
    }
    if (const auto known = broken_.find(row); known != broken_.end()) {
      return std::unexpected(known->second);
    }
  }
  auto image = decode(index_->rows[place]);
  const std::scoped_lock lock(mutex_);
  if (!image) {
    broken_.try_emplace(row, image.error());
    return std::unexpected(image.error());
  }
  auto shared = std::make_shared<const Image>(*std::move(image));
  const auto size = static_cast<std::int64_t>(shared->pixels.size());
  if (!cache_[place] && cached_size_bytes_ + size <= cache_size_bytes_) {
    cache_[place] = shared;
    cached_size_bytes_ += size;
  }
  return shared;
}

std::map<std::int64_t, Error> PictureStore::broken() const {
  const std::scoped_lock lock(mutex_);
  return broken_;
}

}  // namespace asterism
