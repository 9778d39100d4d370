// What a learner promises beside its arithmetic: averaged gradients, statistics, frozen parts, states, refused steps.
#include "graph/learner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "torch/recordings.hpp"
#include "torch/small_learner.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

bool bit_equal(const ParameterMap& a, const ParameterMap& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.shape() == y.second.shape() &&
           std::ranges::equal(x.second.bytes(), y.second.bytes());
  });
}

std::vector<Feed> rows_of(const std::vector<Feed>& feeds, std::int64_t begin, std::int64_t end) {
  std::vector<Feed> part;
  for (const Feed& feed : feeds) {
    Shape shape = feed.tensor.shape();
    const std::size_t row = feed.tensor.bytes().size() / static_cast<std::size_t>(shape[0]);
    shape[0] = end - begin;
    Tensor tensor(feed.tensor.dtype(), shape);
    std::memcpy(tensor.mutable_as<std::byte>().data(),
                feed.tensor.bytes().data() + static_cast<std::size_t>(begin) * row, tensor.bytes().size());
    part.push_back({feed.name, tensor});
  }
  return part;
}

LearnerSpec trained_classifier(ComputePrecision precision = ComputePrecision::kF32) {
  LearnerSpec spec = small_classifier();
  spec.averaged = true;
  spec.optimizer.weight_decay = 0.05;
  spec.precision = precision;
  return spec;
}

constexpr StepSettings kSettings{.learning_rate = 0.01, .average_decay = 0.9};

TEST(Learner, learns_what_can_be_learnt) {
  const auto learner = learner_of(small_classifier());
  const std::vector<Feed> feeds = classifier_batch(1);
  const double before = learner->losses(feeds).value().loss;
  StepReport report;
  for (int i = 0; i < 120; ++i) {
    report = step_of(*learner, feeds, {.learning_rate = 0.05});
  }
  EXPECT_GT(before, 1.0);  // four classes: chance is 1.39
  EXPECT_LT(report.loss, 0.2);
  EXPECT_EQ(report.terms.size(), 1U);
  EXPECT_GT(report.gradient_norm, 0.0);
  EXPECT_EQ(learner->device(), "cpu");
}

TEST(Learner, micro_batches_count_by_their_weight) {
  LearnerSpec spec = two_layers(two_layer_parameters());
  spec.optimizer.kind = OptimizerKind::kSgd;
  const auto whole = learner_of(spec);
  const auto parts = learner_of(spec);
  const std::vector<Feed> feeds = two_layer_batch(1);
  const StepReport expected = step_of(*whole, feeds, {.learning_rate = 0.5});
  const std::array batches{MicroBatch{rows_of(feeds, 0, 2), 2.0}, MicroBatch{rows_of(feeds, 2, 6), 4.0}};
  const StepReport found = parts->step(batches, {.learning_rate = 0.5}).value();
  EXPECT_NEAR(found.loss, expected.loss, 1e-6);
  EXPECT_NEAR(found.gradient_norm, expected.gradient_norm, 1e-6);
  const ParameterMap wanted = whole->parameters(WeightsOf::kTrained).value();
  const ParameterMap found_parameters = parts->parameters(WeightsOf::kTrained).value();
  for (const auto& [name, tensor] : found_parameters) {
    EXPECT_LE(relative_difference(tensor, wanted.find(name)->second), 1e-6) << name;
  }
}

TEST(Learner, weights_of_the_losses_add_up) {
  LearnerSpec spec = two_layers(two_layer_parameters());
  spec.losses[0].weight = 0.5;
  spec.losses.push_back({.name = "size", .kind = LossKind::kCodeMagnitude, .weight = 3.0, .outputs = {"1"}});
  const auto learner = learner_of(spec);
  const StepReport report = learner->losses(two_layer_batch(1)).value();
  ASSERT_EQ(report.terms.size(), 2U);
  EXPECT_GT(report.terms[1], 0.0);
  EXPECT_NEAR(report.loss, 0.5 * report.terms[0] + 3.0 * report.terms[1], 1e-6);
}

// torch.nn.BatchNorm2d: the running variance takes the unbiased variance of the batch.
TEST(Learner, a_batch_norm_learns_its_statistics_and_evaluation_uses_them) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kRowDim, 1, 1, 2});
  const ValueId norm = b.batch_norm(
      "bn",
      {x, b.parameter("weight", {1}), b.parameter("bias", {1}), b.parameter("mean", {1}), b.parameter("variance", {1})},
      0.0);
  LearnerSpec spec;
  spec.graphs.emplace(kTrainGraph, b.finish(std::array{norm}).value());
  spec.parameters = {{"weight", filled_tensor({1}, 1.0F)},
                     {"bias", filled_tensor({1}, 0.0F)},
                     {"mean", filled_tensor({1}, 2.0F)},
                     {"variance", filled_tensor({1}, 1.0F)}};
  spec.losses.push_back({.name = "size", .kind = LossKind::kCodeMagnitude, .outputs = {"bn"}});
  spec.batch_norm_momentum = 0.25;
  spec.averaged = true;
  const auto learner = learner_of(std::move(spec));
  Tensor values(DType::kF32, {2, 1, 1, 2});
  std::ranges::copy(std::array{1.0F, 2.0F, 3.0F, 6.0F}, values.mutable_as<float>().begin());
  // Mean 3, variance 3.5 (14 / 4), unbiased 14 / 3. Mean of |x - 3| / sqrt(3.5) is 1.5 / sqrt(3.5).
  const StepReport report = step_of(*learner, {{"x", values}}, {.learning_rate = 0.0, .average_decay = 0.5});
  EXPECT_NEAR(report.loss, 1.5 / std::sqrt(3.5), 1e-6);
  const ParameterMap after = learner->parameters(WeightsOf::kTrained).value();
  EXPECT_NEAR(after.find("mean")->second.as<float>()[0], 0.75F * 2.0F + 0.25F * 3.0F, 1e-6F);
  EXPECT_NEAR(after.find("variance")->second.as<float>()[0], 0.75F + 0.25F * 14.0F / 3.0F, 1e-6F);
  const ParameterMap average = learner->parameters(WeightsOf::kAverage).value();
  EXPECT_NEAR(average.find("mean")->second.as<float>()[0], 0.5F * 2.0F + 0.5F * 2.25F, 1e-6F);
  const std::vector<std::string> outputs{"bn"};
  const Tensor evaluated = learner->run(kTrainGraph, {{"x", values}}, outputs, WeightsOf::kTrained).value().at(0);
  EXPECT_NEAR(evaluated.as<float>()[3], (6.0F - 2.25F) / std::sqrt(0.75F + 3.5F / 3.0F), 1e-5F);
}

TEST(Learner, a_frozen_part_stays_and_its_batch_norm_too) {
  LearnerSpec spec = trained_classifier();
  for (const std::string name : {"conv.weight", "bn.weight", "bn.bias"}) {
    spec.rules.emplace(name, ParameterRule{.trained = false});
  }
  const ParameterMap before = spec.parameters;
  const auto learner = learner_of(std::move(spec));
  for (unsigned i = 0; i < 3; ++i) {
    step_of(*learner, classifier_batch(i), kSettings);
  }
  const ParameterMap learner_parameters = learner->parameters(WeightsOf::kTrained).value();
  for (const auto& [name, tensor] : learner_parameters) {
    const bool same = std::ranges::equal(tensor.bytes(), before.find(name)->second.bytes());
    EXPECT_EQ(same, !name.starts_with("head")) << name;
  }
}

TEST(Learner, a_restored_learner_goes_on_with_the_same_bits) {
  for (const ComputePrecision precision : {ComputePrecision::kF32, ComputePrecision::kBF16}) {
    for (const std::size_t threads : {1U, 2U}) {
      SCOPED_TRACE(testing::Message() << (precision == ComputePrecision::kF32 ? "f32" : "bf16") << ", " << threads);
      LearnerSpec spec = trained_classifier(precision);
      spec.thread_count = threads;
      const auto straight = learner_of(spec);
      const auto first = learner_of(spec);
      const auto second = learner_of(spec);
      for (unsigned i = 0; i < 6; ++i) {
        step_of(*straight, classifier_batch(i), kSettings);
      }
      for (unsigned i = 0; i < 3; ++i) {
        step_of(*first, classifier_batch(i), kSettings);
      }
      ASSERT_TRUE(second->restore(first->state().value()));
      for (unsigned i = 3; i < 6; ++i) {
        step_of(*second, classifier_batch(i), kSettings);
      }
      EXPECT_TRUE(bit_equal(straight->state().value(), second->state().value()));
    }
  }
}

TEST(Learner, a_step_that_is_not_finite_changes_nothing_and_names_its_batch) {
  const auto learner = learner_of(trained_classifier());
  step_of(*learner, classifier_batch(1), kSettings);
  const ParameterMap before = learner->state().value();
  std::vector<Feed> bad = classifier_batch(2);
  bad[0].tensor.mutable_as<float>()[7] = std::numeric_limits<float>::quiet_NaN();
  const std::array batches{MicroBatch{classifier_batch(3)}, MicroBatch{bad}};
  const auto report = learner->step(batches, kSettings);
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_FALSE(report->finite);
  EXPECT_EQ(report->bad_batch, 1U);
  EXPECT_TRUE(bit_equal(before, learner->state().value()));
  const auto twin = learner_of(trained_classifier());
  ASSERT_TRUE(twin->restore(before));
  EXPECT_EQ(step_of(*learner, classifier_batch(4), kSettings).loss,
            step_of(*twin, classifier_batch(4), kSettings).loss);
  EXPECT_TRUE(bit_equal(twin->state().value(), learner->state().value()));
}

TEST(Learner, bf16_is_close_to_f32_and_keeps_f32_parameters) {
  const auto exact = learner_of(trained_classifier());
  const auto rounded = learner_of(trained_classifier(ComputePrecision::kBF16));
  const double a = step_of(*exact, classifier_batch(1), kSettings).loss;
  const double b = step_of(*rounded, classifier_batch(1), kSettings).loss;
  EXPECT_NE(a, b);
  EXPECT_NEAR(a, b, 0.02);  // 8 bits of values around 1, through two products
  const ParameterMap rounded_parameters = rounded->parameters(WeightsOf::kTrained).value();
  for (const auto& [name, tensor] : rounded_parameters) {
    EXPECT_EQ(tensor.dtype(), DType::kF32) << name;
  }
}

// Old versions of torch lack gradients of some activations in bfloat16.
TEST(Learner, every_activation_learns_in_bf16_as_in_f32) {
  for (const Activation activation : all_activations()) {
    SCOPED_TRACE(activation_name(activation));
    const auto step_with = [&](ComputePrecision precision) {
      LearnerSpec spec = two_layers(two_layer_parameters(), activation);
      spec.precision = precision;
      const auto learner = learner_of(std::move(spec));
      return step_of(*learner, two_layer_batch(1), kSettings);
    };
    const StepReport exact = step_with(ComputePrecision::kF32);
    const StepReport rounded = step_with(ComputePrecision::kBF16);
    EXPECT_GT(rounded.gradient_norm, 0.0);
    EXPECT_NEAR(rounded.gradient_norm, exact.gradient_norm, 0.05 * exact.gradient_norm);
  }
}

TEST(Learner, a_state_of_another_learner_is_refused_with_names) {
  const auto learner = learner_of(trained_classifier());
  ParameterMap state = learner->state().value();
  state.erase("average.head.bias");
  state.emplace("parameters.tail.bias", filled_tensor({4}, 0.0F));
  state.insert_or_assign("optimizer.first.conv.weight", filled_tensor({6, 3, 3, 2}, 0.0F));
  const ParameterMap before = learner->state().value();
  const auto result = learner->restore(state);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(result.error().message, HasSubstr("missing: average.head.bias"));
  EXPECT_THAT(result.error().message, HasSubstr("extra: parameters.tail.bias"));
  EXPECT_THAT(result.error().message, HasSubstr("misshaped: optimizer.first.conv.weight"));
  EXPECT_TRUE(bit_equal(before, learner->state().value()));
}

// data2vec in small: the teacher's layers are the student's own, by averaged weights.
TEST(Learner, a_teacher_runs_on_averaged_weights) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kRowDim, 3, 4});
  const ValueId y = b.linear("y", x, b.parameter("w", {4, 4}), b.parameter("b", {4}));
  const Graph graph = b.finish(std::array{y}).value();
  LearnerSpec spec;
  spec.graphs.emplace(kTrainGraph, graph);
  spec.graphs.emplace(kTeacherGraph, graph);
  spec.parameters = {{"w", random_tensor({4, 4}, 1)}, {"b", random_tensor({4}, 2)}};
  spec.losses.push_back({.name = "layers",
                         .kind = LossKind::kLayerRegression,
                         .outputs = {"y"},
                         .feeds = {"mask"},
                         .teacher_outputs = {"y"}});
  EXPECT_THAT(make_torch_learner(spec).error().message, HasSubstr("averaged must be set"));
  spec.averaged = true;
  const auto learner = learner_of(std::move(spec));
  const std::vector<Feed> feeds{{"x", random_tensor({2, 3, 4}, 3)}, {"mask", filled_tensor({2, 3}, 1.0F)}};
  const double first = step_of(*learner, feeds, {.learning_rate = 0.05, .average_decay = 1.0}).loss;
  double last = first;
  for (int i = 0; i < 150; ++i) {
    last = step_of(*learner, feeds, {.learning_rate = 0.05, .average_decay = 1.0}).loss;
  }
  // With a teacher that never moves, the student learns its normalised layers.
  EXPECT_LT(last, 0.3 * first);
  const std::vector<std::string> outputs{"y"};
  const auto teacher = learner->run(kTeacherGraph, feeds, outputs, WeightsOf::kAverage).value();
  const auto student = learner->run(kTeacherGraph, feeds, outputs, WeightsOf::kTrained).value();
  EXPECT_GT(relative_difference(student[0], teacher[0]), 0.01);
}

struct BadSpec {
  std::string says;
  std::function<void(LearnerSpec&)> spoil;
};

TEST(Learner, a_spec_that_contradicts_itself_is_refused) {
  const std::vector<BadSpec> cases{
      {"graph \"train\"", [](LearnerSpec& spec) { spec.graphs.clear(); }},
      {"0.weight", [](LearnerSpec& spec) { spec.parameters.erase("0.weight"); }},
      {"at least 1 thread", [](LearnerSpec& spec) { spec.thread_count = 0; }},
      {"\"3.weight\"", [](LearnerSpec& spec) { spec.rules.emplace("3.weight", ParameterRule{}); }},
      {"expected 1 outputs",
       [](LearnerSpec& spec) {
         spec.losses[0].outputs = {"2", "1"};
       }},
      {"expected 1 or 2 feeds, found 0", [](LearnerSpec& spec) { spec.losses[0].feeds = {}; }},
      {"nowhere", [](LearnerSpec& spec) { spec.losses[0].outputs = {"nowhere"}; }},
      {"temperature above 0",
       [](LearnerSpec& spec) { spec.losses[0] = {.name = "views", .kind = LossKind::kNtXent, .outputs = {"2"}}; }},
      {"compares with no teacher",
       [](LearnerSpec& spec) {
         spec.losses[0].teacher_outputs = {"2"};
         spec.averaged = true;
       }},
      {"parameter that can be learnt before \"2\"",
       [](LearnerSpec& spec) {
         for (const auto& [name, tensor] : spec.parameters) {
           spec.rules.emplace(name, ParameterRule{.trained = false});
         }
       }},
  };
  for (const BadSpec& c : cases) {
    LearnerSpec spec = two_layers(two_layer_parameters());
    c.spoil(spec);
    const auto learner = make_torch_learner(std::move(spec));
    ASSERT_FALSE(learner) << c.says;
    EXPECT_THAT(learner.error().to_string(), HasSubstr(c.says));
  }
}

void expect_refused(Learner& learner, std::vector<Feed> feeds, const std::string& says) {
  const std::array batches{MicroBatch{std::move(feeds)}};
  const auto report = learner.step(batches, kSettings);
  ASSERT_FALSE(report) << says;
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(report.error().message, HasSubstr(says));
}

TEST(Learner, bad_batches_are_refused_and_the_next_step_works) {
  const auto learner = learner_of(trained_classifier());
  std::vector<Feed> feeds = classifier_batch(1);
  expect_refused(*learner, {feeds[0]}, "expected the feed \"labels\"");
  expect_refused(*learner, {feeds[1]}, "feed \"input\"");
  expect_refused(*learner, {feeds[0], {"labels", labels_tensor(7, 4)}}, "expected i32 [8], found i32 [7]");
  expect_refused(*learner, {feeds[0], {"labels", labels_tensor(8, 5)}}, "expected labels from -1 to 3, found 4");
  expect_refused(*learner, {feeds[0], {"labels", filled_tensor({8}, 0.0F)}}, "found f32 [8]");
  expect_refused(*learner, classifier_batch(1, 0), "at least one row");
  EXPECT_FALSE(learner->step({}, kSettings));
  const std::array batches{MicroBatch{feeds}};
  EXPECT_FALSE(learner->step(batches, {.learning_rate = -1.0}));
  EXPECT_TRUE(step_of(*learner, feeds, kSettings).finite);
}

TEST(Learner, one_row_is_too_few_for_a_batch_norm_over_vectors) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kRowDim, 2});
  const ValueId norm = b.batch_norm(
      "bn",
      {x, b.parameter("weight", {2}), b.parameter("bias", {2}), b.parameter("mean", {2}), b.parameter("variance", {2})},
      1e-5);
  LearnerSpec spec;
  spec.graphs.emplace(kTrainGraph, b.finish(std::array{norm}).value());
  for (const std::string name : {"weight", "bias", "mean", "variance"}) {
    spec.parameters.emplace(name, filled_tensor({2}, 1.0F));
  }
  spec.losses.push_back({.name = "size", .kind = LossKind::kCodeMagnitude, .outputs = {"bn"}});
  const auto learner = learner_of(std::move(spec));
  expect_refused(*learner, {{"x", random_tensor({1, 2}, 1)}}, "at least 2 rows");
}

TEST(Learner, cuda_without_cuda_says_so) {
  LearnerSpec spec = two_layers(two_layer_parameters());
  spec.device = LearnerDevice::kCuda;
  const auto learner = make_torch_learner(std::move(spec));
  if (learner) {
    EXPECT_EQ((*learner)->device(), "cuda");
    return;
  }
  EXPECT_EQ(learner.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(learner.error().message, HasSubstr("cuda"));
}

}  // namespace
}  // namespace asterism
