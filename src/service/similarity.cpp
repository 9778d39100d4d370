#include "service/similarity.hpp"

#include <fmt/format.h>

#include <utility>

#include "asterism/neighbors.hpp"

namespace asterism::service {

Result<SimilarityResponse> similarity(const SimilarityRequest& request) {
  const std::size_t count = request.items.size();
  if (count < 2) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("similarity: expected at least two items, found {}", count));
  }
  if (count > kSimilarityItemCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("similarity: expected at most {} items, found {}", kSimilarityItemCountMax, count),
                "embed them into a file instead, and compare the vectors");
  }
  const std::string model = model_for(request.model, common_kind(request.items, request.kind));
  if (auto fetched = fetch_model(model, request.fetch); !fetched) {
    return std::unexpected(fetched.error());
  }
  const auto encoder = Encoder::load(model, request.encoder);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  auto items = encode_items(*encoder, request.items, request.kind);
  if (!items) {
    return std::unexpected(items.error());
  }
  SimilarityResponse response{encoder->info(), std::move(items->kinds), std::vector<float>(count * count), {}};
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i; j < count; ++j) {
      const float score = cosine_similarity(items->vectors.row(i), items->vectors.row(j));
      response.scores[i * count + j] = score;
      response.scores[j * count + i] = score;
    }
  }
  response.reports = std::move(items->vectors.reports);
  return response;
}

}  // namespace asterism::service
