#include "pipeline/embed_job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <stdexcept>

#include "base/json.hpp"
#include "fake_encoder.hpp"
#include "weights/npy.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

using EmbedJob = JobTest;

std::size_t line_count(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

TEST_F(EmbedJob, rows_come_out_in_input_order) {
  const auto done = run_embed_job(fake.encoder(), options(write_rows("in.txt", 1000), "v.npy"));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->row_count, 1000U);
  EXPECT_EQ(done->dim, kFakeDim);
  EXPECT_EQ(done->truncated_row_count, 59U);
  EXPECT_THAT(done->files, ElementsAre((folder / "v.npy").string()));
  EXPECT_THAT(done->rows_files, ElementsAre((folder / "v.npy.rows.jsonl").string()));
  EXPECT_EQ(fake.row_count_max, 7U);
  const auto tensor = read_npy(folder / "v.npy");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->shape(), (Shape{1000, 3}));
  for (std::size_t i = 0; i < 1000; ++i) {
    float expected[kFakeDim];
    fake_vector("row " + std::to_string(i) + (i % 17 == 5 ? std::string(60, 'x') : ""), expected);
    ASSERT_EQ(tensor->as<float>()[i * kFakeDim], expected[0]) << i;
  }
  EXPECT_EQ(line_count(read("v.npy.rows.jsonl")), 1001U);
  EXPECT_THAT(snapshot("v"), UnorderedElementsAre(Pair("v.npy", testing::_), Pair("v.npy.rows.jsonl", testing::_)));
}

TEST_F(EmbedJob, failed_row_is_nan_and_counted_and_the_job_goes_on) {
  std::vector<std::string> warnings;
  EmbedJobOptions job = options(write("in.jsonl", "{\"text\":\"a\"}\nbad\n{\"text\":\"c\"}\n"), "v.npy");
  job.log = [&](LogLevel level, std::string_view message) {
    if (level == LogLevel::kWarning) {
      warnings.emplace_back(message);
    }
  };
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->row_count, 3U);
  EXPECT_EQ(done->failed_row_count, 1U);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("in.jsonl:2:")));
  const auto values = read_npy(folder / "v.npy");
  EXPECT_FALSE(std::isnan(values->as<float>()[0]));
  EXPECT_TRUE(std::isnan(values->as<float>()[3]));
  EXPECT_FALSE(std::isnan(values->as<float>()[6]));
  EXPECT_THAT(read("v.npy.rows.jsonl"), AllOf(HasSubstr("\"code\":\"corrupt\""), HasSubstr("\"failed\":1")));
}

TEST_F(EmbedJob, many_failing_rows_are_logged_only_so_often) {
  std::string text;
  for (int i = 0; i < 30; ++i) {
    text += "bad\n";
  }
  std::size_t warning_count = 0;
  EmbedJobOptions job = options(write("in.jsonl", text), "v.npy");
  job.log = [&](LogLevel level, std::string_view) { warning_count += level == LogLevel::kWarning ? 1U : 0U; };
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->failed_row_count, 30U);
  EXPECT_EQ(warning_count, kFailedRowsLoggedMax + 1);
  EXPECT_EQ(fake.window_count, 0U);
}

TEST_F(EmbedJob, stop_ends_with_the_rows_error_and_leaves_no_file) {
  EmbedJobOptions job = options(write("in.jsonl", "{\"text\":\"a\"}\nbad\n{\"text\":\"c\"}\n"), "v.npy");
  job.on_row_error = OnRowError::kStop;
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(done.error().message, HasSubstr("in.jsonl:2:"));
  EXPECT_TRUE(snapshot("v").empty());
}

TEST_F(EmbedJob, stop_keeps_the_shards_before_the_failing_row) {
  std::string text;
  for (int i = 0; i < 35; ++i) {
    text += i == 27 ? "bad\n" : "{\"text\":\"a\"}\n";
  }
  EmbedJobOptions job = options(write("in.jsonl", text), "v.npy", 10);
  job.on_row_error = OnRowError::kStop;
  EXPECT_EQ(run_embed_job(fake.encoder(), job).error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(fs::exists(folder / "v-00000.npy"));
  EXPECT_TRUE(fs::exists(folder / "v-00001.npy"));
  EXPECT_FALSE(fs::exists(folder / "v-00002.npy"));
  job.on_row_error = OnRowError::kSkip;
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->row_count_resumed, 20U);
  EXPECT_EQ(done->row_count, 35U);
  EXPECT_EQ(done->failed_row_count, 1U);
}

TEST_F(EmbedJob, no_rows_make_an_empty_matrix) {
  const std::string input = write("in.txt", "");
  const auto done = run_embed_job(fake.encoder(), options(input, "v.npy"));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->row_count, 0U);
  EXPECT_EQ(read_npy(folder / "v.npy")->shape(), (Shape{0, 3}));
  const auto sharded = run_embed_job(fake.encoder(), options(input, "s.npy", 10));
  ASSERT_TRUE(sharded) << sharded.error().to_string();
  EXPECT_EQ(read_npy(folder / "s-00000.npy")->shape(), (Shape{0, 3}));
}

TEST_F(EmbedJob, window_ends_at_its_bytes) {
  std::string text;
  for (int i = 0; i < 10; ++i) {
    text += std::string(kWindowTextSizeBytesMax / 2, 'a') + "\n";
  }
  EmbedJobOptions job = options(write("in.txt", text), "v.npy");
  job.window_row_count = 0;
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  EXPECT_EQ(fake.row_count_max, 2U);
}

TEST_F(EmbedJob, sharded_output_holds_what_the_single_file_does) {
  const std::string input = write_rows("in.txt", 95);
  ASSERT_TRUE(run_embed_job(fake.encoder(), options(input, "one.jsonl")));
  const auto done = run_embed_job(fake.encoder(), options(input, "v.jsonl", 10));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->files.size(), 10U);
  std::string joined;
  for (const std::string& file : done->files) {
    joined += read(fs::path(file).filename().string());
  }
  EXPECT_EQ(joined, read("one.jsonl"));
  const auto manifest = parse_json(read("v.jsonl.manifest.json"), "manifest");
  ASSERT_TRUE(manifest);
  EXPECT_EQ((*manifest)["complete"], true);
  EXPECT_EQ((*manifest)["shards"].size(), 10U);
  EXPECT_EQ((*manifest)["shards"][9]["row_count"], 5);
  EXPECT_EQ((*manifest)["shards"][9]["rows"]["file"], "v-00009.jsonl.rows.jsonl");
  EXPECT_EQ((*manifest)["job"]["settings"]["precision"], "f32");
  EXPECT_FALSE(fs::exists(folder / "v.jsonl.lock"));
}

TEST_F(EmbedJob, second_run_encodes_nothing) {
  EmbedJobOptions job = options(write_rows("in.txt", 100), "v.npy", 10);
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  const auto before = snapshot("v");
  const auto again = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(fake.row_count, 100U);
  EXPECT_EQ(again->row_count, 100U);
  EXPECT_EQ(again->row_count_resumed, 100U);
  expect_files("v", before);
}

TEST_F(EmbedJob, refusals_come_before_anything_is_written) {
  const std::string input = write_rows("v.txt", 5);
  const auto error_of = [&](EmbedJobOptions job) {
    const auto done = run_embed_job(fake.encoder(), job);
    EXPECT_FALSE(done);
    return done ? Error{} : done.error();
  };
  EXPECT_EQ(error_of(options((folder / "none").string(), "x.npy")).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(options(input, "x.txt")).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(options(input, "none/x.npy")).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(options(input, "")).code, ErrorCode::kInvalidArgument);
  fs::create_directory(folder / "d.npy");
  EXPECT_THAT(error_of(options(input, "d.npy")).message, HasSubstr("folder"));
  EmbedJobOptions same = options(write("x.jsonl", "{\"text\":\"a\"}\n"), "x.jsonl");
  EXPECT_THAT(error_of(same).message, HasSubstr("also an input"));
  EmbedJobOptions out = options(input, "x.npy", 10);
  out.output = "-";
  EXPECT_THAT(error_of(out).message, HasSubstr("stdout"));
  out.shard_row_count = 0;
  out.format = VectorFormat::kNpy;
  EXPECT_THAT(error_of(out).message, HasSubstr("stdout"));
  EXPECT_EQ(fake.row_count, 0U);
  EXPECT_EQ(snapshot("x").size(), 1U);
}

TEST_F(EmbedJob, error_of_the_encoder_ends_the_job_and_keeps_complete_shards) {
  EmbedJobOptions job = options(write_rows("in.txt", 200), "v.npy", 10);
  job.window_row_count = 10;
  fake.before_window = [](std::uint64_t window) {
    return window == 5 ? std::optional(Error{ErrorCode::kInternal, "no luck", {}}) : std::nullopt;
  };
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "no luck");
  EXPECT_TRUE(fs::exists(folder / "v-00004.npy"));
  EXPECT_FALSE(fs::exists(folder / "v-00005.npy"));
  EXPECT_FALSE(fs::exists(folder / "v.npy.lock"));
  fake.before_window = {};
  const auto again = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->row_count_resumed, 50U);
  EXPECT_EQ(fake.row_count, 200U);
}

TEST_F(EmbedJob, exception_of_a_callback_leaves_no_thread_behind) {
  EmbedJobOptions job = options(write_rows("in.txt", 200), "v.npy");
  fake.before_window = [](std::uint64_t window) -> std::optional<Error> {
    return window == 3 ? throw std::runtime_error("thrown") : std::nullopt;
  };
  EXPECT_THROW((void)run_embed_job(fake.encoder(), job), std::runtime_error);
  EXPECT_FALSE(fs::exists(folder / "v.npy"));
}

TEST_F(EmbedJob, encoder_that_breaks_its_word_is_an_internal_error) {
  JobEncoder encoder = fake.encoder();
  encoder.dim = kFakeDim + 1;
  const auto done = run_embed_job(encoder, options(write_rows("in.txt", 20), "v.npy"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInternal);
}

TEST_F(EmbedJob, input_that_shrinks_ends_the_job) {
  const std::string input = write_rows("in.txt", 60'000);
  EmbedJobOptions job = options(input, "v.npy", 10);
  fake.before_window = [&](std::uint64_t window) {
    if (window == 0) {
      fs::resize_file(input, 700'000);
    }
    return std::optional<Error>{};
  };
  job.window_row_count = 1000;
  job.shard_row_count = 1000;
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("shrank"));
}

TEST_F(EmbedJob, cancel_finishes_the_window_and_says_how_to_go_on) {
  CancelFlag cancel;
  EmbedJobOptions job = options(write_rows("in.txt", 100), "v.npy", 10);
  job.window_row_count = 10;
  job.cancel = &cancel;
  fake.before_window = [&](std::uint64_t window) {
    if (window == 4) {
      cancel.request();
    }
    return std::optional<Error>{};
  };
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled);
  EXPECT_THAT(done.error().to_string(),
              AllOf(HasSubstr("5 complete shards with 50 rows"), HasSubstr("same command again")));
  EXPECT_EQ(fake.row_count, 50U);
  for (const auto& [name, content] : snapshot("v")) {
    EXPECT_EQ(name.find(".tmp-"), std::string::npos) << name;
  }
  job.cancel = nullptr;
  const auto again = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->row_count_resumed, 50U);
  EXPECT_EQ(fake.row_count, 100U);
}

TEST_F(EmbedJob, cancel_while_stdin_is_silent_does_not_hang) {
  const std::string pipe = (folder / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  CancelFlag cancel;
  EmbedJobOptions job = options(pipe, "v.npy");
  job.cancel = &cancel;
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    cancel.request();
  });
  EXPECT_EQ(run_embed_job(fake.encoder(), job).error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(snapshot("v").empty());
}

TEST_F(EmbedJob, progress_is_rare_and_ends_with_everything) {
  EmbedJobOptions job = options(write_rows("in.txt", 2000), "v.npy");
  std::vector<EmbedJobProgress> seen;
  job.on_progress = [&](const EmbedJobProgress& progress) { seen.push_back(progress); };
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done);
  ASSERT_FALSE(seen.empty());
  EXPECT_LE(static_cast<double>(seen.size()), 2.0 + done->seconds * 11.0);
  EXPECT_EQ(seen.back().row_count, 2000U);
  EXPECT_EQ(seen.back().token_count, done->token_count);
  EXPECT_DOUBLE_EQ(seen.back().fraction, 1.0);
}

TEST_F(EmbedJob, several_inputs_are_one_stream) {
  EmbedJobOptions job = options(write_rows("a.txt", 15), "v.jsonl", 10);
  job.input.inputs.push_back(write("b.csv", "text,id\nx,1\ny,2\n"));
  job.input.inputs.push_back(write_rows("c.txt", 8));
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->row_count, 25U);
  EXPECT_THAT(read("v-00001.jsonl"),
              AllOf(HasSubstr("\"row\":15,"), HasSubstr("\"id\":\"1\""), HasSubstr("c.txt\",\"line\":1,")));
}

}  // namespace
}  // namespace asterism
