// What was left of an earlier run: kept where it is sound and of this job, made again or refused where it is not.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../unit/pipeline/fake_encoder.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t kRowCount = 95;
constexpr std::uint64_t kShardRowCount = 10;

class ResumedJob : public JobTest {
 protected:
  void SetUp() override {
    JobTest::SetUp();
    input = write_rows("in.txt", kRowCount);
    job = options(input, "v.npy", kShardRowCount);
    job.log = [this](LogLevel level, std::string_view message) {
      if (level == LogLevel::kWarning) {
        warnings.emplace_back(message);
      }
    };
    ASSERT_TRUE(run_embed_job(fake.encoder(), job));
    expected = snapshot("v");
    fake.row_count = 0;
  }

  // Runs again and expects the same files with only `row_count` rows encoded.
  void expect_restored(std::uint64_t row_count) {
    const auto done = run_embed_job(fake.encoder(), job);
    ASSERT_TRUE(done) << done.error().to_string();
    EXPECT_EQ(fake.row_count, row_count);
    EXPECT_EQ(done->row_count, kRowCount);
    EXPECT_EQ(done->row_count_resumed, kRowCount - row_count);
    expect_files("v", expected);
  }

  // Runs again and expects a refusal that changes nothing.
  Error expect_refused() {
    const auto before = snapshot("v");
    const auto done = run_embed_job(fake.encoder(), job);
    EXPECT_FALSE(done);
    EXPECT_EQ(fake.row_count, 0U);
    expect_files("v", before);
    return done ? Error{} : done.error();
  }

  void flip_byte(const std::string& name, std::size_t offset) const {
    std::string content = read(name);
    content.at(offset) = static_cast<char>(content.at(offset) ^ 1);
    write(name, content);
  }

  std::string input;
  EmbedJobOptions job;
  std::map<std::string, std::string> expected;
  std::vector<std::string> warnings;
};

TEST_F(ResumedJob, makes_only_the_deleted_shard) {
  fs::remove(folder / "v-00003.npy");
  expect_restored(10);
  EXPECT_THAT(warnings, testing::ElementsAre(AllOf(HasSubstr("v-00003.npy"), HasSubstr("missing"))));
}

TEST_F(ResumedJob, makes_only_the_damaged_shards) {
  flip_byte("v-00002.npy", 140);
  flip_byte("v-00005.npy.rows.jsonl", 3);
  fs::resize_file(folder / "v-00009.npy", 100);
  expect_restored(25);
  EXPECT_EQ(warnings.size(), 3U);
}

TEST_F(ResumedJob, makes_everything_when_only_the_manifest_is_left) {
  for (const auto& [name, content] : expected) {
    if (name != "v.npy.manifest.json") {
      fs::remove(folder / name);
    }
  }
  expect_restored(kRowCount);
}

TEST_F(ResumedJob, removes_temporaries_of_the_dead_and_nothing_else) {
  const pid_t gone = ::fork();
  if (gone == 0) {
    ::_exit(0);
  }
  ::waitpid(gone, nullptr, 0);
  const std::string dead = std::to_string(gone);
  for (const std::string& name :
       {"v-00003.npy.tmp-" + dead + "-0", "v-00012.npy.rows.jsonl.tmp-" + dead + "-7",
        "v.npy.manifest.json.tmp-" + dead + "-1", "v-00001.npy.tmp-" + std::to_string(::getpid()) + "-99"}) {
    write(name, "half");
  }
  const std::string alive = write("v-00003.npy.tmp-1-0", "of a living process");
  const std::string other = write("w-00003.npy.tmp-" + dead + "-0", "of another job");
  const std::string close = write("v-3.npy.tmp-" + dead + "-0", "of no shard");
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_TRUE(fs::exists(alive));
  EXPECT_TRUE(fs::exists(other));
  EXPECT_TRUE(fs::exists(close));
  fs::remove(alive);
  fs::remove(close);
  expect_files("v", expected);
}

TEST_F(ResumedJob, refuses_a_truncated_manifest) {
  for (const std::size_t size : {0U, 1U, 100U, 2000U}) {
    write("v.npy.manifest.json", expected["v.npy.manifest.json"].substr(0, size));
    const Error error = expect_refused();
    EXPECT_EQ(error.code, ErrorCode::kCorrupt) << size;
    EXPECT_THAT(error.to_string(), AllOf(HasSubstr("v.npy.manifest.json"), HasSubstr("begin again")));
  }
}

TEST_F(ResumedJob, refuses_a_manifest_that_contradicts_itself_or_is_none) {
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = expected["v.npy.manifest.json"];
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write("v.npy.manifest.json", text.replace(at, from.size(), to));
    EXPECT_EQ(expect_refused().code, ErrorCode::kCorrupt) << to;
  };
  with("asterism-embed-manifest", "another-manifest");
  with("\"version\": 2", "\"version\": 1");
  with("\"row_first\": 20", "\"row_first\": 21");
  with("\"row_count\": 10", "\"row_count\": 9");
  with("\"row_count\": 10", "\"row_count\": -1");
  with("\"npy\"", "\"parquet\"");
  with("\"shards\": [", "\"shards\": [5, ");
  with("\"input\": 0", "\"input\": 7");
  with("\"complete\": true", "\"complete\": false");  // the last shard is not full
  with("\"settings\": {", "\"settings\": {\"a\": 1, ");
}

TEST_F(ResumedJob, refuses_other_settings_and_names_them) {
  JobEncoder other = fake.encoder();
  other.settings = {{"model", "fake"}, {"precision", "bf16"}, {"pooling", "cls"}};
  const auto done = run_embed_job(other, job);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(done.error().to_string(),
              AllOf(HasSubstr("precision was \"f32\", is \"bf16\""), HasSubstr("pooling was \"\", is \"cls\""),
                    HasSubstr("choose another output")));
  job.shard_row_count = 20;
  EXPECT_THAT(expect_refused().message, HasSubstr("rows in a shard was \"10\", is \"20\""));
  job.shard_row_count = kShardRowCount;
  job.settings = {{"prompt", "query: "}};
  EXPECT_THAT(expect_refused().message, HasSubstr("prompt was \"\", is \"query: \""));
}

TEST_F(ResumedJob, refuses_other_inputs) {
  job.input.inputs.push_back(write("more.txt", "x\n"));
  EXPECT_THAT(expect_refused().message, HasSubstr("there were 1 inputs, there are 2"));
  job.input.inputs.pop_back();
  write("in.txt", read("in.txt") + "one more\n");
  const Error grown = expect_refused();
  EXPECT_EQ(grown.code, ErrorCode::kMismatch);
  EXPECT_THAT(grown.message, AllOf(HasSubstr("in.txt had"), HasSubstr("bytes, has")));
}

TEST_F(ResumedJob, refuses_an_input_of_equal_size_with_other_rows) {
  std::string text = read("in.txt");
  text.back() = ' ';
  text.replace(text.find("row 42"), 6, "row 24");
  write("in.txt", text);
  fs::last_write_time(input, fs::file_time_type::clock::now() + std::chrono::seconds(5));
  const Error error = expect_refused();
  EXPECT_EQ(error.code, ErrorCode::kMismatch);
  EXPECT_THAT(error.message, HasSubstr("shard 4"));
}

TEST_F(ResumedJob, keeps_everything_when_an_input_was_only_touched) {
  fs::last_write_time(input, fs::file_time_type::clock::now() + std::chrono::seconds(5));
  fs::remove(folder / "v-00004.npy.rows.jsonl");
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(fake.row_count, 10U);
  EXPECT_EQ(read("v-00004.npy"), expected["v-00004.npy"]);
}

TEST_F(ResumedJob, refuses_shards_that_no_manifest_lists) {
  fs::remove(folder / "v.npy.manifest.json");
  const Error alone = expect_refused();
  EXPECT_EQ(alone.code, ErrorCode::kMismatch);
  EXPECT_THAT(alone.message, HasSubstr("v-0000"));
  write("v.npy.manifest.json", expected["v.npy.manifest.json"]);
  write("v-00011.npy", "old");
  EXPECT_THAT(expect_refused().message, HasSubstr("v-00011.npy"));
}

// Writes `text` into the pipe at `path`, for a job that reads it.
std::jthread feed(const std::string& path, const std::string& text) {
  return std::jthread([path, text] { std::ofstream(path, std::ios::binary) << text; });
}

TEST_F(ResumedJob, pipe_is_read_over_and_compared) {
  const std::string pipe = (folder / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  job = options(pipe, "p.npy", kShardRowCount);
  const std::string text = read("in.txt");
  {
    const auto feeder = feed(pipe, text);
    ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  }
  const auto whole = snapshot("p-");
  fs::remove(folder / "p-00006.npy");
  fake.row_count = 0;
  {
    const auto feeder = feed(pipe, text);
    const auto done = run_embed_job(fake.encoder(), job);
    ASSERT_TRUE(done) << done.error().to_string();
  }
  EXPECT_EQ(fake.row_count, 10U);
  expect_files("p-", whole);
  for (const std::string& other : {"x" + text, text + "one more\n", text.substr(0, 500)}) {
    fake.row_count = 0;
    const auto feeder = feed(pipe, other);
    const auto done = run_embed_job(fake.encoder(), job);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kMismatch) << done.error().to_string();
    EXPECT_EQ(fake.row_count, 0U);
  }
}

}  // namespace
}  // namespace asterism
