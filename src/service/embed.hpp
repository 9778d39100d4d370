// Use case: embed rows of text or images into a file or stdout.
#pragma once

#include <functional>
#include <string>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "pipeline/embed_job.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

struct EmbedRequest {
  std::string model = std::string(kBuiltinModel);
  EncoderOptions encoder;
  ModelFetch fetch;
  EmbedJobOptions job;
  // Called once, between loading the model and the first row; may be empty.
  std::function<void(const EncoderInfo&)> on_model;
};

struct EmbedResponse {
  EncoderInfo model;
  EmbedJobResult job;
};

// Inputs are checked before the model is loaded, so that a mistyped path costs nothing. Rows that fail are counted in
// the response, not an error.
Result<EmbedResponse> embed(const EmbedRequest& request);

}  // namespace asterism::service
