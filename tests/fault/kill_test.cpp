// A job that is killed at any moment goes on where it was, and ends as if nothing had happened.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <memory>
#include <random>

#include "../unit/pipeline/fake_encoder.hpp"
#include "base/json.hpp"
#include "weights/npy.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr int kKillCount = 30;
constexpr std::size_t kRowCount = 300;
constexpr std::uint64_t kShardRowCount = 20;
constexpr std::chrono::microseconds kRowDelay{100};
// What one kill can cost: the open shard, one that was finished and not listed, and the windows on their way (two in
// each queue, one in each stage).
constexpr std::uint64_t kLostRowCountMax = 2 * kShardRowCount + 7 * 7;

using SharedCount = std::unique_ptr<std::atomic<std::uint64_t>, void (*)(std::atomic<std::uint64_t>*)>;

// A counter that a child process shares with its parent.
SharedCount make_shared_count() {
  void* memory =
      ::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return {new (memory) std::atomic<std::uint64_t>(0),
          [](std::atomic<std::uint64_t>* p) { ::munmap(p, sizeof(std::atomic<std::uint64_t>)); }};
}

class KilledJob : public JobTest {
 protected:
  // Runs the job in a child and kills it after `delay`. True when it had ended by itself.
  static bool run_and_kill(const EmbedJobOptions& job, std::chrono::microseconds delay,
                           std::atomic<std::uint64_t>& encoded) {
    const pid_t child = ::fork();
    if (child == 0) {
      FakeEncoder slow;
      JobEncoder encoder = slow.encoder();
      encoder.encode = [&](std::span<const Payload> rows) -> Result<Embeddings> {
        auto made = slow.encode(rows);
        std::this_thread::sleep_for(kRowDelay * rows.size());
        encoded += rows.size();
        return made;
      };
      ::_exit(run_embed_job(encoder, job) ? 0 : 1);
    }
    std::this_thread::sleep_for(delay);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      return true;
    }
    return false;
  }

  // Whatever stands under its own name is whole.
  void expect_only_complete_files() const {
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".npy")) {
        const auto tensor = read_npy(entry.path());
        ASSERT_TRUE(tensor) << tensor.error().to_string();
        EXPECT_EQ(tensor->shape()[0], static_cast<std::int64_t>(kShardRowCount)) << name;
      } else if (name.ends_with(".manifest.json")) {
        EXPECT_TRUE(parse_json(read(name), name)) << name;
      } else if (name.ends_with(".rows.jsonl")) {
        EXPECT_NE(read(name).find("\"summary\""), std::string::npos) << name;
      }
    }
  }
};

TEST_F(KilledJob, goes_on_and_ends_as_if_nothing_had_happened) {
  const std::string input = write_rows("in.txt", kRowCount);
  EmbedJobOptions job = options(input, "v.npy", kShardRowCount);
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  const auto expected = snapshot("v");
  ASSERT_EQ(expected.size(), 2 * kRowCount / kShardRowCount + 1);

  std::mt19937 random(20);
  const SharedCount encoded = make_shared_count();
  for (int kill_count = 0; kill_count < kKillCount;) {
    for (const auto& [name, content] : snapshot("v")) {
      fs::remove(folder / name);
    }
    *encoded = 0;
    int kills_of_this_job = 0;
    // The longest delay grows, so that a slow machine or a sanitizer gets past the start of the job as well.
    const auto delay = [&] {
      return std::chrono::microseconds(
          std::uniform_int_distribution<int>(0, 40'000 + 5'000 * kills_of_this_job)(random));
    };
    while (!run_and_kill(job, delay(), *encoded)) {
      ++kills_of_this_job;
      expect_only_complete_files();
      ASSERT_LT(kills_of_this_job, 300) << "the job makes no progress";
    }
    kill_count += kills_of_this_job;
    expect_files("v", expected);
    EXPECT_GE(*encoded, kRowCount - 7);  // a kill right after the last window may hide its count
    EXPECT_LE(*encoded, kRowCount + static_cast<std::uint64_t>(kills_of_this_job) * kLostRowCountMax);
  }
}

TEST_F(KilledJob, goes_on_in_a_folder_of_images) {
  fs::create_directory(folder / "p");
  for (std::size_t i = 0; i < kRowCount; ++i) {
    const std::string number = std::to_string(1000 + i).substr(1);
    fs::create_directory(folder / "p" / number.substr(0, 1));
    const bool broken = i % 50 == 7;
    write("p/" + number.substr(0, 1) + "/" + number + ".jpg", (broken ? std::string(kFakeNoImage) : "image ") + number);
  }
  EmbedJobOptions job = options((folder / "p").string(), "v.npy", kShardRowCount);
  ASSERT_TRUE(run_embed_job(fake.encoder(), job));
  const auto expected = snapshot("v");
  for (const auto& [name, content] : expected) {
    fs::remove(folder / name);
  }
  std::mt19937 random(21);
  const SharedCount encoded = make_shared_count();
  int kill_count = 0;
  const auto delay = [&] {
    return std::chrono::microseconds(std::uniform_int_distribution<int>(0, 40'000 + 5'000 * kill_count)(random));
  };
  while (!run_and_kill(job, delay(), *encoded)) {
    expect_only_complete_files();
    ASSERT_LT(++kill_count, 300) << "the job makes no progress";
  }
  expect_files("v", expected);
  EXPECT_LE(*encoded, kRowCount + static_cast<std::uint64_t>(kill_count) * kLostRowCountMax);
}

TEST_F(KilledJob, without_shards_leaves_no_output_and_the_next_run_cleans_up) {
  // Nine seconds at least: a machine busy with other work kills it before it ends.
  EmbedJobOptions job = options(write_rows("in.txt", 300 * kRowCount), "v.npy");
  const SharedCount encoded = make_shared_count();
  // Longer each time, so that a slow machine gets past the start of the job as well.
  for (std::chrono::milliseconds delay{15}; snapshot("v.npy.tmp-").empty(); delay += std::chrono::milliseconds(5)) {
    ASSERT_FALSE(run_and_kill(job, delay, *encoded));
    EXPECT_FALSE(fs::exists(folder / "v.npy"));
    EXPECT_FALSE(fs::exists(folder / "v.npy.rows.jsonl"));
  }
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(snapshot("v").size(), 2U);
}

TEST_F(KilledJob, second_process_on_the_same_output_is_refused_at_once) {
  EmbedJobOptions job = options(write_rows("in.txt", 5000), "v.npy", 1000);
  const pid_t child = ::fork();
  if (child == 0) {
    FakeEncoder endless;
    endless.before_window = [](std::uint64_t window) -> std::optional<Error> {
      if (window * 7 > 2000) {  // rows: the first shard stands
        ::pause();
      }
      return std::nullopt;
    };
    ::_exit(run_embed_job(endless.encoder(), job) ? 0 : 1);
  }
  while (!fs::exists(folder / "v.npy.manifest.json")) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const auto refused = run_embed_job(fake.encoder(), job);
  const std::uint64_t encoded_while_refused = fake.row_count;
  EmbedJobOptions beside = job;
  beside.output = (folder / "v.safetensors").string();
  const auto other_output = run_embed_job(fake.encoder(), beside);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_THAT(refused.error().to_string(),
              testing::AllOf(testing::HasSubstr("v.npy.lock"), testing::HasSubstr("another process")));
  EXPECT_EQ(encoded_while_refused, 0U);
  EXPECT_TRUE(other_output) << other_output.error().to_string();
  EXPECT_TRUE(run_embed_job(fake.encoder(), job));
}

}  // namespace
}  // namespace asterism
