#include "service/evaluate_analogies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include "analysis/correlation.hpp"
#include "asterism/neighbors.hpp"
#include "base/file.hpp"
#include "base/thread_pool.hpp"
#include "encoder/word_case.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kProblemsKept = 5;
constexpr std::size_t kQuestionWordCount = 4;
constexpr std::string_view kPairSeparators = "\t ,;";

// The words that are sought in, most frequent first, and where each is.
class TaskVocabulary {
 public:
  TaskVocabulary(const WordTable& words, const WordTaskVocabulary& options)
      : words_(words), match_case_(options.match_case) {
    const std::size_t count =
        options.word_count_max == 0 ? words.size() : std::min(options.word_count_max, words.size());
    for (std::size_t i = 0; i < count; ++i) {
      // Of words that differ in case alone the first counts.
      if (place_of_.try_emplace(folded(words.word(i)), static_cast<std::uint32_t>(rows_.size())).second) {
        rows_.push_back(static_cast<std::uint32_t>(i));
      }
    }
  }

  std::size_t size() const noexcept { return rows_.size(); }
  std::string_view word(std::uint32_t place) const noexcept { return words_.word(rows_[place]); }
  std::span<const float> row(std::uint32_t place) const noexcept { return words_.row(rows_[place]); }

  std::optional<std::uint32_t> find(std::string_view word) const {
    const auto found = place_of_.find(folded(word));
    return found == place_of_.end() ? std::nullopt : std::optional(found->second);
  }

  // [size, dim]
  std::vector<float> gather() const {
    std::vector<float> values;
    values.reserve(rows_.size() * words_.dim());
    for (const std::uint32_t row : rows_) {
      values.insert(values.end(), words_.row(row).begin(), words_.row(row).end());
    }
    return values;
  }

 private:
  std::string folded(std::string_view word) const { return match_case_ ? std::string(word) : to_lower_case(word); }

  const WordTable& words_;
  bool match_case_;
  std::vector<std::uint32_t> rows_;
  std::unordered_map<std::string, std::uint32_t> place_of_;
};

Result<Encoder> load_words(const std::string& model, const ModelFetch& fetch, std::size_t thread_count) {
  if (auto fetched = fetch_model(model, fetch); !fetched) {
    return std::unexpected(std::move(fetched.error()));
  }
  EncoderOptions options;
  options.thread_count = thread_count;
  auto encoder = Encoder::load(model, options);
  if (encoder && encoder->words() == nullptr) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("model '{}': expected a model of word vectors, found family \"{}\"", model, encoder->info().family),
        "such as glove-6b-50d, or a file of GloVe, word2vec or fastText");
  }
  return encoder;
}

// Calls take(line, number) for each line, without white space around it, that is not empty.
template <typename Take>
void for_each_line(std::string_view text, Take take) {
  constexpr std::string_view kSpace = " \t\r";
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(kSpace)));
    line = line.substr(0, line.find_last_not_of(kSpace) + 1);
    if (!line.empty()) {
      take(line, number);
    }
  }
}

std::vector<std::string_view> fields(std::string_view line, std::string_view separators) {
  std::vector<std::string_view> out;
  while (!line.empty()) {
    const std::size_t end = std::min(line.size(), line.find_first_of(separators));
    if (end > 0) {
      out.push_back(line.substr(0, end));
    }
    line.remove_prefix(std::min(line.size(), end + 1));
  }
  return out;
}

class AnalogyEvaluator {
 public:
  AnalogyEvaluator(const AnalogyEvaluationRequest& request, const Encoder& encoder)
      : request_(request), vocabulary_(*encoder.words(), request.vocabulary), dim_(encoder.words()->dim()) {
    out_.model = encoder.info();
    out_.methods = request.methods;
    out_.word_count = vocabulary_.size();
    out_.total = {.name = "total",
                  .question_count = 0,
                  .asked_count = 0,
                  .right_counts = std::vector<std::size_t>(request.methods.size())};
  }

  Result<AnalogyEvaluation> run() {
    const auto text = read_file(request_.questions, kWordTaskFileSizeBytesMax);
    if (!text) {
      return std::unexpected(text.error());
    }
    for_each_line(*text, [&](std::string_view line, std::uint32_t number) { take_line(line, number); });
    if (out_.outcomes.empty()) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: expected lines of four words, \"a b c d\", found none{}", request_.questions,
                              out_.problems.empty() ? "" : ": " + out_.problems.front()));
    }
    if (auto answered = answer(); !answered) {
      return std::unexpected(std::move(answered.error()));
    }
    return std::move(out_);
  }

 private:
  void take_line(std::string_view line, std::uint32_t number) {
    if (line.starts_with(':')) {
      const std::size_t name = line.find_first_not_of(": \t");
      start_section(name == std::string_view::npos ? std::string_view() : line.substr(name));
      return;
    }
    const auto words = fields(line, " \t");
    if (words.size() != kQuestionWordCount) {
      ++out_.problem_count;
      if (out_.problems.size() < kProblemsKept) {
        out_.problems.push_back(
            fmt::format("{}: line {}: expected four words, found {}", request_.questions, number, words.size()));
      }
      return;
    }
    if (out_.sections.empty()) {
      start_section({});
    }
    AnalogyOutcome outcome{.section = static_cast<std::uint32_t>(out_.sections.size() - 1),
                           .line = number,
                           .asked = false,
                           .text = fmt::format("{} {} {} {}", words[0], words[1], words[2], words[3]),
                           .answers = {},
                           .right = {}};
    const auto a = vocabulary_.find(words[0]);
    const auto b = vocabulary_.find(words[1]);
    const auto c = vocabulary_.find(words[2]);
    const auto d = vocabulary_.find(words[3]);
    outcome.asked = a && b && c && d;
    ++out_.sections.back().question_count;
    ++out_.total.question_count;
    if (outcome.asked) {
      ++out_.sections.back().asked_count;
      ++out_.total.asked_count;
      questions_.push_back({.a = *a, .b = *b, .c = *c});
      expected_.push_back(*d);
      asked_.push_back(out_.outcomes.size());
    }
    out_.outcomes.push_back(std::move(outcome));
  }

  void start_section(std::string_view name) {
    out_.sections.push_back({.name = std::string(name),
                             .question_count = 0,
                             .asked_count = 0,
                             .right_counts = std::vector<std::size_t>(request_.methods.size())});
  }

  Result<void> answer() {
    if (questions_.empty()) {
      return {};
    }
    const std::vector<float> values = vocabulary_.gather();
    ThreadPool pool(request_.thread_count != 0 ? request_.thread_count : available_processor_count());
    const auto begin = std::chrono::steady_clock::now();
    const auto answers = answer_analogies({.values = values, .row_count = vocabulary_.size(), .dim = dim_}, questions_,
                                          request_.methods, {.pool = pool, .cancel = request_.fetch.cancel});
    if (!answers) {
      return std::unexpected(answers.error());
    }
    out_.search_time_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    for (std::size_t q = 0; q < questions_.size(); ++q) {
      AnalogyOutcome& outcome = out_.outcomes[asked_[q]];
      for (std::size_t m = 0; m < request_.methods.size(); ++m) {
        const std::uint32_t found = (*answers)[m][q];
        outcome.answers.emplace_back(vocabulary_.word(found));
        outcome.right.push_back(found == expected_[q]);
        const std::size_t right = outcome.right.back() ? 1 : 0;
        out_.sections[outcome.section].right_counts[m] += right;
        out_.total.right_counts[m] += right;
      }
    }
    return {};
  }

  const AnalogyEvaluationRequest& request_;
  TaskVocabulary vocabulary_;
  std::size_t dim_;
  AnalogyEvaluation out_;
  std::vector<AnalogyQuestion> questions_;  // those that are asked
  std::vector<std::uint32_t> expected_;     // [questions]
  std::vector<std::size_t> asked_;          // [questions], their outcomes
};

Result<WordPairsEvaluation> evaluate_pair_file(const std::string& file, const TaskVocabulary& vocabulary) {
  const auto text = read_file(file, kWordTaskFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  WordPairsEvaluation out;
  out.file = file;
  std::vector<double> gold;
  std::vector<double> cosines;
  for_each_line(*text, [&](std::string_view line, std::uint32_t number) {
    const auto parts = fields(line, kPairSeparators);
    double score = 0.0;
    const bool read =
        parts.size() == 3 && std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), score).ptr ==
                                 parts[2].data() + parts[2].size();
    if (!read || !std::isfinite(score)) {
      ++out.problem_count;
      if (out.problems.size() < kProblemsKept) {
        out.problems.push_back(
            fmt::format("{}: line {}: expected two words and a number, found '{}'", file, number, line.substr(0, 60)));
      }
      return;
    }
    WordPairOutcome outcome{.a = std::string(parts[0]),
                            .b = std::string(parts[1]),
                            .gold = score,
                            .cosine = std::numeric_limits<double>::quiet_NaN()};
    const auto a = vocabulary.find(parts[0]);
    const auto b = vocabulary.find(parts[1]);
    if (a && b) {
      outcome.cosine = static_cast<double>(cosine_similarity(vocabulary.row(*a), vocabulary.row(*b)));
      gold.push_back(score);
      cosines.push_back(outcome.cosine);
    }
    out.outcomes.push_back(std::move(outcome));
  });
  if (out.outcomes.empty()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected lines of two words and a number, found none{}", file,
                                                 out.problems.empty() ? "" : ": " + out.problems.front()));
  }
  out.known_count = gold.size();
  out.spearman = spearman_correlation(gold, cosines);
  out.pearson = pearson_correlation(gold, cosines);
  return out;
}

}  // namespace

double AnalogyEvaluation::accuracy(const AnalogySection& section, std::size_t method) const {
  return section.asked_count == 0
             ? std::numeric_limits<double>::quiet_NaN()
             : static_cast<double>(section.right_counts[method]) / static_cast<double>(section.asked_count);
}

Result<AnalogyEvaluation> evaluate_analogies(const AnalogyEvaluationRequest& request) {
  if (request.methods.empty()) {
    return fail(ErrorCode::kInvalidArgument, "analogies: expected at least one method, found none");
  }
  const auto encoder = load_words(request.model, request.fetch, request.thread_count);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  return AnalogyEvaluator(request, *encoder).run();
}

Result<std::vector<WordPairsEvaluation>> evaluate_word_pairs(const WordPairsRequest& request) {
  const auto encoder = load_words(request.model, request.fetch, request.thread_count);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  const TaskVocabulary vocabulary(*encoder->words(), request.vocabulary);
  std::vector<WordPairsEvaluation> out;
  for (const std::string& file : request.files) {
    auto one = evaluate_pair_file(file, vocabulary);
    if (!one) {
      return std::unexpected(std::move(one.error()));
    }
    out.push_back(*std::move(one));
  }
  return out;
}

}  // namespace asterism::service
