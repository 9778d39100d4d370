#include "service/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "asterism/neighbors.hpp"
#include "base/file.hpp"
#include "image/decode.hpp"
#include "pipeline/encoder_rows.hpp"
#include "service/row_windows.hpp"

namespace asterism::service {
namespace {

// The rows of a window that were read, and their vectors.
struct EncodedWindow {
  std::vector<std::size_t> places;  // in the window
  Embeddings vectors;
};

class NearestSearch {
 public:
  NearestSearch(const Encoder& encoder, const NearestRequest& request) : encoder_(encoder), request_(request) {}

  Result<void> run(NearestResponse& response) {
    auto prepared = request_.each_count > 0 ? take_queries_of_input(response) : take_queries(response);
    if (!prepared) {
      return prepared;
    }
    return for_each_window([&](InputWindow& window) -> Result<void> {
      response.row_count += window.rows.size();
      auto encoded = encode(window, [](std::size_t) { return true; });
      if (!encoded) {
        return std::unexpected(encoded.error());
      }
      const auto failed = std::ranges::count_if(encoded->vectors.reports,
                                                [](const RowReport& report) { return report.error.has_value(); });
      response.failed_row_count += window.rows.size() - encoded->places.size() + static_cast<std::uint64_t>(failed);
      return merge(window, *encoded, response.queries);
    });
  }

 private:
  template <typename Use>
  Result<void> for_each_window(Use use) {
    auto windows = InputWindows::open(request_.input, request_.fetch.cancel);
    if (!windows) {
      return std::unexpected(windows.error());
    }
    InputWindow window;
    for (;;) {
      const auto more = windows->next(window);
      if (!more) {
        return std::unexpected(more.error());
      }
      if (!*more) {
        return {};
      }
      if (auto used = use(window); !used) {
        return used;
      }
    }
  }

  // Of the rows without an error, those that `wanted` takes by their place in the window.
  template <typename Wanted>
  Result<EncodedWindow> encode(InputWindow& window, Wanted wanted) {
    EncodedWindow out;
    std::vector<Payload> payloads;
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      if (!window.rows[i].error && wanted(i)) {
        out.places.push_back(i);
        payloads.push_back(std::move(window.rows[i].payload));
      }
    }
    if (!payloads.empty()) {
      auto vectors = encode_rows(encoder_, payloads);
      if (!vectors) {
        return std::unexpected(vectors.error());
      }
      out.vectors = *std::move(vectors);
    }
    for (std::size_t i = 0; i < out.places.size(); ++i) {
      window.rows[out.places[i]].payload = std::move(payloads[i]);
    }
    return out;
  }

  Result<void> take_queries(NearestResponse& response) {
    auto items = encode_items(encoder_, request_.queries, request_.kind);
    if (!items) {
      return std::unexpected(items.error());
    }
    for (std::size_t i = 0; i < request_.queries.size(); ++i) {
      NearestQuery query{.kind = items->kinds[i], .name = request_.queries[i], .content = {}, .nearest = {}};
      if (query.kind == PayloadKind::kImage && request_.keep_images) {
        auto bytes = read_file(query.name, kImageFileSizeBytesMax);
        if (!bytes) {
          return std::unexpected(bytes.error());
        }
        query.content = *std::move(bytes);
      }
      response.queries.push_back(std::move(query));
    }
    dim_ = items->vectors.dim;
    vectors_ = std::move(items->vectors.values);
    return {};
  }

  // Rows that cannot be read or decoded are no queries: there are then fewer of them.
  Result<void> take_queries_of_input(NearestResponse& response) {
    std::uint64_t row_count = 0;
    auto counted = for_each_window([&](InputWindow& window) -> Result<void> {
      row_count += window.rows.size();
      return {};
    });
    if (!counted) {
      return counted;
    }
    const std::uint64_t count = std::min<std::uint64_t>(request_.each_count, row_count);
    std::vector<std::uint64_t> chosen;
    for (std::uint64_t i = 0; i < count; ++i) {
      chosen.push_back(i * row_count / count);
    }
    return for_each_window([&](InputWindow& window) -> Result<void> {
      auto encoded =
          encode(window, [&](std::size_t i) { return std::ranges::binary_search(chosen, window.row_first + i); });
      if (!encoded) {
        return std::unexpected(encoded.error());
      }
      for (std::size_t i = 0; i < encoded->places.size(); ++i) {
        if (!encoded->vectors.reports[i].error) {
          add_query(window, encoded->places[i], encoded->vectors.row(i), response.queries);
        }
      }
      return {};
    });
  }

  void add_query(InputWindow& window, std::size_t place, std::span<const float> vector,
                 std::vector<NearestQuery>& queries) {
    Row& row = window.rows[place];
    NearestQuery query{.kind = row.payload.kind, .name = row.source, .content = {}, .nearest = {}};
    if (query.kind == PayloadKind::kText) {
      query.name = std::move(row.payload.bytes);
    } else if (request_.keep_images) {
      query.content = std::move(row.payload.bytes);
    }
    queries.push_back(std::move(query));
    own_rows_.push_back(window.row_first + place);
    dim_ = vector.size();
    vectors_.insert(vectors_.end(), vector.begin(), vector.end());
  }

  Result<void> merge(const InputWindow& window, const EncodedWindow& encoded, std::vector<NearestQuery>& queries) {
    if (encoded.places.empty()) {
      return {};
    }
    const MatrixView rows{encoded.vectors.values, encoded.vectors.row_count, encoded.vectors.dim};
    for (std::size_t i = 0; i < queries.size(); ++i) {
      // One more: the query itself may be among them.
      const auto found = nearest_neighbors(rows, std::span(vectors_).subspan(i * dim_, dim_), request_.top_count + 1);
      if (!found) {
        return std::unexpected(found.error());
      }
      std::vector<NearestRow>& nearest = queries[i].nearest;
      for (const Neighbor& neighbor : *found) {
        const std::size_t place = encoded.places[neighbor.row];
        const bool itself = i < own_rows_.size() && own_rows_[i] == window.row_first + place;
        const bool better = nearest.size() < request_.top_count || neighbor.score > nearest.back().score;
        if (!itself && better) {
          insert(nearest, describe(window, place, neighbor.score));
        }
      }
    }
    return {};
  }

  void insert(std::vector<NearestRow>& nearest, NearestRow row) const {
    const auto after = std::ranges::upper_bound(nearest, row.score, std::ranges::greater{}, &NearestRow::score);
    nearest.insert(after, std::move(row));
    if (nearest.size() > request_.top_count) {
      nearest.pop_back();
    }
  }

  NearestRow describe(const InputWindow& window, std::size_t place, float score) const {
    const Row& row = window.rows[place];
    const bool keep = row.payload.kind == PayloadKind::kText || request_.keep_images;
    return {.score = score,
            .row = window.row_first + place,
            .source = row.source,
            .line = row.line,
            .id = row.id,
            .content = keep ? row.payload.bytes : std::string{}};
  }

  const Encoder& encoder_;
  const NearestRequest& request_;
  std::size_t dim_ = 0;
  std::vector<float> vectors_;           // of the queries, [queries, dim]
  std::vector<std::uint64_t> own_rows_;  // with each_count: the row that each query is
};

Result<void> check(const NearestRequest& request) {
  if (request.top_count == 0) {
    return fail(ErrorCode::kInvalidArgument, "top: expected at least 1, found 0");
  }
  if (request.queries.empty() == (request.each_count == 0)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected something to compare with the rows, or a number of rows, found {}",
                            request.queries.empty() ? "neither" : "both"));
  }
  const std::size_t queries = std::max(request.queries.size(), request.each_count);
  if (request.top_count > kNearestResultCountMax / queries) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("expected at most {} results in all, found {} for each of {}", kNearestResultCountMax,
                            request.top_count, queries),
                "embed the rows into a file instead, and compare the vectors");
  }
  if (request.each_count > 0 &&
      (std::ranges::find(request.input.inputs, "-") != request.input.inputs.end() || request.input.list == "-")) {
    return fail(ErrorCode::kInvalidArgument, "--each: expected inputs that can be read again, found standard input",
                "write it into a file first");
  }
  return {};
}

}  // namespace

Result<NearestResponse> nearest(const NearestRequest& request) {
  if (auto checked = check(request); !checked) {
    return std::unexpected(checked.error());
  }
  const auto readable = open_row_source(request.input);
  if (!readable) {
    return std::unexpected(readable.error());
  }
  NearestResponse response;
  response.row_kind = (*readable)->kind();
  const std::string model = model_for(request.model, response.row_kind);
  if (auto fetched = fetch_model(model, request.fetch); !fetched) {
    return std::unexpected(fetched.error());
  }
  const auto encoder = Encoder::load(model, request.encoder);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  if (auto taken = expect_kind(*encoder, response.row_kind); !taken) {
    return std::unexpected(taken.error());
  }
  response.model = encoder->info();
  if (auto searched = NearestSearch(*encoder, request).run(response); !searched) {
    return std::unexpected(searched.error());
  }
  return response;
}

}  // namespace asterism::service
