#include "asterism/encoder.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "builtin/builtin.hpp"
#include "encoder/encoder_impl.hpp"
#include "encoder/foreign_encoder.hpp"
#include "encoder/image_encoder.hpp"
#include "encoder/model_kind.hpp"
#include "encoder/model_layout.hpp"
#include "encoder/static_encoder.hpp"
#include "encoder/table_encoder.hpp"
#include "encoder/text_encoder.hpp"
#include "encoder/word_encoder.hpp"
#include "hub/hub.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

using MadeImpl = Result<std::unique_ptr<Encoder::Impl>>;

MadeImpl make_builtin(const EncoderOptions& options) {
  const BuiltinModel builtin = builtin_model();
  const std::string source = "the built-in model";
  auto tokenizer = Tokenizer::from_json_text(builtin.tokenizer, source);
  if (!tokenizer) {
    return std::unexpected(tokenizer.error());
  }
  auto file = parse_safetensors(builtin.weights, nullptr, source);
  if (!file) {
    return std::unexpected(file.error());
  }
  auto config = parse_json(builtin.config, source);
  if (!config) {
    return std::unexpected(config.error());
  }
  ModelLayout layout;
  layout.kind = LayoutKind::kStatic;
  StaticModel model{.tokenizer = *std::move(tokenizer),
                    .tensors = std::move(file->tensors),
                    .config = *std::move(config),
                    .source = source};
  return make_static_encoder(std::move(model), layout, options);
}

MadeImpl make_text(const std::filesystem::path& folder, const EncoderOptions& options) {
  auto layout = read_model_layout(folder);
  if (!layout) {
    return std::unexpected(layout.error());
  }
  if (layout->kind == LayoutKind::kTransformer) {
    auto text_encoder = make_text_encoder(*layout, options);
    if (!text_encoder) {
      return std::unexpected(text_encoder.error());
    }
    return std::unique_ptr<Encoder::Impl>(*std::move(text_encoder));
  }
  auto model = read_static_model(*layout);
  if (!model) {
    return std::unexpected(model.error());
  }
  return make_static_encoder(*std::move(model), *layout, options);
}

MadeImpl make_from_path(const std::filesystem::path& path, const EncoderOptions& options) {
  const auto kind = model_kind(path);
  if (!kind) {
    return std::unexpected(kind.error());
  }
  switch (*kind) {
    case ModelKind::kText:
      return make_text(path, options);
    case ModelKind::kImage:
      return make_image_encoder(path, options);
    case ModelKind::kTextAndImage:
      return make_dual_encoder(path, options);
    case ModelKind::kTable:
      return make_table_encoder(path, options);
    case ModelKind::kWords:
      return make_word_encoder(path, options);
    case ModelKind::kForeign:
      return make_foreign_encoder(path, options);
  }
  return fail(ErrorCode::kInternal, "a kind of model without an encoder");
}

MadeImpl make_impl(std::string_view model, const ModelLocation& location, const EncoderOptions& options) {
  if (model == kBuiltinModel) {
    return make_builtin(options);
  }
  return model == kBuiltinImageModel ? make_builtin_image_encoder(options) : make_from_path(location.folder, options);
}

Error without_tokens(const EncoderInfo& info) {
  return {.code = ErrorCode::kUnsupported,
          .message = fmt::format("model \"{}\": expected a model with a tokenizer, found one {}", info.model,
                                 info.takes_texts ? "that takes texts and shows no tokens" : "that takes no texts"),
          .hint = "choose a text model (`asterism models list`)"};
}

}  // namespace

Result<Embeddings> Encoder::Impl::encode(std::span<const std::string_view> /*texts*/) const {
  return fail(
      ErrorCode::kUnsupported,
      fmt::format("model \"{}\" takes {}, not texts", info_.model, info_.takes_records ? "rows of a table" : "images"),
      "give it what it takes, or choose a text model (`asterism models list`)");
}

Result<Embeddings> Encoder::Impl::encode_images(std::span<const std::string_view> /*files*/) const {
  return fail(
      ErrorCode::kUnsupported,
      fmt::format("model \"{}\" takes {}, not images", info_.model, info_.takes_records ? "rows of a table" : "texts"),
      "choose an image model (`asterism models list`)");
}

Result<Embeddings> Encoder::Impl::encode_records(std::span<const Record> /*records*/) const {
  return fail(
      ErrorCode::kUnsupported,
      fmt::format("model \"{}\" takes {}, not rows of a table", info_.model, info_.takes_texts ? "texts" : "images"),
      "choose a model that was trained on tables (`asterism train`)");
}

Result<Embeddings> Encoder::Impl::encode_pixels(const PixelsView& /*pixels*/) const {
  return encode_images({});
}

Result<std::vector<TokenizedText>> Encoder::Impl::tokenize(std::span<const std::string_view> /*texts*/,
                                                           const TokenizeOptions& /*options*/) const {
  return std::unexpected(without_tokens(info_));
}

Result<Embeddings> Encoder::Impl::encode_tokens(std::span<const std::vector<std::uint32_t>> /*texts*/) const {
  return std::unexpected(without_tokens(info_));
}

Result<TokenEmbeddings> Encoder::Impl::encode_each_token(std::span<const std::vector<std::uint32_t>> /*texts*/) const {
  return std::unexpected(without_tokens(info_));
}

Result<std::string> Encoder::Impl::decode(std::span<const std::uint32_t> /*ids*/, bool /*skip_special_tokens*/) const {
  return std::unexpected(without_tokens(info_));
}

Result<std::vector<TokenPiece>> Encoder::Impl::token_pieces(std::string_view /*text*/,
                                                            bool /*add_special_tokens*/) const {
  return std::unexpected(without_tokens(info_));
}

Encoder::Encoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

Result<Encoder> Encoder::load(std::string_view model, const EncoderOptions& options) {
  ModelLocation location{.folder = {}, .id = {}, .source = "built in", .revision = {}};
  if (!is_builtin_model(model)) {
    auto found = resolve_model(model, hub_options_from_environment());
    if (!found) {
      return std::unexpected(found.error());
    }
    location = *std::move(found);
  }
  auto impl = make_impl(model, location, options);
  if (!impl) {
    return std::unexpected(impl.error());
  }
  (*impl)->info().model = std::string(model);
  (*impl)->info().source = location.source;
  return Encoder(*std::move(impl));
}

Result<Embeddings> Encoder::encode(std::span<const std::string_view> texts) const {
  return impl_->encode(texts);
}

Result<Embeddings> Encoder::encode(std::span<const std::string> texts) const {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return impl_->encode(views);
}

Result<Embeddings> Encoder::encode_images(std::span<const std::string_view> files) const {
  return impl_->encode_images(files);
}

Result<Embeddings> Encoder::encode_records(std::span<const Record> records) const {
  return impl_->encode_records(records);
}

Result<Embeddings> Encoder::encode_pixels(const PixelsView& pixels) const {
  return impl_->encode_pixels(pixels);
}

Result<std::vector<TokenizedText>> Encoder::tokenize(std::span<const std::string_view> texts,
                                                     const TokenizeOptions& options) const {
  return impl_->tokenize(texts, options);
}

Result<Embeddings> Encoder::encode_tokens(std::span<const std::vector<std::uint32_t>> texts) const {
  return impl_->encode_tokens(texts);
}

Result<TokenEmbeddings> Encoder::encode_each_token(std::span<const std::vector<std::uint32_t>> texts) const {
  return impl_->encode_each_token(texts);
}

Result<std::string> Encoder::decode(std::span<const std::uint32_t> ids, bool skip_special_tokens) const {
  return impl_->decode(ids, skip_special_tokens);
}

Result<std::vector<TokenPiece>> Encoder::token_pieces(std::string_view text, bool add_special_tokens) const {
  return impl_->token_pieces(text, add_special_tokens);
}

const WordTable* Encoder::words() const noexcept {
  return impl_->words();
}

std::size_t Encoder::dim() const noexcept {
  return impl_->info().dim;
}
const EncoderInfo& Encoder::info() const noexcept {
  return impl_->info();
}

}  // namespace asterism
