// What every way to vectors shares: a transformer on a backend, a static table, a network for images, or both towers of
// one that sees texts and images.
#pragma once

#include <span>
#include <string_view>

#include "asterism/encoder.hpp"

namespace asterism {

class Encoder::Impl {
 public:
  virtual ~Impl() = default;
  // kUnsupported unless the model takes what it is given.
  virtual Result<Embeddings> encode(std::span<const std::string_view> texts) const;
  virtual Result<Embeddings> encode_images(std::span<const std::string_view> files) const;
  virtual Result<Embeddings> encode_pixels(const PixelsView& pixels) const;
  virtual Result<Embeddings> encode_records(std::span<const Record> records) const;
  const EncoderInfo& info() const noexcept { return info_; }
  EncoderInfo& info() noexcept { return info_; }

 protected:
  EncoderInfo info_;
};

}  // namespace asterism
