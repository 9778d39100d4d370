// The same job over images: an encoder without a model stands for the real one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.hpp"
#include "fake_encoder.hpp"
#include "weights/npy.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ImageJob : public JobTest {
 protected:
  // p/000.jpg, p/001.jpg and so on; the fake cannot decode those in `broken`.
  void write_images(int count, const std::vector<int>& broken = {}) const {
    fs::create_directory(folder / "p");
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(1000 + i).substr(1);
      const bool is_broken = std::ranges::find(broken, i) != broken.end();
      write("p/" + number + ".jpg", (is_broken ? std::string(kFakeNoImage) : "image ") + number);
    }
  }
  EmbedJobOptions image_options(const std::string& output, std::uint64_t shard_row_count = 0) const {
    EmbedJobOptions job = options((folder / "p").string(), output, shard_row_count);
    job.log = [this](LogLevel level, std::string_view message) {
      if (level == LogLevel::kWarning) {
        warnings.emplace_back(message);
      }
    };
    return job;
  }
  // Two outputs: [2, 1] and [1].
  JobEncoder two_outputs() {
    JobEncoder encoder = fake.encoder();
    encoder.outputs = {{.name = "layer/1", .shape = {2, 1}, .offset = 0, .size = 2},
                       {.name = "pool", .shape = {1}, .offset = 2, .size = 1}};
    return encoder;
  }

  mutable std::vector<std::string> warnings;
};

TEST_F(ImageJob, folder_becomes_vectors_in_the_order_of_paths) {
  write_images(150);
  write("p/notes.txt", "");
  EmbedJobOptions job = image_options("v.npy");
  job.window_row_count = 0;
  std::vector<EmbedJobProgress> seen;
  job.on_progress = [&](const EmbedJobProgress& progress) { seen.push_back(progress); };
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->row_count, 150U);
  EXPECT_EQ(done->kind, PayloadKind::kImage);
  EXPECT_EQ(done->ignored_file_count, 1U);
  EXPECT_EQ(fake.row_count_max, kWindowImageCountDefault);
  EXPECT_EQ(seen.back().kind, PayloadKind::kImage);
  EXPECT_DOUBLE_EQ(seen.back().fraction, 1.0);
  const auto tensor = read_npy(folder / "v.npy");
  float expected[kFakeDim];
  fake_vector("image 149", expected);
  EXPECT_EQ(tensor->as<float>()[149 * kFakeDim], expected[0]);
  EXPECT_THAT(read("v.npy.rows.jsonl"), HasSubstr("p/149.jpg\",\"width\":9,\"height\":1}"));
}

TEST_F(ImageJob, window_of_images_ends_at_its_bytes) {
  fs::create_directory(folder / "p");
  for (const char* name : {"p/a.jpg", "p/b.jpg", "p/c.jpg"}) {
    write(name, std::string(kWindowImageSizeBytesMax / 2, 'x'));
  }
  EmbedJobOptions job = image_options("v.npy");
  job.window_row_count = 0;
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  EXPECT_EQ(fake.row_count_max, 2U);
}

TEST_F(ImageJob, image_that_cannot_be_decoded_is_a_failed_row_like_any_other) {
  write_images(5, {1});
  fs::create_symlink(folder / "none", folder / "p/003x.jpg");
  const auto done = run_embed_job(fake.encoder(), image_options("v.npy"));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->row_count, 6U);
  EXPECT_EQ(done->failed_row_count, 2U);
  EXPECT_THAT(warnings, testing::UnorderedElementsAre(AllOf(HasSubstr("p/001.jpg: expected an image")),
                                                      HasSubstr("p/003x.jpg: cannot open")));
  const auto tensor = read_npy(folder / "v.npy");
  const auto values = tensor->as<float>();
  for (std::size_t row = 0; row < 6; ++row) {
    EXPECT_EQ(std::isnan(values[row * kFakeDim]), row == 1 || row == 4) << row;
  }
  EXPECT_THAT(read("v.npy.rows.jsonl"),
              AllOf(HasSubstr("p/001.jpg\",\"error\":{\"code\":\"corrupt\""), HasSubstr("\"failed\":2")));
}

TEST_F(ImageJob, stop_ends_at_the_image_that_cannot_be_decoded) {
  write_images(40, {25});
  EmbedJobOptions job = image_options("v.npy", 10);
  job.on_row_error = OnRowError::kStop;
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("p/025.jpg: expected an image"));
  EXPECT_TRUE(fs::exists(folder / "v-00001.npy"));
  EXPECT_FALSE(fs::exists(folder / "v-00002.npy"));
}

TEST_F(ImageJob, second_run_makes_only_what_is_missing) {
  write_images(95);
  EmbedJobOptions job = image_options("v.npy", 10);
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  const auto expected = snapshot("v");
  fs::remove(folder / "v-00003.npy");
  fs::remove(folder / "v-00008.npy");
  fake.row_count = 0;
  const auto again = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(fake.row_count, 20U);
  EXPECT_EQ(again->row_count_resumed, 75U);
  expect_files("v", expected);
}

TEST_F(ImageJob, resuming_does_not_read_the_images_of_kept_shards) {
  write_images(40);
  EmbedJobOptions job = image_options("v.npy", 10);
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  fs::remove(folder / "v-00003.npy");
  // Replaced by bytes of the same size and time: only reading would tell.
  const auto time = fs::last_write_time(folder / "p/005.jpg");
  write("p/005.jpg", "IMAGE 005");
  fs::last_write_time(folder / "p/005.jpg", time);
  const auto again = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->row_count_resumed, 30U);
}

TEST_F(ImageJob, changed_folder_is_noticed) {
  write_images(40);
  EmbedJobOptions job = image_options("v.npy", 10);
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  fs::remove(folder / "v-00003.npy");
  write("p/000x.jpg", "one more");
  const auto more = run_embed_job(fake.encoder(), job);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kMismatch);
  fs::remove(folder / "p/000x.jpg");
  write("p/005.jpg", "other bytes");
  EXPECT_EQ(run_embed_job(fake.encoder(), job).error().code, ErrorCode::kMismatch);
  // The same bytes at another time are the same rows.
  write("p/005.jpg", "image 005");
  const auto same = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(same) << same.error().to_string();
  EXPECT_EQ(same->row_count_resumed, 30U);
}

TEST_F(ImageJob, complete_job_notices_a_change_behind_its_last_row) {
  write_images(40);
  EmbedJobOptions job = image_options("v.npy", 10);
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  write("p/999.jpg", "one more");
  const auto more = run_embed_job(fake.encoder(), job);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kMismatch);
}

TEST_F(ImageJob, one_output_keeps_its_shape) {
  write_images(3);
  JobEncoder encoder = fake.encoder();
  encoder.outputs = {{.name = "map", .shape = {3, 1, 1}, .offset = 0, .size = 3}};
  const auto done = run_embed_job(encoder, image_options("v.npy"));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(read_npy(folder / "v.npy")->shape(), (Shape{3, 3, 1, 1}));
  EXPECT_EQ(done->row_shape, (Shape{3, 1, 1}));
}

TEST_F(ImageJob, several_outputs_are_one_array_or_apart) {
  write_images(25);
  const JobEncoder encoder = two_outputs();
  ASSERT_TRUE(run_embed_job(encoder, image_options("one.npy")));
  EXPECT_EQ(read_npy(folder / "one.npy")->shape(), (Shape{25, 3}));
  EmbedJobOptions job = image_options("v.npy", 10);
  job.outputs_as = OutputsAs::kSeparate;
  const auto done = run_embed_job(encoder, job);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_THAT(done->files, testing::Contains((folder / "v-00002.layer_1.npy").string()));
  EXPECT_EQ(done->files.size(), 6U);
  EXPECT_TRUE(done->row_shape.empty());
  EXPECT_EQ(read_npy(folder / "v-00001.layer_1.npy")->shape(), (Shape{10, 2, 1}));
  EXPECT_EQ(read_npy(folder / "v-00002.pool.npy")->shape(), (Shape{5, 1}));
  EXPECT_TRUE(fs::exists(folder / "v-00001.npy.rows.jsonl"));
  // A missing part makes its shard anew, and no other.
  const auto expected = snapshot("v");
  fs::remove(folder / "v-00001.pool.npy");
  fake.row_count = 0;
  ASSERT_TRUE(run_embed_job(encoder, job));
  EXPECT_EQ(fake.row_count, 10U);
  expect_files("v", expected);
  EmbedJobOptions tensors = image_options("v.safetensors");
  tensors.outputs_as = OutputsAs::kSeparate;
  ASSERT_TRUE(run_embed_job(encoder, tensors));
  EXPECT_EQ(read_safetensors(folder / "v.safetensors")->tensors.at("layer/1").shape(), (Shape{25, 2, 1}));
  // Joined again, another shape of the output is another job.
  EmbedJobOptions joined = job;
  joined.outputs_as = OutputsAs::kConcatenated;
  EXPECT_EQ(run_embed_job(encoder, joined).error().code, ErrorCode::kMismatch);
}

TEST_F(ImageJob, outputs_that_do_not_fit_are_refused) {
  write_images(2);
  JobEncoder encoder = two_outputs();
  encoder.outputs[1].offset = 1;
  EXPECT_EQ(run_embed_job(encoder, image_options("v.npy")).error().code, ErrorCode::kInternal);
  encoder = two_outputs();
  encoder.outputs[1].name = "layer:1";
  EmbedJobOptions job = image_options("v.npy");
  job.outputs_as = OutputsAs::kSeparate;
  EXPECT_THAT(run_embed_job(encoder, job).error().message, HasSubstr("found two for 'layer_1'"));
}

TEST_F(ImageJob, preprocessed_rows_reach_the_encoder_as_tensors) {
  auto writer = NpyRowsWriter::create(folder / "x.npy", {3, 2, 2});
  std::vector<float> values(5 * 12);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i);
  }
  ASSERT_TRUE(writer->append(values));
  ASSERT_TRUE(writer->commit());
  EmbedJobOptions job = options((folder / "x.npy").string(), "v.jsonl", 2);
  job.input.kind = InputKind::kTensor;
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->row_count, 5U);
  EXPECT_THAT(read("v-00001.jsonl"), HasSubstr("x.npy\",\"line\":4,"));
  fs::remove(folder / "v-00001.jsonl");
  fake.row_count = 0;
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  EXPECT_EQ(fake.row_count, 2U);
}

TEST_F(ImageJob, list_and_archive_resume_as_well) {
  write_images(30);
  std::string list;
  for (int i = 29; i >= 0; --i) {
    list += (folder / "p" / (std::to_string(1000 + i).substr(1) + ".jpg")).string() + "\n";
  }
  EmbedJobOptions job = image_options("v.npy", 10);
  job.input.inputs.clear();
  job.input.list = write("list.txt", list);
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  fs::remove(folder / "v-00002.npy");
  fake.row_count = 0;
  const auto again = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(fake.row_count, 10U);
  EmbedJobOptions tar = options(std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/tar/pax.tar", "t.npy", 2);
  ASSERT_TRUE(run_embed_job(fake.encoder(), tar));
  const auto expected = snapshot("t");
  fs::remove(folder / "t-00001.npy");
  fake.row_count = 0;
  ASSERT_TRUE(run_embed_job(fake.encoder(), tar));
  EXPECT_EQ(fake.row_count, 2U);
  expect_files("t", expected);
}

}  // namespace
}  // namespace asterism
