#include "analysis/analogy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "base/counter_random.hpp"
#include "base/json.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr AnalogyMethod kMethods[] = {AnalogyMethod::kCosAdd, AnalogyMethod::kCosMul, AnalogyMethod::kPairDirection};

Json golden(const std::string& path) {
  auto json = read_json_file(std::string(ASTERISM_SOURCE_DIR) + "/tests/" + path);
  return json ? *json : Json::object();
}

std::vector<float> golden_vectors() {
  std::vector<float> out;
  const Json model = golden("unit/weights/golden/word_vectors.json");
  for (const Json& row : model["values"]) {
    const auto values = row.get<std::vector<float>>();
    out.insert(out.end(), values.begin(), values.end());
  }
  return out;
}

// "w12" is row 12.
std::size_t row_of(const std::string& word) {
  return std::stoul(word.substr(1));
}

class Vocabulary {
 public:
  explicit Vocabulary(std::vector<float> values, std::size_t dim) : values_(std::move(values)), dim_(dim) {}
  RowsView view() const { return {.values = values_, .row_count = values_.size() / dim_, .dim = dim_}; }
  std::vector<float> terms(std::initializer_list<std::size_t> rows) const {
    std::vector<float> out;
    for (const std::size_t row : rows) {
      out.insert(out.end(), view().row(row).begin(), view().row(row).end());
    }
    return out;
  }

 private:
  std::vector<float> values_;
  std::size_t dim_;
};

Result<std::vector<ScoredIndex>> rank(const Vocabulary& vocabulary, std::initializer_list<std::size_t> rows,
                                      const std::vector<double>& weights, AnalogyMethod method, std::size_t k,
                                      std::size_t thread_count = 1) {
  const std::vector<float> terms = vocabulary.terms(rows);
  const auto scorer =
      AnalogyScorer::make({.values = terms, .row_count = rows.size(), .dim = vocabulary.view().dim}, weights, method);
  if (!scorer) {
    return std::unexpected(scorer.error());
  }
  ThreadPool pool(thread_count);
  return rank_analogies(vocabulary.view(), *scorer, k, std::vector<std::size_t>(rows), {.pool = pool});
}

void expect_same(const std::vector<ScoredIndex>& found, const Json& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].index, row_of(expected[i][0].get<std::string>())) << i;
    EXPECT_NEAR(found[i].score, expected[i][1].get<double>(), 1e-6 * std::max(1.0, expected[i][1].get<double>())) << i;
  }
}

TEST(Analogy, order_and_scores_are_those_of_gensim_and_the_formula) {
  const Vocabulary vocabulary(golden_vectors(), 7);
  const Json recorded = golden("golden/analysis/analogies.json");
  ASSERT_EQ(recorded["cases"].size(), 12U);
  for (const Json& one : recorded["cases"]) {
    const std::size_t a = row_of(one["a"]);
    const std::size_t b = row_of(one["b"]);
    const std::size_t c = row_of(one["c"]);
    for (const AnalogyMethod method : kMethods) {
      SCOPED_TRACE(one["a"].get<std::string>() + " " + std::string(analogy_method_name(method)));
      const auto found = rank(vocabulary, {b, a, c}, {1, -1, 1}, method, 10);
      ASSERT_TRUE(found) << found.error().to_string();
      expect_same(*found, one[std::string(analogy_method_name(method))]);
    }
  }
  const auto weighted = rank(vocabulary, {1, 2, 3}, {0.5, 2.0, -0.25}, AnalogyMethod::kCosAdd, 10);
  ASSERT_TRUE(weighted);
  expect_same(*weighted, recorded["weighted"]);
}

std::vector<float> random_values(std::size_t count, std::uint64_t seed) {
  const CounterRandom random(seed);
  std::vector<float> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(random.normal(i));
  }
  return out;
}

std::vector<AnalogyQuestion> random_questions(std::size_t count, std::uint32_t row_count) {
  const CounterRandom random(3, 1);
  std::vector<AnalogyQuestion> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(
        {random.below(3 * i, row_count), random.below(3 * i + 1, row_count), random.below(3 * i + 2, row_count)});
  }
  return out;
}

TEST(Analogy, many_answers_are_the_first_of_each_ranking) {
  constexpr std::uint32_t kRows = 2500;
  const Vocabulary vocabulary(random_values(kRows * 10, 5), 10);
  const auto questions = random_questions(60, kRows);
  ThreadPool pool(2);
  const auto answers = answer_analogies(vocabulary.view(), questions, kMethods, {.pool = pool});
  ASSERT_TRUE(answers);
  for (std::size_t m = 0; m < std::size(kMethods); ++m) {
    for (std::size_t q = 0; q < questions.size(); ++q) {
      const auto ranked =
          rank(vocabulary, {questions[q].b, questions[q].a, questions[q].c}, {1, -1, 1}, kMethods[m], 2);
      if (!ranked) {
        continue;  // the same word twice
      }
      // Where two are as good as each other in float32, either will do.
      const bool first = (*answers)[m][q] == (*ranked)[0].index;
      const bool tied = (*answers)[m][q] == (*ranked)[1].index && (*ranked)[0].score - (*ranked)[1].score < 1e-5F;
      EXPECT_TRUE(first || tied) << analogy_method_name(kMethods[m]) << " " << q;
    }
  }
}

TEST(Analogy, results_are_the_same_at_any_number_of_threads) {
  constexpr std::uint32_t kRows = 5000;
  const Vocabulary vocabulary(random_values(kRows * 16, 9), 16);
  const auto questions = random_questions(200, kRows);
  std::vector<std::vector<std::vector<std::uint32_t>>> answers;
  std::vector<std::vector<ScoredIndex>> rankings;
  for (const std::size_t threads : {1U, 2U, 3U}) {
    ThreadPool pool(threads);
    answers.push_back(*answer_analogies(vocabulary.view(), questions, kMethods, {.pool = pool}));
    rankings.push_back(*rank(vocabulary, {1, 2, 3}, {1, -1, 1}, AnalogyMethod::kCosMul, 50, threads));
  }
  for (std::size_t i = 1; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i], answers[0]);
    for (std::size_t j = 0; j < rankings[0].size(); ++j) {
      EXPECT_EQ(rankings[i][j].index, rankings[0][j].index);
      EXPECT_EQ(rankings[i][j].score, rankings[0][j].score);
    }
  }
}

TEST(Analogy, equal_rows_come_in_their_order_and_zeros_score_nothing) {
  // Four equal rows, a zero, and two directions.
  const Vocabulary vocabulary({1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 1, -1, 0}, 2);
  const auto found = rank(vocabulary, {0}, {2.0}, AnalogyMethod::kCosAdd, 10);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 6U);
  EXPECT_EQ((*found)[0].index, 1U);
  EXPECT_EQ((*found)[1].index, 2U);
  EXPECT_EQ((*found)[2].index, 3U);
  EXPECT_EQ((*found)[3].score, 0.0F);
  EXPECT_EQ((*found)[5].index, 6U);
  EXPECT_FLOAT_EQ((*found)[5].score, -1.0F);
}

TEST(Analogy, what_makes_no_sum_is_refused) {
  const Vocabulary vocabulary({1, 0, 0, 1, 0, 0, 1, 1}, 2);
  const auto message = [&](std::initializer_list<std::size_t> rows, const std::vector<double>& weights,
                           AnalogyMethod method) {
    const auto found = rank(vocabulary, rows, weights, method, 1);
    return found ? std::string("none") : found.error().message;
  };
  EXPECT_NE(message({}, {}, AnalogyMethod::kCosAdd).find("at least one term"), std::string::npos);
  EXPECT_NE(message({2}, {1}, AnalogyMethod::kCosAdd).find("term 1: expected a direction"), std::string::npos);
  EXPECT_NE(message({0, 1}, {1, 0}, AnalogyMethod::kCosMul).find("term 2"), std::string::npos);
  EXPECT_NE(message({0}, {INFINITY}, AnalogyMethod::kCosAdd).find("weight inf"), std::string::npos);
  EXPECT_NE(message({0, 0}, {1, -1}, AnalogyMethod::kCosAdd).find("do not cancel out"), std::string::npos);
  EXPECT_NE(message({0, 1}, {1, -1}, AnalogyMethod::kPairDirection).find("found 2 terms"), std::string::npos);
  EXPECT_NE(message({0, 1, 3}, {1, 1, 1}, AnalogyMethod::kPairDirection).find("two terms added"), std::string::npos);
  EXPECT_NE(message({0, 0, 3}, {1, -1, 1}, AnalogyMethod::kPairDirection).find("same direction"), std::string::npos);
  EXPECT_EQ(message({0, 1, 3}, {1, -1, 1}, AnalogyMethod::kPairDirection), "none");
  ThreadPool pool(1);
  const std::vector<AnalogyQuestion> outside{{0, 1, 9}};
  EXPECT_FALSE(answer_analogies(vocabulary.view(), outside, kMethods, {.pool = pool}));
  CancelFlag cancel;
  cancel.request();
  const std::vector<AnalogyQuestion> inside{{0, 1, 2}};
  const auto stopped = answer_analogies(vocabulary.view(), inside, kMethods, {.pool = pool, .cancel = &cancel});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace asterism
