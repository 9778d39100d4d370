// The two ways from texts to vectors share this: a transformer on a backend, or a static table.
#pragma once

#include <span>
#include <string_view>

#include "asterism/encoder.hpp"

namespace asterism {

class Encoder::Impl {
 public:
  virtual ~Impl() = default;
  virtual Result<Embeddings> encode(std::span<const std::string_view> texts) const = 0;
  const EncoderInfo& info() const noexcept { return info_; }
  EncoderInfo& info() noexcept { return info_; }

 protected:
  EncoderInfo info_;
};

}  // namespace asterism
