#include "service/collection_model.hpp"

#include <fmt/format.h>

#include "encoder/model_kind.hpp"

namespace asterism::service {

Result<EncoderInfo> model_inputs(const CollectionModel& model, const ModelFetch& fetch) {
  EncoderInfo info;
  info.model = model.id;
  if (model.id.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the collection has no model: its vectors were given, not made",
                "ask with a vector (--vector) or an id (--id), and add with --vectors");
  }
  if (is_builtin_model(model.id)) {
    info.takes_images = model.id == kBuiltinImageModel;
    info.takes_texts = !info.takes_images;
    return info;
  }
  const auto location = resolve_model(model.id, hub_options(fetch));
  if (!location) {
    return std::unexpected(location.error());
  }
  const auto kind = model_kind(location->folder);
  if (!kind) {
    return std::unexpected(kind.error());
  }
  info.takes_texts = *kind == ModelKind::kText || *kind == ModelKind::kWords || *kind == ModelKind::kTextAndImage;
  info.takes_images = *kind != ModelKind::kText && *kind != ModelKind::kWords && *kind != ModelKind::kTable;
  return info;
}

Result<void> expect_model_takes(const CollectionModel& model, PayloadKind kind, const ModelFetch& fetch) {
  const auto info = model_inputs(model, fetch);
  if (!info) {
    return std::unexpected(info.error());
  }
  if (kind == PayloadKind::kImage ? info->takes_images : info->takes_texts) {
    return {};
  }
  const bool image = kind == PayloadKind::kImage;
  return fail(ErrorCode::kUnsupported,
              fmt::format("model '{}': expected one that takes {}, found one that does not", model.id,
                          image ? "images" : "texts"),
              info->takes_texts || info->takes_images
                  ? fmt::format("this one takes {}: make another collection with a model for {}",
                                image ? "texts" : "images", image ? "images" : "texts")
                  : "models of rows of tables make no collections: `asterism embed` them, and add with --vectors");
}

}  // namespace asterism::service
