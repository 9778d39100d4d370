#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <mutex>

#include "analysis/analogy.hpp"
#include "base/thread_pool.hpp"
#include "kernels/linear.hpp"

namespace asterism {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();
// Floats of cosines that a thread has at a time.
constexpr std::size_t kBlockValueCount = std::size_t{1} << 20U;
constexpr std::size_t kBlockRowCountMin = 64;
constexpr std::size_t kBlockRowCountMax = 1024;
// 2 - 2 cos of two equal rows is rounding: no division by less.
constexpr float kSquaredDistanceMin = 1e-9F;
constexpr std::size_t kLaneCount = 16;

// Rows at length 1; zeros stay zeros.
std::vector<float> unit_rows(const RowsView& rows) {
  std::vector<float> out(rows.row_count * rows.dim);
  for (std::size_t i = 0; i < rows.row_count; ++i) {
    double square = 0.0;
    for (const float value : rows.row(i)) {
      square += static_cast<double>(value) * static_cast<double>(value);
    }
    const double scale = square > 0.0 ? 1.0 / std::sqrt(square) : 0.0;
    std::ranges::transform(rows.row(i), out.begin() + static_cast<std::ptrdiff_t>(i * rows.dim),
                           [scale](float value) { return static_cast<float>(static_cast<double>(value) * scale); });
  }
  return out;
}

// Questions by places in the list of their distinct words.
struct QuestionWords {
  std::vector<std::uint32_t> rows;  // of the vocabulary, ascending
  std::vector<AnalogyQuestion> places;
};

QuestionWords question_words(std::span<const AnalogyQuestion> questions) {
  QuestionWords out;
  for (const AnalogyQuestion& question : questions) {
    out.rows.insert(out.rows.end(), {question.a, question.b, question.c});
  }
  std::ranges::sort(out.rows);
  out.rows.erase(std::ranges::unique(out.rows).begin(), out.rows.end());
  const auto place = [&](std::uint32_t row) {
    return static_cast<std::uint32_t>(std::ranges::lower_bound(out.rows, row) - out.rows.begin());
  };
  out.places.reserve(questions.size());
  for (const AnalogyQuestion& question : questions) {
    out.places.push_back({.a = place(question.a), .b = place(question.b), .c = place(question.c)});
  }
  return out;
}

struct Best {
  float score = kNothing;
  std::uint32_t row = 0;

  // Larger scores, and of equal ones the lower row: whichever order they come in.
  void offer(float other_score, std::uint32_t other_row) {
    if (other_score > score || (other_score == score && other_row < row)) {
      score = other_score;
      row = other_row;
    }
  }
};

// Cosines of the three words with the candidates of a block, and of c with b - a.
struct Cosines {
  const float* a = nullptr;
  const float* b = nullptr;
  const float* c = nullptr;
  float base = 0.0F;
};

// Scores up to what is the same for every candidate of a question.
void score_block(AnalogyMethod method, const Cosines& cosines, std::span<float> scores) {
  const std::size_t count = scores.size();
  switch (method) {
    case AnalogyMethod::kCosAdd:
      for (std::size_t i = 0; i < count; ++i) {
        scores[i] = cosines.b[i] - cosines.a[i] + cosines.c[i];
      }
      return;
    case AnalogyMethod::kCosMul:
      for (std::size_t i = 0; i < count; ++i) {
        scores[i] = (1.0F + cosines.b[i]) * (1.0F + cosines.c[i]) /
                    (1.0F + cosines.a[i] + 2.0F * static_cast<float>(kCosMulEpsilon));
      }
      return;
    case AnalogyMethod::kPairDirection:
      for (std::size_t i = 0; i < count; ++i) {
        const float square = 2.0F - 2.0F * cosines.c[i];
        scores[i] = (cosines.b[i] - cosines.a[i] - cosines.base) /
                    std::sqrt(square > kSquaredDistanceMin ? square : kSquaredDistanceMin);
      }
      return;
  }
}

// Written so that the compiler makes vectors of it.
float largest(std::span<const float> scores) {
  std::array<float, kLaneCount> lanes;
  lanes.fill(kNothing);
  std::size_t i = 0;
  for (; i + kLaneCount <= scores.size(); i += kLaneCount) {
    for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
      lanes[lane] = scores[i + lane] > lanes[lane] ? scores[i + lane] : lanes[lane];
    }
  }
  for (; i < scores.size(); ++i) {
    lanes[0] = std::max(lanes[0], scores[i]);
  }
  return std::ranges::max(lanes);
}

class AnswerFinder {
 public:
  AnswerFinder(const RowsView& vocabulary, std::span<const AnalogyQuestion> questions,
               std::span<const AnalogyMethod> methods)
      : questions_(questions), methods_(methods), row_count_(vocabulary.row_count), dim_(vocabulary.dim) {
    units_ = unit_rows(vocabulary);
    words_ = question_words(questions);
    for (const std::uint32_t row : words_.rows) {
      const auto unit = std::span(units_).subspan(row * dim_, dim_);
      terms_.insert(terms_.end(), unit.begin(), unit.end());
    }
    block_row_count_ = std::clamp(kBlockValueCount / std::max<std::size_t>(1, words_.rows.size()), kBlockRowCountMin,
                                  kBlockRowCountMax);
    set_bases();
    best_.resize(methods.size() * questions.size());
  }

  Result<std::vector<std::vector<std::uint32_t>>> run(const AnalysisRun& run) {
    const std::size_t block_count = (row_count_ + block_row_count_ - 1) / block_row_count_;
    run.pool.parallel_for(block_count, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t block = begin; block < end && !run.is_cancelled(); ++block) {
        answer_block(block * block_row_count_, std::min((block + 1) * block_row_count_, row_count_));
      }
    });
    if (run.is_cancelled()) {
      return fail(ErrorCode::kCancelled, "analogies: stopped");
    }
    std::vector<std::vector<std::uint32_t>> answers(methods_.size());
    for (std::size_t m = 0; m < methods_.size(); ++m) {
      for (std::size_t q = 0; q < questions_.size(); ++q) {
        answers[m].push_back(best_[m * questions_.size() + q].row);
      }
    }
    return answers;
  }

 private:
  void set_bases() {
    const auto dot = [&](std::uint32_t x, std::uint32_t y) {
      double sum = 0.0;
      for (std::size_t d = 0; d < dim_; ++d) {
        sum += static_cast<double>(units_[x * dim_ + d]) * static_cast<double>(units_[y * dim_ + d]);
      }
      return sum;
    };
    for (const AnalogyQuestion& question : questions_) {
      bases_.push_back(static_cast<float>(dot(question.c, question.b) - dot(question.c, question.a)));
    }
  }

  void answer_block(std::size_t begin, std::size_t end) {
    const std::size_t count = end - begin;
    const LinearPart part{.weight = std::span(units_).subspan(begin * dim_, count * dim_), .bias = {}};
    const LinearWeight candidates(std::span(&part, 1), dim_);
    const std::size_t term_count = words_.rows.size();
    std::vector<float> cosines(term_count * count);
    const LinearProblem problem{.weight = &candidates, .x = terms_.data(), .y = cosines.data()};
    linear(problem, {.row_begin = 0, .row_end = term_count, .panel_begin = 0, .panel_end = candidates.panel_count()});
    std::vector<float> scores(count);
    std::vector<Best> found(best_.size());
    for (std::size_t q = 0; q < questions_.size(); ++q) {
      const AnalogyQuestion& place = words_.places[q];
      const Cosines of_question{.a = cosines.data() + place.a * count,
                                .b = cosines.data() + place.b * count,
                                .c = cosines.data() + place.c * count,
                                .base = bases_[q]};
      for (std::size_t m = 0; m < methods_.size(); ++m) {
        score_block(methods_[m], of_question, scores);
        for (const std::uint32_t own : {questions_[q].a, questions_[q].b, questions_[q].c}) {
          if (own >= begin && own < end) {
            scores[own - begin] = kNothing;
          }
        }
        const float score = largest(scores);
        const auto first = std::ranges::find(scores, score) - scores.begin();
        found[m * questions_.size() + q] = {score,
                                            static_cast<std::uint32_t>(begin) + static_cast<std::uint32_t>(first)};
      }
    }
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < best_.size(); ++i) {
      best_[i].offer(found[i].score, found[i].row);
    }
  }

  std::span<const AnalogyQuestion> questions_;
  std::span<const AnalogyMethod> methods_;
  std::size_t row_count_;
  std::size_t dim_;
  std::vector<float> units_;  // [rows, dim]
  QuestionWords words_;
  std::vector<float> terms_;  // [words, dim]
  std::vector<float> bases_;  // [questions]
  std::size_t block_row_count_ = 0;
  std::mutex mutex_;
  std::vector<Best> best_;  // [methods, questions]
};

}  // namespace

Result<std::vector<std::vector<std::uint32_t>>> answer_analogies(const RowsView& vocabulary,
                                                                 std::span<const AnalogyQuestion> questions,
                                                                 std::span<const AnalogyMethod> methods,
                                                                 const AnalysisRun& run) {
  if (vocabulary.row_count < 4) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("analogies: expected a vocabulary of at least 4 words, found {}", vocabulary.row_count));
  }
  const auto outside = std::ranges::find_if(questions, [&](const AnalogyQuestion& question) {
    return std::max({question.a, question.b, question.c}) >= vocabulary.row_count;
  });
  if (outside != questions.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("analogies: question {}: expected words below {}, found {}, {} and {}",
                            outside - questions.begin(), vocabulary.row_count, outside->a, outside->b, outside->c));
  }
  return AnswerFinder(vocabulary, questions, methods).run(run);
}

}  // namespace asterism
