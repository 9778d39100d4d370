// Use case: make a static model of an encoder and write it as a folder in the model2vec layout.
#pragma once

#include <string>

#include "asterism/error.hpp"
#include "service/model_fetch.hpp"
#include "train/distill.hpp"

namespace asterism::service {

struct DistillRequest {
  std::string teacher;
  std::string output;      // folder
  DistillOptions options;  // its `cancel` is set from `fetch`
  ModelFetch fetch;
};

struct DistillResponse {
  DistillResult result;
  double seconds = 0.0;  // without a download
};

Result<DistillResponse> distill(const DistillRequest& request);

}  // namespace asterism::service
