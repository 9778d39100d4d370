// Use case: how alike texts and images are, each with each.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "service/items.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

struct SimilarityRequest {
  std::string model = std::string(kBuiltinModel);
  EncoderOptions encoder;
  ModelFetch fetch;
  std::vector<std::string> items;  // texts and paths of images, at least two
  ItemKind kind = ItemKind::kAuto;
};

struct SimilarityResponse {
  EncoderInfo model;
  std::vector<PayloadKind> kinds;  // [items]
  std::vector<float> scores;       // [items, items], cosine; symmetric, 1 on the diagonal
  std::vector<RowReport> reports;  // [items]
};

// Most items compared with each other in one request: the matrix grows with the square.
inline constexpr std::size_t kSimilarityItemCountMax = 1000;

Result<SimilarityResponse> similarity(const SimilarityRequest& request);

}  // namespace asterism::service
