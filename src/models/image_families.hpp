// One function a family of image models: private to src/models. image_family.cpp holds the table that picks.
#pragma once

#include "models/image_family.hpp"

namespace asterism {

// As build_image_model, without the checks that are the same for all families: the caller does those.
Result<ImageModel> build_resnet(ImageCheckpoint checkpoint, const ImageModelOptions& options);

// Whether the names of the tensors are those of the family in torchvision (or in a bare file of another library).
bool has_resnet_names(const std::map<std::string, Tensor>& tensors);

}  // namespace asterism
