// The end of an image model: classifier, aliases, and the parts put together. Private to src/models.
#pragma once

#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "graph/graph.hpp"
#include "models/image_config.hpp"
#include "models/image_family.hpp"
#include "models/vit_config.hpp"

namespace asterism {

// "input" f32 [rows, channels, height, width]
ValueId image_input(GraphBuilder& builder, std::int64_t channels, const Grid& size);

// Number of classes of the classifier `path`; 0 where the checkpoint has none. kMismatch where it is not what the
// configuration declares.
Result<std::int64_t> classifier_size(const ParameterMap& parameters, const std::string& path,
                                     const DeclaredClasses& declared, std::string_view source);

// "features.INDEX"
void feature_alias(GraphBuilder& builder, std::int64_t index, ValueId value);

// Names the vector and finishes the graph there. `model` holds the descriptions; sizes are read from the graph's input.
Result<ImageModel> finish_image_model(GraphBuilder& builder, ValueId penultimate, ParameterMap parameters,
                                      ImageModel model, std::string_view source);

}  // namespace asterism
