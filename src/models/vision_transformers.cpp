// Which library's ViT, BEiT or Swin a checkpoint is.
#include <utility>

#include "models/image_config.hpp"
#include "models/image_families.hpp"

namespace asterism {

Result<ImageModel> build_vit(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string_view dialect = dialect_of(checkpoint);
  return dialect == kTimm           ? build_vit_timm(std::move(checkpoint), options)
         : dialect == kTransformers ? build_vit_transformers(std::move(checkpoint), options)
                                    : build_vit_torchvision(std::move(checkpoint), options);
}

Result<ImageModel> build_beit(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string_view dialect = dialect_of(checkpoint);
  if (dialect == kTorchvision) {
    return fail(ErrorCode::kUnsupported, checkpoint.source + ": a BEiT without a configuration",
                "put the config.json of the model beside the weights");
  }
  return dialect == kTimm ? build_beit_timm(std::move(checkpoint), options)
                          : build_beit_transformers(std::move(checkpoint), options);
}

Result<ImageModel> build_swin(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const std::string_view dialect = dialect_of(checkpoint);
  return dialect == kTimm           ? build_swin_timm(std::move(checkpoint), options)
         : dialect == kTransformers ? build_swin_transformers(std::move(checkpoint), options)
                                    : build_swin_torchvision(std::move(checkpoint), options);
}

bool has_torchvision_vit_names(const std::map<std::string, Tensor>& tensors) {
  return tensors.contains("conv_proj.weight") && tensors.contains("encoder.pos_embedding");
}

bool has_torchvision_swin_names(const std::map<std::string, Tensor>& tensors) {
  return tensors.contains("features.1.0.attn.relative_position_bias_table");
}

}  // namespace asterism
