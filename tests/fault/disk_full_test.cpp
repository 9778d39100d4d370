// A disk that fills up: one clear error, no temporary files, and the shards that were complete stay so.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../unit/pipeline/fake_encoder.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

class FullDisk : public JobTest {
 protected:
  // Runs the job in a child that may write files of at most `size_bytes_max`; the message of its error.
  std::string run_limited(const EmbedJobOptions& job, rlim_t size_bytes_max) const {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const rlimit limit{.rlim_cur = size_bytes_max, .rlim_max = size_bytes_max};
      ::signal(SIGXFSZ, SIG_IGN);  // then a write past the limit fails with EFBIG
      ::setrlimit(RLIMIT_FSIZE, &limit);
      FakeEncoder encoder;
      const auto done = run_embed_job(encoder.encoder(), job);
      const std::string message =
          done ? "" : std::to_string(static_cast<int>(done.error().code)) + done.error().message;
      const bool told = ::write(ends[1], message.data(), message.size()) == static_cast<ssize_t>(message.size());
      ::_exit(told ? 0 : 1);
    }
    ::close(ends[1]);
    std::string message(1000, '\0');
    const ssize_t n = ::read(ends[0], message.data(), message.size());
    message.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    return message;
  }
};

TEST_F(FullDisk, single_file_leaves_nothing) {
  for (const char* output : {"v.npy", "v.jsonl", "v.safetensors"}) {
    const std::string message = run_limited(options(write_rows("in.txt", 5000), output), 20'000);
    EXPECT_THAT(message, testing::StartsWith(std::to_string(static_cast<int>(ErrorCode::kIo))));
    EXPECT_THAT(message, testing::HasSubstr("cannot write"));
    EXPECT_TRUE(snapshot("v").empty()) << output;
  }
}

TEST_F(FullDisk, complete_shards_stay_and_the_next_run_goes_on) {
  // Long names make the later rows files larger than the limit.
  const std::string small = write_rows("a.txt", 40);
  const std::string large = write_rows("b-" + std::string(200, 'n') + ".txt", 60);
  EmbedJobOptions job = options(small, "v.npy", 20);
  job.input.inputs.push_back(large);
  const std::string message = run_limited(job, 6'000);
  EXPECT_THAT(message, testing::HasSubstr("cannot write"));
  const auto left = snapshot("v");
  EXPECT_TRUE(left.contains("v-00001.npy"));
  EXPECT_FALSE(left.contains("v-00002.npy"));
  for (const auto& [name, content] : left) {
    EXPECT_EQ(name.find(".tmp-"), std::string::npos) << name;
  }
  const auto done = run_embed_job(fake.encoder(), job);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->row_count_resumed, 40U);
  EXPECT_EQ(fake.row_count, 60U);
}

}  // namespace
}  // namespace asterism
