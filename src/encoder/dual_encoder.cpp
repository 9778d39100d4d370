// Models with a text tower and a vision tower that give vectors of one space.
#include <fmt/format.h>

#include <utility>

#include "encoder/image_encoder.hpp"
#include "encoder/model_layout.hpp"
#include "encoder/text_encoder.hpp"

namespace asterism {
namespace {

class DualEncoder final : public Encoder::Impl {
 public:
  DualEncoder(std::unique_ptr<Encoder::Impl> texts, std::unique_ptr<Encoder::Impl> images)
      : texts_(std::move(texts)), images_(std::move(images)) {
    const EncoderInfo& text = texts_->info();
    info_ = images_->info();
    info_.takes_texts = true;
    info_.token_count_max = text.token_count_max;
    info_.tokenizer = text.tokenizer;
    info_.vocabulary_size = text.vocabulary_size;
    info_.prompts = text.prompts;
    info_.default_prompt_name = text.default_prompt_name;
    info_.prompt_is_pooled = text.prompt_is_pooled;
    info_.modules.insert(info_.modules.end(), text.modules.begin(), text.modules.end());
    info_.warnings.insert(info_.warnings.end(), text.warnings.begin(), text.warnings.end());
  }

  Result<Embeddings> encode(std::span<const std::string_view> texts) const override { return texts_->encode(texts); }
  Result<Embeddings> encode_images(std::span<const std::string_view> files) const override {
    return images_->encode_images(files);
  }
  Result<Embeddings> encode_pixels(const PixelsView& pixels) const override { return images_->encode_pixels(pixels); }
  Result<std::vector<TokenizedText>> tokenize(std::span<const std::string_view> texts,
                                              const TokenizeOptions& options) const override {
    return texts_->tokenize(texts, options);
  }
  Result<Embeddings> encode_tokens(std::span<const std::vector<std::uint32_t>> texts) const override {
    return texts_->encode_tokens(texts);
  }
  Result<TokenEmbeddings> encode_each_token(std::span<const std::vector<std::uint32_t>> texts) const override {
    return texts_->encode_each_token(texts);
  }
  Result<std::string> decode(std::span<const std::uint32_t> ids, bool skip_special_tokens) const override {
    return texts_->decode(ids, skip_special_tokens);
  }
  Result<std::vector<TokenPiece>> token_pieces(std::string_view text, bool add_special_tokens) const override {
    return texts_->token_pieces(text, add_special_tokens);
  }

 private:
  std::unique_ptr<Encoder::Impl> texts_;
  std::unique_ptr<Encoder::Impl> images_;
};

}  // namespace

Result<std::unique_ptr<Encoder::Impl>> make_dual_encoder(const std::filesystem::path& path,
                                                         const EncoderOptions& options) {
  auto images = make_image_encoder(path, options);
  if (!images) {
    return images;
  }
  const auto layout = read_model_layout(path);
  if (!layout) {
    return std::unexpected(layout.error());
  }
  // Layers and their pooling are named for the images: a text's vector is the one that is compared with them.
  EncoderOptions text_options = options;
  text_options.layers.clear();
  if (options.pooling != kNoPooling) {
    text_options.pooling.clear();
  }
  auto texts = make_text_encoder(*layout, text_options);
  if (!texts && texts.error().code == ErrorCode::kUnsupported) {
    // A tokenizer that is not implemented is no reason not to see.
    (*images)->info().warnings.push_back("texts cannot be embedded with this model: " + texts.error().to_string());
    return images;
  }
  if (!texts) {
    return std::unexpected(texts.error());
  }
  return std::make_unique<DualEncoder>(*std::move(texts), *std::move(images));
}

}  // namespace asterism
