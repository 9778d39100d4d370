// Use cases: how alike texts are, and which rows of a file are nearest to a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/text_reader.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

struct SimilarityRequest {
  std::string model = std::string(kBuiltinModel);
  EncoderOptions encoder;
  ModelFetch fetch;
  std::vector<std::string> texts;  // at least two
};

struct SimilarityResponse {
  EncoderInfo model;
  std::vector<float> scores;       // [texts, texts], cosine; symmetric, 1 on the diagonal
  std::vector<RowReport> reports;  // [texts]
};

// Most texts compared with each other in one request: the matrix grows with the square.
inline constexpr std::size_t kSimilarityTextCountMax = 1000;

Result<SimilarityResponse> similarity(const SimilarityRequest& request);

struct NearestTextsRequest {
  std::string model = std::string(kBuiltinModel);
  EncoderOptions encoder;
  ModelFetch fetch;
  std::string query;
  TextReaderOptions input;
  std::size_t top_count = 10;
};

struct NearestText {
  float score = 0.0F;  // cosine with the query: larger is nearer
  std::string source;
  std::uint64_t line = 0;
  std::string id;
  std::string text;
};

struct NearestTextsResponse {
  EncoderInfo model;
  std::vector<NearestText> nearest;  // best first; equal scores in input order
  std::uint64_t row_count = 0;
  std::uint64_t failed_row_count = 0;  // rows that could not be read
};

// Exact: every row is embedded and compared. Memory is one window of rows, whatever the input's size.
Result<NearestTextsResponse> nearest_texts(const NearestTextsRequest& request);

}  // namespace asterism::service
