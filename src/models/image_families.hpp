// One function a family of image models: private to src/models. image_family.cpp holds the table that picks.
#pragma once

#include "models/image_family.hpp"

namespace asterism {

// As build_image_model, without the checks that are the same for all families: the caller does those.

}  // namespace asterism
