// What is to one thing as another is to a third: rows of a matrix ranked against a sum of vectors.
//
// Every vector counts at length 1 (Mikolov et al. 2013). For terms t of weight w, and cosines with a candidate x:
//   kCosAdd         cos(x, sum of w t): Mikolov's vector offset; Levy and Goldberg 2014 name it 3CosAdd
//   kCosMul         product over w > 0 of ((1 + cos(x, t)) / 2)^w, over the same for w < 0, plus 1e-6: 3CosMul of Levy
//                   and Goldberg 2014 with gensim's epsilon
//   kPairDirection  cos(x - c, b - a) for b - a + c: of three terms, the only form that it is about
// gensim's most_similar and most_similar_cosmul give the same scores (tests/golden/analysis). A candidate of length 0
// has no direction: its cosine is 0. Ownership: a scorer copies the terms. Thread-safety: a scorer is immutable.
// Cost: one product of a candidate and each term (kCosAdd: one in all).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"
#include "kernels/topk.hpp"

namespace asterism {

enum class AnalogyMethod : std::uint8_t { kCosAdd, kCosMul, kPairDirection };

// "3cosadd", "3cosmul", "pair-direction".
std::string_view analogy_method_name(AnalogyMethod method) noexcept;

// Added to the divisor of kCosMul.
inline constexpr double kCosMulEpsilon = 1e-6;

class AnalogyScorer {
 public:
  // terms [term_count, dim] of any length, weights [term_count], none 0. kInvalidArgument: no terms, one of length 0 or
  // not finite, weights that are not finite, a sum that vanishes (kCosAdd), other than three terms of weights 1, -1 and
  // 1 in any order (kPairDirection).
  static Result<AnalogyScorer> make(const RowsView& terms, std::span<const double> weights, AnalogyMethod method);

  // scores[i] of candidate i: candidates [scores.size(), dim].
  void score(const RowsView& candidates, std::span<float> scores) const;

  std::size_t dim() const noexcept { return dim_; }

 private:
  float cos_mul(std::span<const double> cosines) const;
  float pair_direction(std::span<const double> cosines) const;

  AnalogyMethod method_ = AnalogyMethod::kCosAdd;
  std::size_t dim_ = 0;
  std::vector<float> units_;     // [terms, dim]; kCosAdd: the sum alone; kPairDirection: a, b, c
  std::vector<double> weights_;  // [terms]
  double cos_ab_ = 0.0;          // kPairDirection
  double cos_ac_ = 0.0;
  double cos_bc_ = 0.0;
};

// The k best candidates, best first, equal scores in row order, without the rows of `excluded`.
Result<std::vector<ScoredIndex>> rank_analogies(const RowsView& candidates, const AnalogyScorer& scorer, std::size_t k,
                                                std::span<const std::size_t> excluded, const AnalysisRun& run);

// a is to b as c is to what? Rows of a vocabulary.
struct AnalogyQuestion {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
};

// The best row for each question, its own three left out; `questions.size()` of them, for each method. The vocabulary
// has at least 4 rows. Many questions are answered at once: each cosine between a word of theirs and a candidate is
// computed once, in blocks of candidates that stay in cache, and every method is a function of three of them.
// Cost: words of the questions x rows x dim, plus questions x rows. Memory: 2 copies of the vocabulary, some 10 MiB a
// thread.
Result<std::vector<std::vector<std::uint32_t>>> answer_analogies(const RowsView& vocabulary,
                                                                 std::span<const AnalogyQuestion> questions,
                                                                 std::span<const AnalogyMethod> methods,
                                                                 const AnalysisRun& run);

}  // namespace asterism
