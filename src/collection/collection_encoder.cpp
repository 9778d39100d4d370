#include <fmt/format.h>

#include <utility>

#include "encoder/model_digest.hpp"
#include "collection/collection_impl.hpp"

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

Result<const Encoder*> CollectionEncoder::load(std::unique_ptr<Encoder>& place, const std::string& prompt_name) {
  const std::scoped_lock lock(mutex_);
  if (place) {
    return place.get();
  }
  if (settings_.model.id.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the collection has no model: its vectors were given, not made",
                "ask with a vector or an id; a collection with a model is made with -m MODEL");
  }
  auto encoder = Encoder::load(settings_.model.id, encoder_options(settings_, prompt_name, thread_count_));
  if (!encoder) {
    return std::unexpected(std::move(encoder.error()));
  }
  const auto digest = model_digest(encoder->info().folder);
  if (!digest) {
    return std::unexpected(digest.error());
  }
  if (*digest != settings_.model.sha256 || encoder->dim() != settings_.dim) {
    return fail(
        ErrorCode::kMismatch,
        fmt::format("model '{}': the collection's vectors were made by other files of that name (expected sha256 "
                    "{}, found {})",
                    settings_.model.id, settings_.model.sha256, *digest),
        "put the model back as it was, or make a collection anew with the present one");
  }
  place = std::make_unique<Encoder>(std::move(*encoder));
  return place.get();
}

Result<const Encoder*> CollectionEncoder::for_items() {
  return load(items_, settings_.model.prompt_name);
}

Result<const Encoder*> CollectionEncoder::for_queries() {
  return settings_.model.query_prompt_name == settings_.model.prompt_name
             ? for_items()
             : load(queries_, settings_.model.query_prompt_name);
}

Result<CollectionSettings> complete_settings(CollectionSettings settings) {
  if (settings.model.id.empty()) {
    return settings;
  }
  const auto encoder = Encoder::load(settings.model.id, encoder_options(settings, settings.model.prompt_name, 0));
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  auto digest = model_digest(encoder->info().folder);
  if (!digest) {
    return std::unexpected(std::move(digest.error()));
  }
  settings.dim = encoder->dim();
  settings.model.sha256 = std::move(*digest);
  settings.model.revision = encoder->info().source;
  return settings;
}

}  // namespace asterism
