#include "service/evaluate_analogies.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/json.hpp"

namespace asterism::service {
namespace {

const std::string kTests = std::string(ASTERISM_SOURCE_DIR) + "/tests/";
const std::string kModel = kTests + "unit/weights/golden/glove.txt";

Json golden() {
  auto json = read_json_file(kTests + "golden/analysis/analogies.json");
  return json ? *json : Json::object();
}

TEST(EvaluateAnalogies, sections_are_as_gensim_counts_them) {
  const Json recorded = golden()["evaluation"];
  AnalogyEvaluationRequest request;
  request.model = kModel;
  request.questions = kTests + "golden/analysis/analogy_questions.txt";
  request.vocabulary.word_count_max = recorded["restrict_vocab"];
  const auto found = evaluate_analogies(request);
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->word_count, 40U);
  ASSERT_EQ(found->sections.size() + 1, recorded["sections"].size()) << "gensim's last is the sum";
  for (std::size_t i = 0; i <= found->sections.size(); ++i) {
    const AnalogySection& section = i < found->sections.size() ? found->sections[i] : found->total;
    const Json& expected = recorded["sections"][i];
    EXPECT_EQ(section.right_counts[0], expected["correct"].get<std::size_t>()) << section.name;
    EXPECT_EQ(section.asked_count - section.right_counts[0], expected["incorrect"].get<std::size_t>());
  }
  EXPECT_NEAR(found->accuracy(found->total, 0), recorded["accuracy"].get<double>(), 1e-12);
  EXPECT_EQ(found->total.question_count, 41U);
  ASSERT_EQ(found->outcomes.size(), 41U);
  std::size_t right_count = 0;
  for (const AnalogyOutcome& outcome : found->outcomes) {
    ASSERT_EQ(outcome.right.size(), outcome.asked ? 1U : 0U);
    if (outcome.asked) {
      EXPECT_EQ(outcome.right[0], outcome.text.ends_with(" " + outcome.answers[0])) << outcome.text;
      right_count += outcome.right[0] ? 1U : 0U;
    }
  }
  EXPECT_EQ(right_count, found->total.right_counts[0]);
}

TEST(EvaluateAnalogies, pairs_correlate_as_gensim_and_scipy_have_it) {
  const Json recorded = golden()["pairs"];
  const auto found =
      evaluate_word_pairs({.model = kModel, .fetch = {}, .files = {kTests + "golden/analysis/word_pairs.tsv"}});
  ASSERT_TRUE(found) << found.error().to_string();
  ASSERT_EQ(found->size(), 1U);
  EXPECT_NEAR(found->front().spearman, recorded["spearman"].get<double>(), 1e-6);
  EXPECT_NEAR(found->front().pearson, recorded["pearson"].get<double>(), 1e-6);
  EXPECT_EQ(found->front().known_count, 30U);
  EXPECT_TRUE(std::isnan(found->front().outcomes.back().cosine)) << "a pair with an unknown word";
}

TEST(EvaluateAnalogies, what_is_no_task_is_refused) {
  AnalogyEvaluationRequest request;
  request.model = kModel;
  request.questions = kTests + "golden/analysis/word_pairs.tsv";
  const auto none = evaluate_analogies(request);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(none.error().message.find("expected lines of four words"), std::string::npos);
  request.model = "builtin";
  const auto other = evaluate_analogies(request);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("expected a model of word vectors, found family \"static\""), std::string::npos);
  request.methods.clear();
  EXPECT_FALSE(evaluate_analogies(request));
  EXPECT_FALSE(evaluate_word_pairs({.model = kModel, .fetch = {}, .files = {request.questions + ".missing"}}));
}

}  // namespace
}  // namespace asterism::service
