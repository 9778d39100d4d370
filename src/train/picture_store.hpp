// Pictures of an index, decoded when asked for; small data sets are decoded once.
//
// Ownership: borrows the index. Thread-safety: read() may be called from several threads. Cost: decoding, or a copy of
// a pointer; at most `cache_size_bytes` of decoded pixels are kept.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "image/image.hpp"
#include "train/picture_index.hpp"

namespace asterism {

class PictureStore {
 public:
  PictureStore(const PictureIndex& index, std::int64_t cache_size_bytes)
      : index_(&index), cache_size_bytes_(cache_size_bytes), cache_(index.rows.size()) {}

  const PictureIndex& index() const noexcept { return *index_; }
  // An error names the file, which is not tried again.
  Result<std::shared_ptr<const Image>> read(std::int64_t row) const;
  // Rows that could not be read so far.
  std::map<std::int64_t, Error> broken() const;

 private:
  Result<Image> decode(const PictureRow& row) const;

  const PictureIndex* index_;
  std::int64_t cache_size_bytes_;
  mutable std::mutex mutex_;
  mutable std::int64_t cached_size_bytes_ = 0;
  mutable std::vector<std::shared_ptr<const Image>> cache_;
  mutable std::map<std::int64_t, Error> broken_;
};

}  // namespace asterism
