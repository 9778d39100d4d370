#include "service/collection_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/file.hpp"
#include "image/decode.hpp"
#include "service/collection_model.hpp"
#include "service/own_vectors.hpp"
#include "service/row_windows.hpp"

namespace asterism::service {
namespace {

// Rows of a .npy file that are searched for at once.
constexpr std::size_t kVectorWindowRowCount = 1024;
// From so many rows on a search without an index is felt.
constexpr std::uint64_t kIndexWorthItemCount = 20'000;

std::string shown_name(const AskedItems& like, const AskedItems& unlike, std::string_view keywords) {
  std::vector<std::string> parts = like.items;
  for (const std::string& id : like.ids) {
    parts.push_back("id " + id);
  }
  if (parts.empty() && !keywords.empty()) {
    parts.emplace_back(keywords);
  }
  std::string name = fmt::format("{}", fmt::join(parts, " + "));
  for (const std::string& item : unlike.items) {
    name += " - " + item;
  }
  for (const std::string& id : unlike.ids) {
    name += " - id " + id;
  }
  return name;
}

class CollectionSearch {
 public:
  CollectionSearch(const CollectionSearchRequest& request, const TakeAnswer& take, const OnQueryError& on_error)
      : request_(request), take_(take), on_error_(on_error) {}

  Result<CollectionSearchResponse> run() {
    auto done = open();
    if (done) {
      done = is_batch() ? search_batches() : search_one();
    }
    if (!done) {
      return std::unexpected(std::move(done.error()));
    }
    return std::move(response_);
  }

 private:
  bool has_query_input() const { return !request_.queries.inputs.empty() || !request_.queries.list.empty(); }
  bool is_batch() const { return has_query_input() || (vectors_ && vectors_->row_count() > 1); }

  bool asks_otherwise() const {
    return !request_.like.items.empty() || !request_.like.ids.empty() || !request_.unlike.items.empty() ||
           !request_.unlike.ids.empty() || !request_.keywords.empty();
  }

  Result<void> open() {
    if (!request_.vectors.empty()) {
      auto vectors = OwnVectors::open(request_.vectors);
      if (!vectors) {
        return std::unexpected(std::move(vectors.error()));
      }
      vectors_.emplace(std::move(*vectors));
    }
    if (is_batch() && (asks_otherwise() || (has_query_input() && vectors_))) {
      return fail(ErrorCode::kInvalidArgument, "search: expected queries of a file, or one query, found both",
                  "a file of queries is searched row by row, each on its own");
    }
    if (!is_batch() && !vectors_ && !asks_otherwise()) {
      return fail(ErrorCode::kInvalidArgument, "search: expected something to look for, found nothing",
                  "give a text, an image, --id, --vector, --queries or --keywords");
    }
    auto collection = open_for_reading(request_.collection);
    if (!collection) {
      return std::unexpected(std::move(collection.error()));
    }
    collection_.emplace(std::move(*collection));
    response_.settings = collection_->settings();
    return set_limit();
  }

  Result<void> set_limit() {
    const Metric metric = response_.settings.metric;
    if (larger_is_nearer(metric) ? request_.distance_max.has_value() : request_.score_min.has_value()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the collection's metric is {}: expected {}, found {}",
                              shown_location(request_.collection.location), metric_name(metric),
                              larger_is_nearer(metric) ? "--min-score" : "--max-distance",
                              larger_is_nearer(metric) ? "--max-distance" : "--min-score"));
    }
    search_ = request_.search;
    search_.score_limit = larger_is_nearer(metric) ? request_.score_min : request_.distance_max;
    return {};
  }

  // The model, looked at once, where something is to be embedded.
  Result<const EncoderInfo*> model() {
    if (!model_) {
      auto info = model_inputs(response_.settings.model, request_.fetch);
      if (!info) {
        return std::unexpected(std::move(info.error()));
      }
      model_.emplace(std::move(*info));
    }
    return &*model_;
  }

  Result<PayloadKind> kind_of(const std::string& item) {
    const auto info = model();
    if (!info) {
      return std::unexpected(info.error());
    }
    std::error_code failure;
    if (!(*info)->takes_texts && request_.kind != ItemKind::kText && !std::filesystem::exists(item, failure)) {
      return fail(
          ErrorCode::kNotFound,
          fmt::format("'{}': expected an image file, as the model '{}' takes, found none", item, (*info)->model),
          "texts find pictures where the collection's model takes both (CLIP, SigLIP)");
    }
    return item_kind(**info, request_.kind, item);
  }

  Result<QueryPart> part_of(const std::string& item) {
    const auto kind = kind_of(item);
    if (!kind) {
      return std::unexpected(kind.error());
    }
    if (*kind == PayloadKind::kText) {
      return query_text(item);
    }
    auto file = read_file(item, kImageFileSizeBytesMax);
    if (!file) {
      return std::unexpected(std::move(file.error()));
    }
    return query_image(std::move(*file));
  }

  Result<std::vector<QueryPart>> parts_of(const AskedItems& asked) {
    std::vector<QueryPart> parts;
    for (const std::string& item : asked.items) {
      auto part = part_of(item);
      if (!part) {
        return std::unexpected(std::move(part.error()));
      }
      parts.push_back(std::move(*part));
    }
    for (const std::string& id : asked.ids) {
      parts.push_back(query_id(id));
    }
    return parts;
  }

  Result<void> search_one() {
    SearchRequest search = search_;
    for (const auto& [asked, parts] :
         {std::pair{&request_.like, &search.like}, std::pair{&request_.unlike, &search.unlike}}) {
      auto found = parts_of(*asked);
      if (!found) {
        return std::unexpected(std::move(found.error()));
      }
      *parts = std::move(*found);
    }
    if (vectors_) {
      search.like.push_back(query_vector(vectors_->row(0)));
    }
    search.keywords = request_.keywords;
    if (request_.hybrid) {
      if (auto added = add_keywords(search); !added) {
        return added;
      }
    }
    SearchAnswer answer{.name = shown_name(request_.like, request_.unlike, request_.keywords),
                        .kind = PayloadKind::kText,
                        .content = {},
                        .result = {}};
    if (answer.name.empty()) {
      answer.name = request_.vectors;
    }
    if (request_.keep_images && search.like.size() == 1 && search.like.front().kind == QueryPart::Kind::kImage) {
      answer.kind = PayloadKind::kImage;
      answer.content = search.like.front().value;
    }
    auto result = collection_->search(search);
    if (!result) {
      return std::unexpected(std::move(result.error()));
    }
    answer.result = std::move(*result);
    return give(std::move(answer));
  }

  static Result<void> add_keywords(SearchRequest& search) {
    const auto is_text = [](const QueryPart& part) { return part.kind == QueryPart::Kind::kText; };
    if (std::ranges::none_of(search.like, is_text)) {
      return fail(ErrorCode::kInvalidArgument, "--hybrid: expected a text whose words are sought too, found none",
                  "say which words with --keywords");
    }
    for (const QueryPart& part : search.like) {
      if (is_text(part)) {
        search.keywords += (search.keywords.empty() ? "" : " ") + part.value;
      }
    }
    return {};
  }

  Result<void> search_batches() {
    if (vectors_) {
      return search_vectors();
    }
    auto windows = InputWindows::open(request_.queries, request_.collection.cancel);
    if (!windows) {
      return std::unexpected(std::move(windows.error()));
    }
    if (auto info = model(); !info) {
      return std::unexpected(info.error());
    }
    for (InputWindow window;;) {
      const auto more = windows->next(window);
      if (!more) {
        return std::unexpected(more.error());
      }
      if (!*more) {
        return {};
      }
      if (auto searched = search_window(window); !searched) {
        return searched;
      }
    }
  }

  Result<void> search_window(InputWindow& window) {
    std::vector<SearchAnswer> answers;
    std::vector<SearchRequest> searches;
    for (Row& row : window.rows) {
      const std::string place = row.line == 0 ? row.source : fmt::format("{}:{}", row.source, row.line);
      if (row.error) {
        failed(place, *row.error);
        continue;
      }
      const bool text = row.payload.kind == PayloadKind::kText;
      SearchRequest search = search_;
      search.like.push_back(text ? query_text(row.payload.bytes) : query_image(row.payload.bytes));
      if (request_.hybrid && text) {
        search.keywords = row.payload.bytes;
      }
      searches.push_back(std::move(search));
      answers.push_back({.name = !row.id.empty() ? row.id
                                 : text          ? row.payload.bytes
                                                 : place,
                         .kind = row.payload.kind,
                         .content = request_.keep_images && !text ? std::move(row.payload.bytes) : std::string{},
                         .result = {}});
    }
    return answer_all(searches, answers);
  }

  Result<void> search_vectors() {
    for (std::size_t first = 0; first < vectors_->row_count(); first += kVectorWindowRowCount) {
      std::vector<SearchAnswer> answers;
      std::vector<SearchRequest> searches;
      for (std::size_t i = first; i < std::min(vectors_->row_count(), first + kVectorWindowRowCount); ++i) {
        searches.push_back(search_);
        searches.back().like.push_back(query_vector(vectors_->row(i)));
        answers.push_back({.name = fmt::format("{}: row {}", request_.vectors, i), .content = {}, .result = {}});
      }
      if (auto answered = answer_all(searches, answers); !answered) {
        return answered;
      }
    }
    return {};
  }

  // All at once; where that fails, one by one, so that only the query at fault goes without an answer.
  Result<void> answer_all(std::span<const SearchRequest> searches, std::span<SearchAnswer> answers) {
    if (searches.empty()) {
      return {};
    }
    auto results = collection_->search_batch(searches);
    for (std::size_t i = 0; i < searches.size(); ++i) {
      auto result = results ? Result<SearchResult>(std::move((*results)[i])) : collection_->search(searches[i]);
      if (!result) {
        failed(answers[i].name, result.error());
        continue;
      }
      answers[i].result = std::move(*result);
      if (auto given = give(std::move(answers[i])); !given) {
        return given;
      }
    }
    return results || response_.failed_query_count < searches.size() ? Result<void>{}
                                                                     : std::unexpected(results.error());
  }

  void failed(const std::string& place, const Error& error) {
    ++response_.query_count;
    ++response_.failed_query_count;
    if (on_error_) {
      on_error_(place, error);
    }
  }

  Result<void> give(SearchAnswer&& answer) {
    if (response_.query_count++ == 0) {
      if (auto looked = look_at_index(answer.result.explanation); !looked) {
        return looked;
      }
    }
    if (request_.keep_images) {
      take_files(answer.result.hits);
    }
    return take_(std::move(answer));
  }

  Result<void> look_at_index(const SearchExplanation& explanation) {
    if (!explanation.plan.starts_with("exact") || !request_.collection.version.empty()) {
      return {};
    }
    if (explanation.reason.starts_with("the index")) {
      response_.index_problem = explanation.reason;
      return {};
    }
    const auto status = collection_->status();
    if (!status) {
      return std::unexpected(status.error());
    }
    constexpr std::string_view kNone = "none: ";
    if (const auto problem = status->index.find("; "); problem != std::string::npos) {
      response_.index_problem = status->index.substr(problem + 2);
    } else if (status->index.starts_with(kNone)) {
      response_.index_problem = status->index.substr(kNone.size());
    } else if (status->index.starts_with("none") && status->item_count >= kIndexWorthItemCount) {
      response_.index_problem = "there is no index yet";
    }
    return {};
  }

  // The files of pictures whose bytes the collection does not hold, where they still are.
  static void take_files(std::vector<SearchHit>& hits) {
    for (SearchHit& hit : hits) {
      if (hit.item.kind == asterism::ItemKind::kImage && hit.item.data.empty()) {
        if (auto file = read_file(hit.item.content, kImageFileSizeBytesMax)) {
          hit.item.data = std::move(*file);
        }
      }
    }
  }

  const CollectionSearchRequest& request_;
  const TakeAnswer& take_;
  const OnQueryError& on_error_;
  std::optional<OwnVectors> vectors_;
  std::optional<Collection> collection_;
  std::optional<EncoderInfo> model_;
  SearchRequest search_;  // what all queries have in common
  CollectionSearchResponse response_;
};

}  // namespace

Result<CollectionSearchResponse> search_collection(const CollectionSearchRequest& request, const TakeAnswer& take,
                                                   const OnQueryError& on_error) {
  return CollectionSearch(request, take, on_error).run();
}

PageSection page_section(const SearchAnswer& answer) {
  const bool text = answer.kind == PayloadKind::kText;
  PageSection section{.query = {.kind = answer.kind,
                                .content = text ? answer.name : answer.content,
                                .caption = text ? std::string("query") : answer.name},
                      .found = {}};
  for (const SearchHit& hit : answer.result.hits) {
    const bool image = hit.item.kind == asterism::ItemKind::kImage;
    section.found.push_back({.kind = image ? PayloadKind::kImage : PayloadKind::kText,
                             .content = image ? hit.item.data : hit.item.content,
                             .score = fmt::format("{:.4f}", hit.score),
                             .caption = hit.item.metadata == "{}" || hit.item.metadata.empty()
                                            ? hit.item.id
                                            : fmt::format("{} {}", hit.item.id, hit.item.metadata)});
  }
  return section;
}

std::string page_remark(const CollectionSearchRequest& request, const CollectionSearchResponse& response,
                        const std::string& score_name, bool larger_is_nearer) {
  const std::string& model = response.settings.model.id;
  std::string remark = fmt::format("{}{}: {}, {} first", shown_location(request.collection.location),
                                   model.empty() ? "" : fmt::format(" ({})", model), score_name,
                                   larger_is_nearer ? "largest" : "smallest");
  if (!request.search.filter.empty()) {
    remark += fmt::format("; where {}", request.search.filter);
  }
  return remark + ".";
}

}  // namespace asterism::service
