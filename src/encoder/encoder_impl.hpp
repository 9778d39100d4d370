// What every way to vectors shares: a transformer on a backend, a static table, a network for images, or both towers of
// one that sees texts and images.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  virtual Result<std::vector<TokenizedText>> tokenize(std::span<const std::string_view> texts,
                                                      const TokenizeOptions& options) const;
  virtual Result<Embeddings> encode_tokens(std::span<const std::vector<std::uint32_t>> texts) const;
  virtual Result<TokenEmbeddings> encode_each_token(std::span<const std::vector<std::uint32_t>> texts) const;
  virtual Result<std::string> decode(std::span<const std::uint32_t> ids, bool skip_special_tokens) const;
  virtual Result<std::vector<TokenPiece>> token_pieces(std::string_view text, bool add_special_tokens) const;
  // Null for models that are not of words.
  virtual const WordTable* words() const noexcept { return nullptr; }
  const EncoderInfo& info() const noexcept { return info_; }
  EncoderInfo& info() noexcept { return info_; }

 protected:
  EncoderInfo info_;
};

}  // namespace asterism
