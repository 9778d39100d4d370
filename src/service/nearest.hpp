// Use case: which rows of an input are nearest to texts or images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/row_source.hpp"
#include "service/items.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

struct NearestRequest {
  std::string model = std::string(kBuiltinModel);
  EncoderOptions encoder;
  ModelFetch fetch;
  // Texts and paths of images; or none, and `each_count` rows of the input itself, evenly chosen, instead. A row is
  // then no neighbour of itself.
  std::vector<std::string> queries;
  ItemKind kind = ItemKind::kAuto;  // of the queries
  std::size_t each_count = 0;
  RowSourceOptions input;
  std::size_t top_count = 10;
  bool keep_images = false;  // the files of queries and of what is near them, for a page that shows them
};

struct NearestRow {
  float score = 0.0F;     // cosine with the query: larger is nearer
  std::uint64_t row = 0;  // its number in the input, from 0
  std::string source;
  std::uint64_t line = 0;  // 0 where the row is a file of its own
  std::string id;
  std::string content;  // the text, or with keep_images the image file
};

struct NearestQuery {
  PayloadKind kind = PayloadKind::kText;
  std::string name;                 // the text, or the path of the image
  std::string content;              // with keep_images: the image file
  std::vector<NearestRow> nearest;  // best first; equal scores in input order
};

struct NearestResponse {
  EncoderInfo model;
  PayloadKind row_kind = PayloadKind::kText;
  std::vector<NearestQuery> queries;
  std::uint64_t row_count = 0;
  std::uint64_t failed_row_count = 0;  // rows that could not be read or decoded
};

// Most results of one request, over all queries: they are held in memory.
inline constexpr std::size_t kNearestResultCountMax = 100'000;

// Exact: every row is embedded and compared. Memory is one window of rows and the results, whatever the input's size.
// With `each_count` the input is read three times, which standard input does not allow.
Result<NearestResponse> nearest(const NearestRequest& request);

}  // namespace asterism::service
