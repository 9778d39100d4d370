#include "service/similarity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "asterism/neighbors.hpp"

namespace asterism::service {
namespace {

// Large enough for length-sorted batches to be full, small enough that rows and vectors stay a few megabytes.
constexpr std::size_t kWindowRowCount = 2048;

class NearestSearch {
 public:
  NearestSearch(const Encoder& encoder, const NearestTextsRequest& request) : encoder_(encoder), request_(request) {}

  Result<void> run(NearestTextsResponse& response) {
    auto query = encoder_.encode(std::span(&request_.query, 1));
    if (!query) {
      return std::unexpected(query.error());
    }
    query_ = std::move(query->values);
    TextReaderOptions input = request_.input;
    input.interrupted = [cancel = request_.fetch.cancel] { return cancel != nullptr && cancel->requested(); };
    auto reader = open_text_reader(std::move(input));
    if (!reader) {
      return std::unexpected(reader.error());
    }
    for (bool more = true; more;) {
      if (request_.fetch.cancel != nullptr && request_.fetch.cancel->requested()) {
        return fail(ErrorCode::kCancelled, "stopped before every row was compared");
      }
      auto filled = fill_window(**reader, response);
      if (!filled) {
        return std::unexpected(filled.error());
      }
      more = *filled;
      if (auto merged = merge_window(response.nearest); !merged) {
        return merged;
      }
    }
    return {};
  }

 private:
  // False at the end of the input.
  Result<bool> fill_window(RowReader& reader, NearestTextsResponse& response) {
    rows_.clear();
    while (rows_.size() < kWindowRowCount) {
      auto row = reader.next();
      if (!row) {
        return std::unexpected(row.error());
      }
      if (!*row) {
        return false;
      }
      ++response.row_count;
      if ((*row)->error) {
        ++response.failed_row_count;
        continue;
      }
      rows_.push_back(std::move(**row));
    }
    return true;
  }

  Result<void> merge_window(std::vector<NearestText>& nearest) {
    if (rows_.empty()) {
      return {};
    }
    std::vector<std::string_view> texts;
    texts.reserve(rows_.size());
    for (const Row& row : rows_) {
      texts.emplace_back(row.payload.bytes);
    }
    auto vectors = encoder_.encode(texts);
    if (!vectors) {
      return std::unexpected(vectors.error());
    }
    auto found = nearest_neighbors({vectors->values, vectors->row_count, vectors->dim}, query_, request_.top_count);
    if (!found) {
      return std::unexpected(found.error());
    }
    for (const Neighbor& neighbor : *found) {
      Row& row = rows_[neighbor.row];
      nearest.push_back(
          {neighbor.score, std::move(row.source), row.line, std::move(row.id), std::move(row.payload.bytes)});
    }
    std::stable_sort(nearest.begin(), nearest.end(),
                     [](const NearestText& a, const NearestText& b) { return a.score > b.score; });
    if (nearest.size() > request_.top_count) {
      nearest.resize(request_.top_count);
    }
    return {};
  }

  const Encoder& encoder_;
  const NearestTextsRequest& request_;
  std::vector<float> query_;
  std::vector<Row> rows_;
};

}  // namespace

Result<SimilarityResponse> similarity(const SimilarityRequest& request) {
  const std::size_t count = request.texts.size();
  if (count < 2) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("similarity: expected at least two texts, found {}", count));
  }
  if (count > kSimilarityTextCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("similarity: expected at most {} texts, found {}", kSimilarityTextCountMax, count),
                "embed them into a file instead, and compare the vectors");
  }
  if (auto fetched = fetch_model(request.model, request.fetch); !fetched) {
    return std::unexpected(fetched.error());
  }
  auto encoder = Encoder::load(request.model, request.encoder);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  auto vectors = encoder->encode(request.texts);
  if (!vectors) {
    return std::unexpected(vectors.error());
  }
  SimilarityResponse response{encoder->info(), std::vector<float>(count * count), std::move(vectors->reports)};
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i; j < count; ++j) {
      const float score = cosine_similarity(vectors->row(i), vectors->row(j));
      response.scores[i * count + j] = score;
      response.scores[j * count + i] = score;
    }
  }
  return response;
}

Result<NearestTextsResponse> nearest_texts(const NearestTextsRequest& request) {
  if (request.top_count == 0) {
    return fail(ErrorCode::kInvalidArgument, "top: expected at least 1, found 0");
  }
  if (auto readable = open_text_reader(request.input); !readable) {
    return std::unexpected(readable.error());
  }
  if (auto fetched = fetch_model(request.model, request.fetch); !fetched) {
    return std::unexpected(fetched.error());
  }
  auto encoder = Encoder::load(request.model, request.encoder);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  NearestTextsResponse response;
  response.model = encoder->info();
  if (auto searched = NearestSearch(*encoder, request).run(response); !searched) {
    return std::unexpected(searched.error());
  }
  return response;
}

}  // namespace asterism::service
