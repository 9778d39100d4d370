#include "service/classify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "service/class_names.hpp"

namespace asterism::service {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Probabilities, are_a_softmax_that_large_logits_do_not_break) {
  const std::vector<float> logits{1000.0F, 1000.0F + std::log(3.0F), -1000.0F};
  const auto chances = probabilities(logits, false);
  EXPECT_NEAR(chances[0], 0.25, 1e-5);
  EXPECT_NEAR(chances[1], 0.75, 1e-5);
  EXPECT_EQ(chances[2], 0.0);
}

TEST(Probabilities, are_a_sigmoid_each_for_itself) {
  const std::vector<float> logits{0.0F, std::log(4.0F), -1000.0F};
  const auto chances = probabilities(logits, true);
  EXPECT_NEAR(chances[0], 0.5, 1e-7);
  EXPECT_NEAR(chances[1], 0.8, 1e-7);
  EXPECT_EQ(chances[2], 0.0);
  EXPECT_THAT(probabilities({}, false), IsEmpty());
}

TEST(SplitLabels, drops_blanks_and_empty_labels) {
  EXPECT_THAT(split_labels(" a dog, a cat ,,\t", ','), ElementsAre("a dog", "a cat"));
  EXPECT_THAT(split_labels("a, b\r\n\r\nc", '\n'), ElementsAre("a, b", "c"));
  EXPECT_THAT(split_labels("", ','), IsEmpty());
}

class ClassNames : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::vector<std::string> names(std::string_view config, std::size_t count) const {
    std::ofstream(folder_ / "config.json") << config;
    return class_names(folder_, count);
  }
  std::filesystem::path folder_;
};

TEST_F(ClassNames, are_those_of_either_library) {
  EXPECT_THAT(names(R"({"id2label": {"1": "b", "0": "a"}})", 2), ElementsAre("a", "b"));
  EXPECT_THAT(names(R"({"label_names": ["n01", "n02"], "label_descriptions": {"n01": "tench, fish"}})", 2),
              ElementsAre("tench, fish", "n02"));
  EXPECT_THAT(names(R"({"pretrained_cfg": {"label_names": ["a", "b"]}})", 2), ElementsAre("a", "b"));
}

TEST_F(ClassNames, that_do_not_fit_the_classifier_are_none) {
  EXPECT_THAT(names(R"({"id2label": {"0": "a"}})", 2), IsEmpty());
  EXPECT_THAT(names(R"({"id2label": {"0": "a", "2": "b"}})", 2), IsEmpty());
  EXPECT_THAT(names(R"({"id2label": {"0": "a", "00": "b"}})", 2), IsEmpty());
  EXPECT_THAT(names(R"({"label_names": ["a", "b", "c"]})", 2), IsEmpty());
  EXPECT_THAT(names(R"({"label_names": ["a", 1]})", 2), IsEmpty());
  EXPECT_THAT(names("{", 2), IsEmpty());
  EXPECT_THAT(class_names(folder_ / "nowhere", 2), IsEmpty());
}

TEST(Classify, one_label_past_the_most_and_a_template_without_a_place_are_refused) {
  const auto ignore = [](const ClassifiedRow&) -> Result<void> { return {}; };
  ClassifyRequest request;
  request.labels.assign(kLabelCountMax + 1, "a");
  EXPECT_EQ(classify(request, ignore).error().code, ErrorCode::kLimitExceeded);
  request.labels = {"a"};
  request.prompt_template = "a photo";
  EXPECT_EQ(classify(request, ignore).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace asterism::service
