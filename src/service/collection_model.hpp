// What the model of a collection can be given, told without loading it.
#pragma once

#include "asterism/collection.hpp"
#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/row.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

// `model`, `takes_texts` and `takes_images` only. Fetches the model where it is not here. kInvalidArgument where there
// is none.
Result<EncoderInfo> model_inputs(const CollectionModel& model, const ModelFetch& fetch);

// kUnsupported when the model does not take rows of that kind.
Result<void> expect_model_takes(const CollectionModel& model, PayloadKind kind, const ModelFetch& fetch);

}  // namespace asterism::service
