#include "service/arithmetic.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "asterism/word_table.hpp"
#include "base/ascii_case.hpp"
#include "base/edit_distance.hpp"
#include "base/thread_pool.hpp"
#include "encoder/model_digest.hpp"
#include "pipeline/encoder_rows.hpp"
#include "service/items.hpp"
#include "service/row_windows.hpp"
#include "store/collection_embedder.hpp"
#include "store/embedded_store.hpp"

namespace asterism::service {
namespace {

// Words that are looked at for "did you mean"; the rarest are seldom meant.
constexpr std::size_t kSimilarWordCountMax = 100'000;
constexpr std::size_t kSuggestedWordCount = 3;
constexpr std::size_t kSimilarSizeBytesMax = 64;

// What is ranked, and what it is called.
struct Candidates {
  std::string kind;
  RowsView rows;
  std::vector<float> own_values = {};  // where `rows` are not of the model or a file
  std::optional<AnalysisRows> analysis = {};
  const WordTable* words = nullptr;
  std::vector<std::string> names = {};  // of embedded rows
  std::vector<std::string> ids = {};
  std::uint64_t failed_row_count = 0;

  ArithmeticHit hit(const ScoredIndex& found) const {
    ArithmeticHit out{.score = found.score, .name = {}, .row = found.index};
    if (words != nullptr) {
      out.name = words->word(found.index);
      return out;
    }
    if (analysis) {
      out.id = analysis->ids[found.index];
      out.row = analysis->numbers[found.index];
      const bool has_text = found.index < analysis->texts.size() && !analysis->texts[found.index].empty();
      out.name = has_text ? analysis->texts[found.index] : out.id;
      return out;
    }
    out.name = names[found.index];
    out.id = ids[found.index];
    return out;
  }
};

class Arithmetic {
 public:
  explicit Arithmetic(const ArithmeticRequest& request)
      : request_(request),
        pool_(request.encoder.thread_count != 0 ? request.encoder.thread_count : available_processor_count()) {}

  Result<ArithmeticResponse> run() {
    auto terms = parse_arithmetic(request_.expression);
    if (!terms) {
      return std::unexpected(std::move(terms.error()));
    }
    response_.terms = *std::move(terms);
    response_.expression = arithmetic_text(response_.terms);
    if (auto done = check(); !done) {
      return std::unexpected(std::move(done.error()));
    }
    for (const auto step : {&Arithmetic::open_vectors, &Arithmetic::load_model, &Arithmetic::read_candidates,
                            &Arithmetic::read_terms, &Arithmetic::rank}) {
      if (auto done = (this->*step)(); !done) {
        return std::unexpected(std::move(done.error()));
      }
    }
    return std::move(response_);
  }

 private:
  bool has_rows() const { return !request_.input.inputs.empty() || !request_.input.list.empty(); }
  bool has_vectors() const { return !request_.vectors.input.empty(); }
  bool needs_model() const {
    return has_rows() || !has_vectors() || std::ranges::any_of(response_.terms, [](const ArithmeticTerm& term) {
             return term.kind != OperandKind::kId;
           });
  }

  Result<void> check() const {
    if (request_.top_count == 0 || request_.top_count > kArithmeticHitCountMax) {
      return fail(
          request_.top_count == 0 ? ErrorCode::kInvalidArgument : ErrorCode::kLimitExceeded,
          fmt::format("analogy: expected 1 to {} answers, found {}", kArithmeticHitCountMax, request_.top_count));
    }
    if (has_rows() && has_vectors()) {
      return fail(ErrorCode::kInvalidArgument,
                  "analogy: expected rows, or a collection or file of vectors, found both");
    }
    const auto id = std::ranges::find(response_.terms, OperandKind::kId, &ArithmeticTerm::kind);
    if (id != response_.terms.end() && !has_vectors()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("analogy: '#{}': expected a collection whose item it is, found none", id->value),
                  "name it: --in COLLECTION");
    }
    return {};
  }

  Result<void> open_vectors() {
    if (!has_vectors()) {
      return {};
    }
    AnalysisRowsRequest wanted = request_.vectors;
    wanted.texts = true;
    wanted.collection.cancel = request_.fetch.cancel;
    auto rows = open_analysis_rows(wanted);
    if (!rows && wanted.texts_file.empty()) {
      // A file of vectors alone has no texts.
      wanted.texts = false;
      auto bare = open_analysis_rows(wanted);
      if (!bare) {
        return std::unexpected(std::move(rows.error()));
      }
      rows = std::move(bare);
    }
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    candidates_.kind = rows->collection ? "items" : "rows";
    candidates_.failed_row_count = rows->left_out_count;
    candidates_.analysis = *std::move(rows);
    candidates_.rows = candidates_.analysis->view();
    return {};
  }

  // Of a collection its own, as it was when the vectors were made.
  Result<void> load_model() {
    if (!needs_model()) {
      return {};
    }
    const CollectionSettings* const settings =
        candidates_.analysis && candidates_.analysis->collection ? &*candidates_.analysis->collection : nullptr;
    std::string model = request_.model;
    EncoderOptions options = request_.encoder;
    if (settings != nullptr) {
      if (auto named = expect_model(*settings); !named) {
        return named;
      }
      model = settings->model.id;
      options.prompt_name = settings->model.query_prompt_name;
      options.dim = settings->dim;
    } else {
      const bool images = std::ranges::all_of(
          response_.terms, [](const ArithmeticTerm& term) { return term.kind == OperandKind::kImage; });
      model = model_for(model, images ? PayloadKind::kImage : PayloadKind::kText);
    }
    if (auto fetched = fetch_model(model, request_.fetch); !fetched) {
      return fetched;
    }
    auto encoder = Encoder::load(model, options);
    if (!encoder) {
      return std::unexpected(std::move(encoder.error()));
    }
    if (settings != nullptr) {
      const auto digest = model_digest(encoder->info());
      if (!digest) {
        return std::unexpected(digest.error());
      }
      if (auto same = expect_same_model(*settings, *digest, encoder->dim()); !same) {
        return same;
      }
    }
    response_.model = encoder->info();
    encoder_.emplace(*std::move(encoder));
    return {};
  }

  Result<void> read_candidates() {
    if (has_vectors()) {
      return {};
    }
    if (has_rows()) {
      return embed_rows();
    }
    candidates_.words = encoder_->words();
    if (candidates_.words == nullptr) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("model '{}': expected a model with words of its own, or candidates, found neither",
                              response_.model.model),
                  "give candidates (--in FILE or COLLECTION), or a model of word vectors (-m glove-6b-50d)");
    }
    if (encoder_->dim() != candidates_.words->dim()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("dim: expected {}, as the model's words have, found {}",
                                                           candidates_.words->dim(), encoder_->dim()));
    }
    const std::size_t count = request_.word_count_max == 0
                                  ? candidates_.words->size()
                                  : std::min(request_.word_count_max, candidates_.words->size());
    candidates_.kind = "words of the model";
    candidates_.rows = {.values = candidates_.words->values().first(count * candidates_.words->dim()),
                        .row_count = count,
                        .dim = candidates_.words->dim()};
    return {};
  }

  Result<void> embed_rows() {
    candidates_.kind = "rows";
    auto windows = InputWindows::open(request_.input, request_.fetch.cancel);
    if (!windows) {
      return std::unexpected(std::move(windows.error()));
    }
    if (auto taken = expect_kind(*encoder_, windows->kind()); !taken) {
      return taken;
    }
    InputWindow window;
    for (;;) {
      const auto more = windows->next(window);
      if (!more) {
        return std::unexpected(more.error());
      }
      if (!*more) {
        break;
      }
      if (auto taken = take_window(window); !taken) {
        return taken;
      }
    }
    candidates_.rows = {
        .values = candidates_.own_values, .row_count = candidates_.names.size(), .dim = encoder_->dim()};
    return {};
  }

  Result<void> take_window(InputWindow& window) {
    std::vector<Payload> payloads;
    std::vector<const Row*> rows;
    for (Row& row : window.rows) {
      if (row.error) {
        ++candidates_.failed_row_count;
        continue;
      }
      payloads.push_back(row.payload);
      rows.push_back(&row);
    }
    if (candidates_.names.size() + rows.size() > kArithmeticRowCountMax) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("analogy: expected at most {} rows, found more", kArithmeticRowCountMax),
                  "add them to a collection first: asterism add");
    }
    if (payloads.empty()) {
      return {};
    }
    const auto vectors = encode_rows(*encoder_, payloads);
    if (!vectors) {
      return std::unexpected(vectors.error());
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (vectors->reports[i].error) {
        ++candidates_.failed_row_count;
        continue;
      }
      const auto vector = vectors->row(i);
      candidates_.own_values.insert(candidates_.own_values.end(), vector.begin(), vector.end());
      const bool text = rows[i]->payload.kind == PayloadKind::kText;
      candidates_.names.push_back(text ? std::move(payloads[i].bytes) : rows[i]->source);
      candidates_.ids.push_back(rows[i]->id);
    }
    return {};
  }

  Result<void> read_terms() {
    for (const ArithmeticTerm& term : response_.terms) {
      auto added = term.kind == OperandKind::kId ? add_item(term) : add_encoded(term);
      if (!added) {
        return added;
      }
    }
    if (candidates_.rows.dim != dim_) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("analogy: expected vectors of length {}, as the candidates have, found {}",
                              candidates_.rows.dim, dim_),
                  "name the model that made the candidates' vectors: -m MODEL");
    }
    return {};
  }

  Result<void> add_item(const ArithmeticTerm& term) {
    const auto& ids = candidates_.analysis->ids;
    const auto found = std::ranges::find(ids, term.value);
    if (found == ids.end()) {
      return fail(ErrorCode::kNotFound, fmt::format("'#{}': expected the id of one of {} {}, found none such",
                                                    term.value, ids.size(), candidates_.kind));
    }
    const auto row = static_cast<std::size_t>(found - ids.begin());
    add_vector(candidates_.rows.row(row));
    excluded_.push_back(row);
    return {};
  }

  Result<void> add_encoded(const ArithmeticTerm& term) {
    const bool image = term.kind == OperandKind::kImage;
    const auto items = encode_items(*encoder_, std::span(&term.value, 1), image ? ItemKind::kImage : ItemKind::kText);
    if (!items) {
      return std::unexpected(items.error());
    }
    if (const WordTable* const words = encoder_->words(); words != nullptr) {
      if (auto known = take_words(*words, term, items->vectors.reports.front()); !known) {
        return known;
      }
    }
    add_vector(items->vectors.row(0));
    exclude_named(term);
    return {};
  }

  // Every word must be known, and one word is not taken to pieces ("king-man"): a sum without one of them, or of other
  // things, is the answer to another question.
  Result<void> take_words(const WordTable& words, const ArithmeticTerm& term, const RowReport& report) {
    const bool one_word = term.value.find(' ') == std::string::npos;
    if (report.unknown_word_count > 0 || report.token_count_used == 0 ||
        (one_word && !words.find_any_case(term.value))) {
      const auto similar = similar_words(words, term.value, kSuggestedWordCount);
      const bool joined = term.value.find_first_of("+-", 1) != std::string::npos;
      return fail(ErrorCode::kNotFound,
                  fmt::format("'{}': expected words that model '{}' knows, found one that it does not{}", term.value,
                              response_.model.model,
                              similar.empty() ? "" : fmt::format("; near it: {}", fmt::join(similar, ", "))),
                  joined ? "signs between terms have a space in front: king - man + woman" : "");
    }
    if (candidates_.words != nullptr) {
      const auto pieces = encoder_->token_pieces(term.value, false);
      if (!pieces) {
        return std::unexpected(pieces.error());
      }
      std::ranges::transform(*pieces, std::back_inserter(excluded_), &TokenPiece::id);
    }
    return {};
  }

  // Texts whatever their case, pictures by their path.
  void exclude_named(const ArithmeticTerm& term) {
    const auto& names = candidates_.analysis ? candidates_.analysis->texts : candidates_.names;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (equals_ignoring_case(names[i], term.value)) {
        excluded_.push_back(i);
      }
    }
  }

  void add_vector(std::span<const float> vector) {
    dim_ = vector.size();
    term_values_.insert(term_values_.end(), vector.begin(), vector.end());
  }

  Result<void> rank() {
    std::vector<double> weights;
    std::ranges::transform(response_.terms, std::back_inserter(weights), &ArithmeticTerm::weight);
    const RowsView terms{.values = term_values_, .row_count = weights.size(), .dim = dim_};
    const auto scorer = AnalogyScorer::make(terms, weights, request_.method);
    if (!scorer) {
      return std::unexpected(scorer.error());
    }
    if (request_.keep_inputs) {
      excluded_.clear();
    }
    const auto found = rank_analogies(candidates_.rows, *scorer, request_.top_count, excluded_,
                                      {.pool = pool_, .cancel = request_.fetch.cancel});
    if (!found) {
      return std::unexpected(found.error());
    }
    std::ranges::transform(*found, std::back_inserter(response_.hits),
                           [&](const ScoredIndex& one) { return candidates_.hit(one); });
    response_.candidates = candidates_.kind;
    response_.candidate_count = candidates_.rows.row_count;
    response_.failed_row_count = candidates_.failed_row_count;
    return {};
  }

  const ArithmeticRequest& request_;
  ThreadPool pool_;
  ArithmeticResponse response_;
  std::optional<Encoder> encoder_;
  Candidates candidates_;
  std::size_t dim_ = 0;
  std::vector<float> term_values_;  // [terms, dim]
  std::vector<std::size_t> excluded_;
};

}  // namespace

std::vector<std::string> similar_words(const WordTable& words, std::string_view word, std::size_t k) {
  const std::string asked = ascii_lower(word.substr(0, kSimilarSizeBytesMax));
  // As many edits as a slip of the hand makes.
  const std::size_t edit_count_max = asked.size() < 5 ? 1 : 2;
  std::vector<std::pair<std::size_t, std::size_t>> found;  // edits, word
  for (std::size_t i = 0; i < std::min(words.size(), kSimilarWordCountMax); ++i) {
    const std::string_view other = words.word(i);
    const std::size_t longer = std::max(other.size(), asked.size());
    if (longer - std::min(other.size(), asked.size()) > edit_count_max) {
      continue;
    }
    if (const std::size_t edits = edit_distance(asked, other); edits <= edit_count_max) {
      found.emplace_back(edits, i);
    }
  }
  std::ranges::sort(found);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < std::min(k, found.size()); ++i) {
    out.emplace_back(words.word(found[i].second));
  }
  return out;
}

bool holds_vectors(const std::string& input) {
  return input.ends_with(".npy") || input.ends_with(".safetensors") || input.find("://") != std::string::npos ||
         holds_collection(input);
}

Result<ArithmeticResponse> arithmetic(const ArithmeticRequest& request) {
  return Arithmetic(request).run();
}

}  // namespace asterism::service
