// Data, network and batches of a recipe together, and what a recipe's data may lack.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "models/image_family.hpp"
#include "picture_files.hpp"
#include "train/picture_index.hpp"
#include "train/task.hpp"
#include "train/teacher_vectors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::string_view kTinyResnet = R"(
[model]
architecture = "resnet"
image_size = 16
stem_width = 4
stage_widths = [4, 8, 8, 16]
stage_depths = [1, 1, 1, 1]
)";

std::string supervised(const std::string& data) {
  return fmt::format(
      "[data]\ninputs = [\"set\"]\n{}\n{}\n[objective]\nkind = \"supervised\"\n[training]\nbatch_size = 4", data,
      kTinyResnet);
}

void add_classes(const PictureFiles& files, int count) {
  for (int i = 0; i < count; ++i) {
    files.add_picture(fmt::format("set/{}/{}.bmp", i % 2 == 0 ? "cat" : "dog", i), i, {12 + i % 5 * 4, 10 + i % 3});
  }
}

std::string message_of(const PictureFiles& files, const std::string& sections) {
  const auto task = make_picture_task(files.recipe(sections), files.root() / "cache", {});
  return task ? std::string("no error") : task.error().to_string();
}

// Sum of the differences, as a share of the sum of what is wanted.
double difference(std::span<const float> found, std::span<const float> wanted) {
  EXPECT_EQ(found.size(), wanted.size());
  double sum = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    sum += std::abs(static_cast<double>(found[i]) - static_cast<double>(wanted[i]));
    size += std::abs(static_cast<double>(wanted[i]));
  }
  return sum / size;
}

const Tensor& input_of(const Batch& batch) {
  const auto found = std::ranges::find(batch.feeds, kImageInput, &Feed::name);
  EXPECT_NE(found, batch.feeds.end());
  return found->tensor;
}

TEST(PictureTask, plain_rows_are_what_embed_makes_of_the_pictures) {
  const PictureFiles files;
  add_classes(files, 30);
  const Recipe recipe = files.recipe(supervised("validation_share = 0.3"));
  const auto task = make_picture_task(recipe, files.root() / "cache", {}).value();
  const BatchSource& plain = task->plain(Split::kValidation);
  ASSERT_GT(plain.row_count(), 0);
  const fs::path folder = files.root() / "model";
  ASSERT_TRUE(task->write_model(task->network().learner.parameters, std::nullopt, folder));
  // What the folder says of preprocessing, by the public API.
  const auto encoder = Encoder::load(folder.string(), {.precision = Precision::kF32}).value();
  const Batch batch = plain.batch(0, 0).value();
  const Tensor& input = input_of(batch);
  const auto of_pixels = encoder.encode_pixels({.values = input.as<float>(), .row_count = batch.rows.size()}).value();
  std::vector<std::string> bytes;
  const PictureIndex index = read_picture_index(recipe).value();
  for (const PictureRow& row : index.rows) {
    if (row.split == Split::kValidation) {
      bytes.push_back(read_file(row.name, 1 << 20).value());
    }
  }
  const std::vector<std::string_view> all(bytes.begin(), bytes.end());
  const auto of_files = encoder.encode_images(all).value();
  ASSERT_EQ(of_files.row_count, of_pixels.row_count);
  // The same pixels in batches of another size.
  EXPECT_LT(difference(of_pixels.values, of_files.values), 1e-6);
  // The test would see another size or another row.
  EXPECT_GT(difference(of_pixels.row(0), of_pixels.row(1)), 1e-4);
  EXPECT_EQ(task->labels(Split::kValidation).size(), static_cast<std::size_t>(plain.row_count()));
  const auto raw = task->raw_vector(Split::kValidation, batch.rows[0]).value();
  EXPECT_TRUE(std::ranges::equal(raw, input.as<float>().first(raw.size())));
}

TEST(PictureTask, classes_without_a_picture_that_can_be_read_are_warned_of) {
  const PictureFiles files;
  add_classes(files, 12);
  fs::create_directories(files.root() / "set/eel");
  fs::create_directories(files.root() / "set/.hidden");
  files.write("set/fox/1.bmp", "BM");
  files.write("set/fox/2.bmp", "BM too");
  const std::string shares = "validation_share = 0\ntest_share = 0";
  const auto task = make_picture_task(files.recipe(supervised(shares)), files.root() / "cache", {}).value();
  EXPECT_THAT(task->data().warnings, testing::ElementsAre(HasSubstr("class 'eel': no picture in ")));
  ASSERT_TRUE(task->plain(Split::kTrain).batch(0, 0));
  EXPECT_EQ(task->data().skipped_count, 2);
  EXPECT_THAT(
      task->data().warnings,
      testing::ElementsAre(HasSubstr("class 'eel'"), "class 'fox': none of its 2 pictures to learn from can be read"));
  // Names say what a picture is of, not folders.
  const auto named =
      make_picture_task(files.recipe(supervised(shares + "\nlabel_pattern = \"{}\"")), files.root() / "cache", {});
  EXPECT_TRUE(named->get()->data().warnings.empty());
}

TEST(PictureTask, data_that_cannot_be_learnt_from_is_refused_by_name) {
  const PictureFiles files;
  for (int i = 0; i < 10; ++i) {
    files.add_picture(fmt::format("set/cat/{}.bmp", i), i);
  }
  EXPECT_THAT(message_of(files, supervised("")), HasSubstr("at least two classes, found only 'cat'"));
  files.write("set/dog/1.bmp", "BM");
  const std::string rare = message_of(files, supervised("validation_share = 0.45\ntest_share = 0.45\nsplit_seed = 3"));
  EXPECT_THAT(rare, testing::AnyOf(HasSubstr("class 'dog' has no picture to learn from"),
                                   HasSubstr("class 'cat' has no picture to learn from")));
  const PictureFiles broken;
  for (int i = 0; i < 12; ++i) {
    broken.write(fmt::format("set/{}/{}.bmp", i % 2, i), fmt::format("BM and no more {}", i));
  }
  EXPECT_THAT(message_of(broken, supervised("")), HasSubstr("pictures to learn from can be read; the first: "));
}

TEST(PictureTask, broken_pictures_and_copies_are_counted_and_named) {
  const PictureFiles files;
  add_classes(files, 40);
  for (int i = 0; i < 40; ++i) {
    files.add_picture(fmt::format("set/{}/copy-{}.bmp", i % 2 == 0 ? "cat" : "dog", i), i,
                      {12 + i % 5 * 4, 10 + i % 3});
  }
  files.write("set/cat/broken.bmp", "BM and no more");
  const auto task =
      make_picture_task(files.recipe(supervised("validation_share = 0.2")), files.root() / "cache", {}).value();
  std::int64_t skipped = 0;
  std::int64_t rows = 0;
  for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest}) {
    const BatchSource& plain = task->plain(split);
    for (std::int64_t i = 0; i < plain.batch_count(); ++i) {
      const Batch batch = plain.batch(0, i).value();
      skipped += static_cast<std::int64_t>(batch.skipped_count);
      rows += static_cast<std::int64_t>(batch.rows.size());
    }
  }
  const DataReport& report = task->data();
  EXPECT_EQ(skipped, 1);
  EXPECT_EQ(report.skipped_count, 1);
  ASSERT_EQ(report.skipped.size(), 1U);
  EXPECT_THAT(report.skipped[0], HasSubstr("broken.bmp"));
  EXPECT_GT(report.copy_count, 0);
  EXPECT_THAT(report.copies.at(0), HasSubstr(".bmp: same as "));
  EXPECT_EQ(rows, 80 - report.copy_count);
}

TEST(PictureTask, figures_can_be_of_other_pictures_than_those_that_are_learnt_from) {
  const PictureFiles files;
  add_classes(files, 40);  // learnt from, whatever their folders are called
  for (int i = 0; i < 30; ++i) {
    files.add_picture(fmt::format("others/{}/{}.bmp",
                                  i % 3 == 0   ? "hat"
                                  : i % 3 == 1 ? "shirt"
                                               : "tie",
                                  i),
                      100 + i, {20, 14});
  }
  // One of them is learnt from, too.
  for (int i = 0; i < 30; ++i) {
    files.add_picture(fmt::format("set/again/{}.bmp", i), 100 + i, {20, 14});
  }
  const std::string recipe = fmt::format(
      "[data]\ninputs = [\"set\"]\nvalidation_share = 0.2\n{}\n[objective]\nkind = \"simclr\"\n[training]\n"
      "batch_size = 4\n[evaluation]\ninputs = [\"others\"]\n",
      kTinyResnet);
  const auto task = make_picture_task(files.recipe(recipe), files.root() / "cache", {}).value();
  const DataReport& report = task->data();
  ASSERT_TRUE(report.evaluated);
  EXPECT_EQ(report.evaluated->train_count + report.evaluated->test_count, 30);
  EXPECT_GT(report.evaluated->test_count, 0);
  EXPECT_EQ(report.evaluated->classes.size(), 3U);
  EXPECT_EQ(report.label_classes()[1].name, "shirt");
  EXPECT_TRUE(report.classes.empty());
  EXPECT_EQ(report.test_count, 0);
  // Copies of what is asked about are not learnt from; those of what is only compared with are.
  EXPECT_EQ(report.copy_count, report.evaluated->test_count);
  EXPECT_EQ(report.train_count + report.validation_count, 70 - report.copy_count);
  EXPECT_EQ(task->plain(Split::kTrain).row_count(), report.evaluated->train_count);
  EXPECT_EQ(task->plain(Split::kTest).row_count(), report.evaluated->test_count);
  EXPECT_EQ(task->plain(Split::kValidation).row_count(), 0);
  EXPECT_EQ(task->learnt().row_count(), report.train_count);
  EXPECT_EQ(task->labels(Split::kTest).size(), static_cast<std::size_t>(report.evaluated->test_count));
  EXPECT_EQ(std::ranges::count(task->labels(Split::kTest), -1), 0);
  EXPECT_GT(task->held_out().row_count(), 0);
  const Batch batch = task->plain(Split::kTest).batch(0, 0).value();
  const auto raw = task->raw_vector(Split::kTest, batch.rows[0]).value();
  EXPECT_TRUE(std::ranges::equal(raw, input_of(batch).as<float>().first(raw.size())));
}

// A teacher, and a student of it.
class Distillation : public testing::Test {
 protected:
  static constexpr int kPictureCount = 50;
  static constexpr int kViewCount = 60;

  Distillation() {
    add_classes(files_, kPictureCount);
    const auto task = make_picture_task(files_.recipe(supervised("")), files_.root() / "unused", {}).value();
    EXPECT_TRUE(task->write_model(task->network().learner.parameters, std::nullopt, files_.root() / "teacher"));
  }
  Recipe recipe() const {
    return files_.recipe(fmt::format(R"([data]
inputs = ["set"]
test_share = 0.0
{}
[objective]
kind = "distillation"
teacher = "{}"
teacher_view_count = {}
[augmentation]
crop_area_min = 0.3
flip = true
[training]
batch_size = 8
seed = 4)",
                                     kTinyResnet, (files_.root() / "teacher").string(), kViewCount));
  }
  std::vector<fs::path> parts() const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator(files_.root() / "cache")) {
      if (entry.is_regular_file()) {
        paths.push_back(entry.path());
      }
    }
    std::ranges::sort(paths);
    return paths;
  }

  PictureFiles files_;
};

TEST_F(Distillation, the_student_is_given_the_teachers_vector_of_the_view_it_sees) {
  const auto task = make_picture_task(recipe(), files_.root() / "cache", {}).value();
  const auto encoder = Encoder::load((files_.root() / "teacher").string(), {}).value();
  const Batch batch = task->training().batch(3, 0).value();
  const auto found = std::ranges::find(batch.feeds, kTeacherVectorsFeed, &Feed::name);
  ASSERT_NE(found, batch.feeds.end());
  ASSERT_EQ(found->tensor.shape(), (Shape{8, static_cast<std::int64_t>(encoder.dim())}));
  // Teacher and student take pictures of one size here, and neither changes colours: what the student is fed must have
  // the vector that it is told to learn.
  const Tensor& input = input_of(batch);
  const auto again = encoder.encode_pixels({.values = input.as<float>(), .row_count = batch.rows.size()}).value();
  const auto wanted = found->tensor.as<float>();
  const std::size_t dim = encoder.dim();
  // Rounding of the precision that the encoder chose: 2^-8 an operation in bf16.
  constexpr double kPrecision = 0.02;
  EXPECT_LT(difference(again.values, wanted), kPrecision);
  EXPECT_GT(difference(again.row(0), wanted.subspan(dim, dim)), 2.0 * kPrecision) << "another view is told apart";
}

TEST_F(Distillation, a_stopped_teacher_goes_on_and_a_changed_picture_is_looked_at_again) {
  static_assert(kPictureCount * kViewCount > kTeacherPartViewCount, "two files");
  ASSERT_TRUE(make_picture_task(recipe(), files_.root() / "cache", {}));
  const auto whole = parts();
  ASSERT_EQ(whole.size(), 2U);
  const auto first_written = fs::last_write_time(whole[0]);
  const std::string second = read_file(whole[1], 1 << 24).value();
  fs::remove(whole[1]);
  int windows = 0;
  ASSERT_TRUE(make_picture_task(recipe(), files_.root() / "cache", {.on_progress = [&](std::string_view, double share) {
                                  EXPECT_GE(share, 0.6) << "the first file is there already";
                                  ++windows;
                                }}));
  EXPECT_GT(windows, 0);
  EXPECT_EQ(fs::last_write_time(whole[0]), first_written);
  EXPECT_EQ(read_file(whole[1], 1 << 24).value(), second);
  files_.add_picture("set/cat/0.bmp", 77, {14, 10});
  ASSERT_TRUE(make_picture_task(recipe(), files_.root() / "cache", {}));
  EXPECT_EQ(parts().size(), 4U);
}

TEST_F(Distillation, stops_when_asked_and_keeps_no_half_file) {
  CancelFlag cancel;
  const auto task = make_picture_task(recipe(), files_.root() / "cache",
                                      {.cancel = &cancel, .on_progress = [&](std::string_view, double share) {
                                         if (share > 0.75) {
                                           cancel.request();
                                         }
                                       }});
  ASSERT_FALSE(task);
  EXPECT_EQ(task.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(parts().size(), 1U);
}

}  // namespace
}  // namespace asterism
