#include "train/trainer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fake_training.hpp"
#include "scratch_folder.hpp"
#include "train/checkpoint_store.hpp"
#include "train/evaluation_vectors.hpp"
#include "train/metrics_file.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::string_view kRecipeText = R"toml(
[data]
inputs = "points"
[model]
architecture = "lenet"
[objective]
kind = "supervised"
[training]
epochs = 6
average_decay = 0.9
average_ramp_epochs = 2
[optimizer]
learning_rate = 0.05
[schedule]
warmup_epochs = 1
)toml";

class TrainerTest : public testing::Test {
 protected:
  Recipe recipe(const std::vector<std::string>& overrides = {}) const {
    auto made = parse_recipe(kRecipeText, "r.toml", overrides);
    EXPECT_TRUE(made) << made.error().to_string();
    return *made;
  }
  // Trains in folder `name` below the test's own.
  Result<TrainResult> run(const std::string& name, const Recipe& recipe, FakeLearner& learner,
                          const TrainOptions& options = {}) const {
    const FakeTask task;
    const auto folder = RunFolder::open(root_ / name);
    if (!folder) {
      return std::unexpected(folder.error());
    }
    return train({.recipe = &recipe, .task = &task, .learner = &learner, .folder = &*folder}, options);
  }
  Result<TrainResult> run(const std::string& name, const std::vector<std::string>& overrides = {}) const {
    FakeLearner learner;
    return run(name, recipe(overrides), learner);
  }
  std::string bytes(const std::string& name) const {
    return read_file(root_ / name, 1 << 20).value_or("missing " + name);
  }
  std::vector<std::string> checkpoints(const std::string& name) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(root_ / name / "checkpoints")) {
      found.push_back(entry.path().filename().string());
    }
    std::ranges::sort(found);
    return found;
  }
  const ScratchFolder scratch_{"trainer"};
  const fs::path root_ = scratch_.path();
};

TEST_F(TrainerTest, run_learns_and_leaves_model_metrics_and_checkpoints) {
  const auto result = run("a");
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->progress.step, 72);  // 100 rows in batches of 8, the last not full: 12 a step
  EXPECT_EQ(result->split, "test");
  EXPECT_EQ(result->weights, "average");
  ASSERT_TRUE(result->trained.probe_accuracy && result->untrained.neighbour_accuracy && result->raw.probe_accuracy);
  EXPECT_GT(*result->trained.probe_accuracy, 0.95);
  EXPECT_GT(*result->untrained.neighbour_accuracy, 0.5);
  EXPECT_GE(*result->trained.class_accuracy, *result->untrained.class_accuracy + 0.1);
  EXPECT_THAT(checkpoints("a"),
              testing::ElementsAre("best.safetensors", "step-0000000060.safetensors", "step-0000000072.safetensors"));
  EXPECT_EQ(bytes("a/recipe.toml"), kRecipeText);
  const auto rows = read_metrics(root_ / "a" / "metrics.csv");
  ASSERT_TRUE(rows) << rows.error().to_string();
  ASSERT_EQ(rows->size(), 72U);
  EXPECT_LT(rows->back().values.at("loss"), 0.7 * rows->front().values.at("loss"));
  EXPECT_TRUE(rows->back().values.contains("validation_loss"));
  EXPECT_FALSE(rows->at(70).values.contains("validation_loss"));
  double last_epoch = 0.0;
  for (std::size_t i = 60; i < 72; ++i) {
    last_epoch += rows->at(i).values.at("loss") / 12.0;
  }
  // Rows hold nine digits.
  EXPECT_NEAR(result->progress.last_metrics.at("loss"), last_epoch, 1e-8);
  EXPECT_NEAR(rows->at(5).values.at("learning_rate"), 0.05 * 6 / 12, 1e-9);
}

TEST_F(TrainerTest, vectors_of_evaluations_are_kept_for_the_rows_that_are_evaluated) {
  ASSERT_TRUE(run("a", {"training.evaluation_vectors=10"}));
  const auto rows = read_evaluation_rows(root_ / "a");
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 10U) << "of 40 rows of the validation split";
  EXPECT_EQ((*rows)[0].split, "validation");
  const auto files = list_evaluations(root_ / "a");
  ASSERT_EQ(files.size(), 7U) << "before the first step, and after each of six epochs";
  const auto first = read_evaluation(files.front(), rows->size());
  const auto last = read_evaluation(files.back(), rows->size());
  ASSERT_TRUE(first && last);
  EXPECT_EQ(first->step, 0);
  EXPECT_EQ(last->epoch, 6);
  EXPECT_EQ(last->dim, 4U);
  EXPECT_NE(first->vectors, last->vectors);
  EXPECT_TRUE(is_training_run(root_ / "a"));
  EXPECT_EQ(read_evaluation(files.front(), 11).error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(run("none", {"training.evaluation_vectors=0"}));
  EXPECT_EQ(read_evaluation_rows(root_ / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(bytes("a/model.safetensors"), bytes("none/model.safetensors"));
}

TEST(EvaluationVectors, long_runs_keep_those_of_a_few_epochs_and_the_last) {
  for (const auto& [epochs, every] : std::vector<std::pair<std::int64_t, std::int64_t>>{{10, 1}, {1000, 1}, {300, 7}}) {
    std::int64_t kept = 0;
    for (std::int64_t epoch = 0; epoch <= epochs; ++epoch) {
      kept += keeps_vectors_of(epoch, epochs, every) ? 1 : 0;
    }
    EXPECT_LE(kept, kEvaluationCountMax + 2) << epochs;
    EXPECT_GE(kept, std::min<std::int64_t>(epochs / every, kEvaluationCountMax / 2)) << epochs;
    EXPECT_TRUE(keeps_vectors_of(0, epochs, every));
    EXPECT_TRUE(keeps_vectors_of(epochs, epochs, every));
  }
}

TEST_F(TrainerTest, run_killed_at_any_step_ends_with_the_same_bytes) {
  const std::vector<std::string> overrides{"training.checkpoint_steps=5", "training.early_stopping_epochs=4"};
  ASSERT_TRUE(run("whole", overrides));
  std::mt19937 random(7);
  int kill_count = 0;
  while (kill_count < 25) {
    const std::string name = "killed" + std::to_string(kill_count);
    while (true) {
      const pid_t child = ::fork();
      if (child == 0) {
        FakeLearner slow;
        slow.step_delay = std::chrono::microseconds(300);
        ::_exit(run(name, recipe(overrides), slow) ? 0 : 1);
      }
      // Longer with each kill, so that a slow machine gets past its start as well.
      std::this_thread::sleep_for(
          std::chrono::microseconds(std::uniform_int_distribution<int>(0, 20'000 + 3'000 * kill_count)(random)));
      ::kill(child, SIGKILL);
      int status = 0;
      ::waitpid(child, &status, 0);
      if (WIFEXITED(status)) {
        ASSERT_EQ(WEXITSTATUS(status), 0);
        break;
      }
      ASSERT_LT(++kill_count, 500) << "the run makes no progress";
    }
    EXPECT_EQ(bytes(name + "/model.safetensors"), bytes("whole/model.safetensors"));
    for (const auto& entry : fs::recursive_directory_iterator(root_ / name)) {
      EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path();
    }
    const auto expected = read_metrics(root_ / "whole" / "metrics.csv");
    const auto found = read_metrics(root_ / name / "metrics.csv");
    ASSERT_TRUE(expected && found);
    ASSERT_EQ(found->size(), expected->size());
    for (std::size_t i = 0; i < found->size(); ++i) {
      EXPECT_EQ(found->at(i).step, expected->at(i).step);
      EXPECT_EQ(found->at(i).values.at("loss"), expected->at(i).values.at("loss"));
    }
  }
}

TEST_F(TrainerTest, whitened_model_is_the_same_after_a_stop_and_when_it_is_fitted_later) {
  const auto whole = run("whole", {"output.whitening=1"});
  ASSERT_TRUE(whole) << whole.error().to_string();
  EXPECT_EQ(whole->dim, 1);
  EXPECT_EQ(whole->encoded.bank.vectors.dim, 1U);
  const std::string model = bytes("whole/model.safetensors");
  EXPECT_THAT(model, HasSubstr("vector_projection.weight"));
  CancelFlag cancel;
  TrainOptions options;
  options.cancel = &cancel;
  FakeLearner stopped;
  stopped.on_step = [&](std::int64_t step) { step == 40 ? cancel.request() : void(); };
  EXPECT_EQ(run("parts", recipe({"output.whitening=1"}), stopped, options).error().code, ErrorCode::kCancelled);
  ASSERT_TRUE(run("parts", {"output.whitening=1"}));
  EXPECT_EQ(bytes("parts/model.safetensors"), model);
  const auto plain = run("later");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->dim, kFakeClassCount);
  EXPECT_THAT(bytes("later/model.safetensors"), testing::Not(HasSubstr("vector_projection")));
  const auto later = run("later", {"output.whitening=1"});
  ASSERT_TRUE(later) << later.error().to_string();
  EXPECT_EQ(bytes("later/model.safetensors"), model);
  EXPECT_EQ(to_json(later->trained), to_json(whole->trained));
  // Measured again by the new whitening, with the weights before the first step.
  EXPECT_EQ(to_json(later->untrained), to_json(whole->untrained));
  EXPECT_NE(to_json(whole->untrained), to_json(plain->untrained));
}

TEST_F(TrainerTest, whitening_that_the_vectors_do_not_allow_is_refused_and_nothing_learnt_is_lost) {
  const auto many = run("a", {"output.whitening=5"});
  ASSERT_FALSE(many);
  EXPECT_THAT(many.error().message, HasSubstr("\"whitening\": expected at most 4, the values of the vector, found 5"));
  EXPECT_FALSE(fs::exists(root_ / "a/metrics.csv"));
  // Four scores of three values vary along three directions.
  const auto flat = run("a", {"output.whitening=4"});
  ASSERT_FALSE(flat);
  EXPECT_THAT(flat.error().message, HasSubstr("vary along, 3, found 4"));
  EXPECT_FALSE(fs::exists(root_ / "a/model.safetensors"));
  FakeLearner learner;
  std::int64_t step_count = 0;
  learner.on_step = [&](std::int64_t) { ++step_count; };
  EXPECT_TRUE(run("a", recipe({"output.whitening=3"}), learner));
  EXPECT_EQ(step_count, 0);
}

TEST_F(TrainerTest, cancelled_run_writes_a_checkpoint_and_goes_on) {
  ASSERT_TRUE(run("whole"));
  CancelFlag cancel;
  FakeLearner learner;
  learner.on_step = [&](std::int64_t step) {
    if (step == 16) {
      cancel.request();
    }
  };
  TrainOptions options;
  options.cancel = &cancel;
  const auto stopped = run("a", recipe(), learner, options);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  EXPECT_THAT(stopped.error().message, HasSubstr("stopped after step 17 of 72"));
  FakeLearner again;
  std::int64_t first_step = -1;
  again.on_step = [&](std::int64_t step) { first_step = first_step < 0 ? step : first_step; };
  ASSERT_TRUE(run("a", recipe(), again));
  EXPECT_EQ(first_step, 17);
  EXPECT_EQ(bytes("a/model.safetensors"), bytes("whole/model.safetensors"));
}

TEST_F(TrainerTest, cancel_while_an_epoch_is_evaluated_loses_no_step) {
  ASSERT_TRUE(run("whole"));
  CancelFlag cancel;
  FakeLearner learner;
  TrainOptions options;
  options.cancel = &cancel;
  options.on_event = [&](const TrainEvent& event) {
    if (event.kind == TrainEventKind::kStage && event.step == 24) {
      cancel.request();
    }
  };
  EXPECT_EQ(run("a", recipe(), learner, options).error().code, ErrorCode::kCancelled);
  EXPECT_THAT(checkpoints("a"), testing::Contains("step-0000000024.safetensors"));
  ASSERT_TRUE(run("a"));
  EXPECT_EQ(bytes("a/model.safetensors"), bytes("whole/model.safetensors"));
  const auto rows = read_metrics(root_ / "a" / "metrics.csv");
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->size(), 72U);
  EXPECT_TRUE(rows->at(23).values.contains("validation_loss"));
}

TEST_F(TrainerTest, cancel_before_the_first_step_and_after_the_last_says_what_is_kept) {
  const std::array<std::pair<std::int64_t, std::string>, 2> cases{
      {{0, "nothing has been learnt yet"}, {72, "goes on after step 72"}}};
  for (const auto& [step, words] : cases) {
    CancelFlag cancel;
    FakeLearner learner;
    TrainOptions options;
    options.cancel = &cancel;
    bool is_saved = step == 0;
    options.on_event = [&](const TrainEvent& event) {
      is_saved = is_saved || (event.kind == TrainEventKind::kCheckpoint && event.step == step);
      if (event.kind == TrainEventKind::kStage && event.step == step && is_saved) {
        cancel.request();
      }
    };
    const auto stopped = run("a", recipe(), learner, options);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
    EXPECT_THAT(stopped.error().hint, HasSubstr(words));
  }
}

TEST_F(TrainerTest, loss_that_is_not_finite_stops_with_the_rows_and_keeps_the_last_checkpoint) {
  FakeLearner learner;
  learner.bad_step = 30;
  const auto stopped = run("a", recipe(), learner);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(stopped.error().message, HasSubstr("not a finite number in epoch 3, step 31, batch of rows "));
  EXPECT_THAT(stopped.error().message, HasSubstr("; the checkpoint of step 24 is kept"));
  EXPECT_THAT(stopped.error().hint, HasSubstr("learning_rate"));
  EXPECT_THAT(checkpoints("a"), testing::Contains("step-0000000024.safetensors"));
}

TEST_F(TrainerTest, micro_batches_of_a_step_count_as_one_larger_batch) {
  const auto result = run("a", {"training.accumulation=5"});
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->length.steps_per_epoch, 2);
  EXPECT_EQ(result->progress.row_count, 6 * 2 * 5 * 8);
}

TEST_F(TrainerTest, early_stopping_writes_the_best_epoch) {
  // A rate that throws the weights about: later epochs are worse than an early one.
  const auto result =
      run("a", {"training.epochs=40", "training.early_stopping_epochs=3", "optimizer.learning_rate=3",
                "schedule.kind=constant", "training.average_decay=0", "training.average_ramp_epochs=0"});
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_TRUE(result->progress.stopped_early);
  EXPECT_EQ(result->weights, "best");
  const std::int64_t epochs = result->progress.step / result->length.steps_per_epoch;
  EXPECT_LT(epochs, 40);
  EXPECT_EQ(result->progress.best_epoch, epochs - 3);
  const auto model = read_safetensors(root_ / "a" / "model.safetensors");
  const auto best = read_safetensors(root_ / "a" / "checkpoints" / "best.safetensors");
  ASSERT_TRUE(model && best);
  EXPECT_TRUE(std::ranges::equal(model->tensors.at("w").bytes(), best->tensors.at("w").bytes()));
}

TEST_F(TrainerTest, early_stopping_on_what_is_not_measured_is_refused) {
  const auto result = run("a", {"training.early_stopping_epochs=1", "training.early_stopping_metric=accuracy"});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("found 'accuracy'"));
  EXPECT_THAT(result.error().message, HasSubstr("neighbour_accuracy, probe_accuracy, validation_loss"));
}

TEST_F(TrainerTest, checkpoint_of_another_recipe_is_refused_with_what_differs) {
  ASSERT_TRUE(run("a"));
  const auto refused = run("a", {"optimizer.learning_rate=0.1", "training.seed=4"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(refused.error().message, HasSubstr("training.seed: 0 there, 4 here"));
  EXPECT_THAT(refused.error().message, HasSubstr("optimizer.learning_rate: 0.05 there, 0.1 here"));
  EXPECT_THAT(refused.error().hint, HasSubstr("--again"));
  EXPECT_TRUE(run("a", {"training.threads=7", "training.workers=3", "training.checkpoints=1", "output.whitening=2"}));
  FakeLearner learner;
  TrainOptions options;
  options.start = RunStart::kAgain;
  const auto again = run("a", recipe({"training.seed=4"}), learner, options);
  ASSERT_TRUE(again) << again.error().to_string();
}

TEST_F(TrainerTest, checkpoint_of_other_data_is_refused_with_what_differs) {
  ASSERT_TRUE(run("a", {"training.epochs=1"}));
  const Recipe once = recipe({"training.epochs=1"});
  const FakeTask task(8, {{"names", "b"}, {"sizes", "new in this version"}});
  FakeLearner learner;
  const auto folder = RunFolder::open(root_ / "a");
  ASSERT_TRUE(folder);
  const auto refused = train({.recipe = &once, .task = &task, .learner = &learner, .folder = &*folder}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(refused.error().message, HasSubstr("a checkpoint of other data: other names"));
  EXPECT_THAT(refused.error().message, testing::Not(HasSubstr("sizes"))) << "a checkpoint that knows less is no other";
}

TEST_F(TrainerTest, damaged_checkpoint_is_passed_over_for_the_one_before) {
  ASSERT_TRUE(run("whole"));
  ASSERT_TRUE(run("a"));
  fs::resize_file(root_ / "a" / "checkpoints" / "step-0000000072.safetensors", 50);
  std::string warned;
  TrainOptions options;
  options.log = [&](LogLevel, std::string_view message) { warned += message; };
  FakeLearner learner;
  std::int64_t step_count = 0;
  learner.on_step = [&](std::int64_t) { ++step_count; };
  ASSERT_TRUE(run("a", recipe(), learner, options));
  EXPECT_EQ(step_count, 12);
  EXPECT_THAT(warned, HasSubstr("step-0000000072"));
  EXPECT_EQ(bytes("a/model.safetensors"), bytes("whole/model.safetensors"));
}

TEST_F(TrainerTest, second_trainer_in_one_folder_is_refused_with_the_first_ones_pid) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = RunFolder::open(root_ / "a");
    const bool told = ::write(ends[1], "x", 1) == 1;
    ::pause();
    ::_exit(held && told ? 0 : 1);
  }
  char mark = 0;
  ASSERT_EQ(::read(ends[0], &mark, 1), 1);
  const auto refused = run("a");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_THAT(refused.error().message, HasSubstr("process " + std::to_string(child) + " trains in this folder"));
  EXPECT_TRUE(run("a"));
}

TEST_F(TrainerTest, folder_of_a_run_that_was_killed_before_its_recipe_stood_there_is_taken) {
  fs::create_directories(root_ / "a" / "checkpoints");
  ASSERT_TRUE(write_file_atomic(root_ / "a" / "recipe.toml.tmp-12-0", "[da"));
  EXPECT_TRUE(run("a"));
  EXPECT_FALSE(fs::exists(root_ / "a" / "recipe.toml.tmp-12-0"));
}

TEST_F(TrainerTest, folder_of_something_else_is_refused) {
  fs::create_directories(root_ / "a");
  ASSERT_TRUE(write_file_atomic(root_ / "a" / "config.json", "{}"));
  const auto refused = run("a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("found other files and no recipe.toml"));
}

TEST_F(TrainerTest, a_write_that_is_refused_is_one_error_and_the_last_checkpoint_stays) {
  ASSERT_TRUE(run("whole"));
  // The files of metrics and events grow: a limit on the size of files stands for a disk that fills up.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{.rlim_cur = 4'000, .rlim_max = 4'000};
    ::signal(SIGXFSZ, SIG_IGN);  // then a write past the limit fails with EFBIG
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto stopped = run("a");
    const std::string message = stopped ? "no error" : stopped.error().to_string();
    ::_exit(::write(ends[1], message.data(), message.size()) == static_cast<ssize_t>(message.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string message(1000, '\0');
  const ssize_t n = ::read(ends[0], message.data(), message.size());
  message.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  EXPECT_THAT(message, HasSubstr("cannot write"));
  EXPECT_THAT(message, HasSubstr("File too large"));
  EXPECT_THAT(checkpoints("a"), testing::Contains(testing::StartsWith("step-")));
  for (const std::string& name : checkpoints("a")) {
    EXPECT_EQ(name.find(".tmp-"), std::string::npos) << name;
  }
  ASSERT_TRUE(run("a"));
  EXPECT_EQ(bytes("a/model.safetensors"), bytes("whole/model.safetensors"));
}

}  // namespace
}  // namespace asterism
