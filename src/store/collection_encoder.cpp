#include <fmt/format.h>

#include <utility>

#include "encoder/model_digest.hpp"
#include "store/collection_impl.hpp"

namespace asterism {
namespace {

EncoderOptions encoder_options(const CollectionSettings& settings, const std::string& prompt_name,
                               std::size_t thread_count) {
  EncoderOptions options;
  options.thread_count = thread_count;
  options.prompt_name = prompt_name;
  options.dim = settings.dim;
  return options;
}

}  // namespace

Result<void> expect_model(const CollectionSettings& settings) {
  if (!settings.model.id.empty()) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument, "the collection has no model: its vectors were given, not made",
              "ask with a vector or an id; a collection with a model is made with -m MODEL");
}

Result<void> expect_same_model(const CollectionSettings& settings, std::string_view sha256, std::size_t dim) {
  // Collections of earlier versions of the program do not say which files the model inside it had.
  if ((sha256 == settings.model.sha256 || settings.model.sha256.empty()) && dim == settings.dim) {
    return {};
  }
  return fail(ErrorCode::kMismatch,
              fmt::format("model '{}': the collection's vectors were made by other files of that name (expected sha256 "
                          "{}, found {})",
                          settings.model.id, settings.model.sha256, sha256),
              "put the model back as it was, or make a collection anew with the present one");
}

Result<const Encoder*> CollectionEncoder::load(const CollectionSettings& settings, const std::string& prompt_name) {
  const std::scoped_lock lock(mutex_);
  const auto found = encoders_.find(prompt_name);
  if (found != encoders_.end()) {
    return &found->second;
  }
  if (auto named = expect_model(settings); !named) {
    return std::unexpected(std::move(named.error()));
  }
  auto encoder = Encoder::load(settings.model.id, encoder_options(settings, prompt_name, thread_count_));
  if (!encoder) {
    return std::unexpected(std::move(encoder.error()));
  }
  const auto digest = model_digest(encoder->info());
  if (!digest) {
    return std::unexpected(digest.error());
  }
  if (auto same = expect_same_model(settings, *digest, encoder->dim()); !same) {
    return std::unexpected(std::move(same.error()));
  }
  return &encoders_.try_emplace(prompt_name, std::move(*encoder)).first->second;
}

Result<Embeddings> CollectionEncoder::embed(const CollectionSettings& settings, Use use, ItemKind kind,
                                            std::span<const std::string_view> contents) {
  const auto& model = settings.model;
  const auto encoder = load(settings, use == Use::kItems ? model.prompt_name : model.query_prompt_name);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  return kind == ItemKind::kText ? (*encoder)->encode(contents) : (*encoder)->encode_images(contents);
}

Result<CollectionSettings> CollectionEncoder::complete(CollectionSettings settings) {
  if (settings.model.id.empty()) {
    return settings;
  }
  const auto encoder =
      Encoder::load(settings.model.id, encoder_options(settings, settings.model.prompt_name, thread_count_));
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  auto digest = model_digest(encoder->info());
  if (!digest) {
    return std::unexpected(std::move(digest.error()));
  }
  settings.dim = encoder->dim();
  settings.model.sha256 = std::move(*digest);
  settings.model.revision = encoder->info().source;
  return settings;
}

}  // namespace asterism
