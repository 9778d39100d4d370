// One function a family of image models: private to src/models. image_family.cpp holds the table that picks.
#pragma once

#include "models/image_family.hpp"

namespace asterism {

// As build_image_model, without the checks that are the same for all families: the caller does those.
Result<ImageModel> build_alexnet(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_convnext(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_efficientnet(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_lenet(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_mobilenetv3(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_resnet(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_vgg(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_vit(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_deit_transformers(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_dinov2(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_dinov2_with_registers(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_vit_mae(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_autoencoder(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_beit(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_data2vec_vision(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_swin(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_clip_vision(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_siglip_vision(ImageCheckpoint checkpoint, const ImageModelOptions& options);

// Whether the names of the tensors are those of the family in torchvision (or in a bare file of another library).
bool has_alexnet_names(const std::map<std::string, Tensor>& tensors);
bool has_convnext_names(const std::map<std::string, Tensor>& tensors);
bool has_efficientnet_names(const std::map<std::string, Tensor>& tensors);
bool has_mobilenetv3_names(const std::map<std::string, Tensor>& tensors);
bool has_resnet_names(const std::map<std::string, Tensor>& tensors);
bool has_vgg_names(const std::map<std::string, Tensor>& tensors);
bool has_torchvision_vit_names(const std::map<std::string, Tensor>& tensors);
bool has_torchvision_swin_names(const std::map<std::string, Tensor>& tensors);

// Families of several libraries: what build_vit, build_beit and build_swin choose from.
Result<ImageModel> build_vit_timm(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_vit_torchvision(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_vit_transformers(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_beit_timm(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_beit_transformers(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_swin_timm(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_swin_torchvision(ImageCheckpoint checkpoint, const ImageModelOptions& options);
Result<ImageModel> build_swin_transformers(ImageCheckpoint checkpoint, const ImageModelOptions& options);

}  // namespace asterism
