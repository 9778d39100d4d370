#include "train/linear_probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/json.hpp"
#include "train/neighbour_accuracy.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/linear_probe";

LabelledVectors read_rows(const SafetensorsFile& file, const std::string& name) {
  const Tensor values = file.tensors.at(name).to_f32();
  const Tensor& labels = file.tensors.at(name + "_labels");
  LabelledVectors out{.values = {values.as<float>().begin(), values.as<float>().end()},
                      .dim = static_cast<std::size_t>(values.shape()[1]),
                      .labels = std::vector<std::int32_t>(labels.element_count())};
  std::memcpy(out.labels.data(), labels.bytes().data(), labels.bytes().size());
  return out;
}

// Points at (label, 0), a little moved.
LabelledVectors points(const std::vector<std::int32_t>& labels) {
  LabelledVectors out{.values = {}, .dim = 2, .labels = labels};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    out.values.push_back(static_cast<float>(labels[i]) + 0.01F * static_cast<float>(i));
    out.values.push_back(1.0F);
  }
  return out;
}

TEST(LinearProbe, finds_the_minimum_that_scikit_learn_finds) {
  const auto file = read_safetensors(kGolden / "probe.safetensors");
  const auto results = read_json_file(kGolden / "results.json");
  ASSERT_TRUE(file && results);
  std::size_t case_count = 0;
  for (const auto& [name, expected] : results->at("cases").items()) {
    double penalty = 0.0;
    std::memcpy(&penalty, file->tensors.at(name + "/penalty").bytes().data(), sizeof(penalty));
    const LabelledVectors train = read_rows(*file, name + "/train");
    const LabelledVectors test = read_rows(*file, name + "/test");
    const auto probe = linear_probe(train, test, {.inverse_penalty = penalty, .iteration_count_max = 1000});
    ASSERT_TRUE(probe) << probe.error().to_string();
    // The gradient is at most 1e-5 at the end and the objective strongly convex by 1 / (C rows) >= 1 / 300: the loss is
    // within (parameters * 1e-10) * 300 / 2 of the minimum, below 1e-5.
    EXPECT_NEAR(probe->loss, expected.at("loss").get<double>(), 1e-5) << name;
    // One row may stand on a border.
    EXPECT_NEAR(probe->accuracy, expected.at("accuracy").get<double>(), 1.01 / static_cast<double>(test.row_count()))
        << name;
    EXPECT_LT(probe->iteration_count, 1000) << name;
    const auto near = neighbour_accuracy(train, test);
    ASSERT_TRUE(near) << near.error().to_string();
    EXPECT_NEAR(*near, expected.at("neighbour_accuracy").get<double>(), 1.01 / static_cast<double>(test.row_count()))
        << name;
    ++case_count;
  }
  EXPECT_EQ(case_count, 4U);
}

TEST(LinearProbe, same_rows_give_the_same_figures) {
  const LabelledVectors train = points({0, 1, 2, 0, 1, 2, 1});
  const auto first = linear_probe(train, train);
  const auto second = linear_probe(train, train);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->loss, second->loss);
  EXPECT_EQ(first->iteration_count, second->iteration_count);
}

// Normal rows around the centre of their class, of which each stands there `copy_count` times.
LabelledVectors normal_rows(std::size_t row_count, std::size_t dim, std::size_t copy_count, unsigned seed) {
  constexpr std::int32_t kClassCount = 4;
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  LabelledVectors out{.values = {}, .dim = dim, .labels = {}};
  for (std::size_t row = 0; row < row_count; ++row) {
    const std::int32_t label = static_cast<std::int32_t>(row) % kClassCount;
    std::vector<float> values(dim);
    for (std::size_t i = 0; i < dim; ++i) {
      const bool is_own = static_cast<std::int32_t>(i) % kClassCount == label;
      values[i] = normal(random) + (is_own ? 0.3F : 0.0F);
    }
    for (std::size_t copy = 0; copy < copy_count; ++copy) {
      out.values.insert(out.values.end(), values.begin(), values.end());
      out.labels.push_back(label);
    }
  }
  return out;
}

TEST(LinearProbe, many_features_of_few_rows_give_the_same_minimum_in_the_space_of_the_rows) {
  // Eight copies of each row at an eighth of C are the same objective, but with too many rows for the rotation.
  constexpr std::size_t kCopyCount = 8;
  const LabelledVectors test = normal_rows(200, 300, 1, 2);
  const auto rotated = linear_probe(normal_rows(40, 300, 1, 1), test, {.inverse_penalty = 0.1});
  const auto plain = linear_probe(normal_rows(40, 300, kCopyCount, 1), test,
                                  {.inverse_penalty = 0.1 / static_cast<double>(kCopyCount)});
  ASSERT_TRUE(rotated && plain);
  // Both end with a gradient below 1e-5; the objective is strongly convex by 1 / (C rows) = 0.25.
  EXPECT_NEAR(rotated->loss, plain->loss, 1e-6);
  EXPECT_NEAR(rotated->accuracy, plain->accuracy, 1.01 / 200.0);
  EXPECT_GT(plain->accuracy, 0.4);
}

TEST(LinearProbe, threads_give_the_same_bits) {
  const LabelledVectors train = normal_rows(700, 200, 1, 1);
  const LabelledVectors test = normal_rows(500, 200, 1, 2);
  const auto alone = linear_probe(train, test);
  const auto near = neighbour_accuracy(train, test);
  ASSERT_TRUE(alone && near);
  for (const std::size_t thread_count : {2U, 3U}) {
    const auto together = linear_probe(train, test, {.thread_count = thread_count});
    ASSERT_TRUE(together);
    EXPECT_EQ(together->loss, alone->loss);
    EXPECT_EQ(together->accuracy, alone->accuracy);
    EXPECT_EQ(together->iteration_count, alone->iteration_count);
    EXPECT_EQ(neighbour_accuracy(train, test, {.thread_count = thread_count}).value(), *near);
  }
}

TEST(LinearProbe, rows_without_a_label_count_nowhere) {
  const auto all = linear_probe(points({0, 1, 2, 0, 1, 2}), points({0, 1, 2}));
  LabelledVectors more = points({0, 1, 2, 0, 1, 2, 7});
  more.labels.back() = -1;
  LabelledVectors asked = points({0, 1, 2, 9});
  asked.labels.back() = -1;
  const auto some = linear_probe(more, asked);
  ASSERT_TRUE(all && some);
  EXPECT_EQ(all->loss, some->loss);
  EXPECT_EQ(all->accuracy, some->accuracy);
}

TEST(LinearProbe, says_what_it_takes_each_row_for) {
  const LabelledVectors train = points({0, 1, 2, 0, 1, 2, 1, 0, 2});
  const LabelledVectors test = points({2, -1, 0});
  const auto probe = linear_probe(train, test);
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->predicted, (std::vector<std::int32_t>{2, -1, 0}));
  EXPECT_EQ(probe->accuracy, 1.0);
  const auto near = neighbour_labels(train, test, {.neighbour_count = 1});
  ASSERT_TRUE(near);
  EXPECT_EQ((*near)[1], -1);
}

TEST(LinearProbe, one_class_or_no_test_row_is_refused) {
  EXPECT_EQ(linear_probe(points({1, 1, 1}), points({1})).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(linear_probe(points({0, 1}), points({-1})).error().code, ErrorCode::kInvalidArgument);
}

TEST(NeighbourAccuracy, nearest_rows_vote_with_their_cosine) {
  // Two rows of class 0 at a right angle, one of class 1 nearer: with both counted, the nearer one wins by its weight.
  const LabelledVectors bank{.values = {1, 0, 1, 0.1F, 0.7F, 0.7F}, .dim = 2, .labels = {0, 0, 1}};
  const LabelledVectors queries{.values = {0, 1}, .dim = 2, .labels = {1}};
  EXPECT_EQ(neighbour_accuracy(bank, queries).value(), 1.0);
  // A flat vote is one of counts.
  EXPECT_EQ(neighbour_accuracy(bank, queries, {.neighbour_count = 20, .temperature = 1e6}).value(), 0.0);
  EXPECT_EQ(neighbour_accuracy(bank, queries, {.neighbour_count = 1, .temperature = 1e6}).value(), 1.0);
}

TEST(NeighbourAccuracy, left_out_rows_do_not_vote_for_themselves) {
  const LabelledVectors rows{.values = {1, 0, 0.9F, 0.1F, 0, 1}, .dim = 2, .labels = {0, 1, 1}};
  // Each row is asked against the two others; only the third has its own label nearest.
  EXPECT_NEAR(neighbour_accuracy_left_out(rows, {.neighbour_count = 1, .temperature = 0.07}).value(), 1.0 / 3.0, 1e-12);
  EXPECT_EQ(neighbour_accuracy(rows, rows, {.neighbour_count = 1, .temperature = 0.07}).value(), 1.0);
}

TEST(NeighbourAccuracy, more_queries_than_a_block_are_all_asked) {
  LabelledVectors bank{.values = {1, 0, 0, 1}, .dim = 2, .labels = {0, 1}};
  LabelledVectors queries{.values = {}, .dim = 2, .labels = {}};
  for (int i = 0; i < 600; ++i) {
    queries.values.insert(queries.values.end(), {1.0F, 0.1F});
    queries.labels.push_back(i < 150 ? 1 : 0);
  }
  EXPECT_EQ(neighbour_accuracy(bank, queries, {.neighbour_count = 1, .temperature = 1.0}).value(), 0.75);
}

TEST(NeighbourAccuracy, sides_without_labels_or_of_other_dimensions_are_refused) {
  const LabelledVectors rows{.values = {1, 0}, .dim = 2, .labels = {0}};
  const LabelledVectors none{.values = {1, 0}, .dim = 2, .labels = {-1}};
  const LabelledVectors wide{.values = {1, 0, 0}, .dim = 3, .labels = {0}};
  EXPECT_EQ(neighbour_accuracy(rows, none).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(neighbour_accuracy(none, rows).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(neighbour_accuracy(rows, wide).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(neighbour_accuracy_left_out(rows).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace asterism
