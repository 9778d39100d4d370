// Memory of a job is flat in its rows: ten times as many rows, the same peak.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <limits>

#include "../unit/pipeline/fake_encoder.hpp"

namespace asterism {
namespace {

constexpr std::size_t kFewRows = 20'000;
constexpr std::size_t kManyRows = 10 * kFewRows;
// One extra byte kept per row of the larger job would be 0.2 MB; a vector and its text per row more than 10 MB.
constexpr long kSlackKiB = 4096;
// More than all windows on their way hold, and three times that.
constexpr std::size_t kFewImages = 600;
constexpr std::size_t kManyImages = 3 * kFewImages;
constexpr std::size_t kImageSizeBytes = std::size_t{48} << 10;
// A window or two. All images of the larger job would be 56 MB more.
constexpr long kImageSlackKiB = 12288;

class JobMemory : public JobTest {
 protected:
  // Peak resident memory of a child that runs the job, in KiB.
  static long peak_kib(const EmbedJobOptions& job) {
    const pid_t child = ::fork();
    if (child == 0) {
      FakeEncoder encoder;
      ::_exit(run_embed_job(encoder.encoder(), job) ? 0 : 1);
    }
    int status = 0;
    rusage usage{};
    ::wait4(child, &status, 0, &usage);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return usage.ru_maxrss;
  }

  // How full the queues get is a matter of timing: the most of the smaller job beside the least of the larger one.
  void expect_flat(EmbedJobOptions job, const std::string& few, const std::string& many, long slack_kib) {
    const std::string output = job.output;
    long few_kib = 0;
    long many_kib = std::numeric_limits<long>::max();
    for (int attempt = 0; attempt < 5 && many_kib >= few_kib + slack_kib; ++attempt) {
      job.input.inputs = {few};
      job.output = (folder / fmt::format("few{}-{}", attempt, output)).string();
      few_kib = std::max(few_kib, peak_kib(job));
      job.input.inputs = {many};
      job.output = (folder / fmt::format("many{}-{}", attempt, output)).string();
      many_kib = std::min(many_kib, peak_kib(job));
    }
    EXPECT_LT(many_kib, few_kib + slack_kib) << output << ", rows in a shard: " << job.shard_row_count;
  }
};

TEST_F(JobMemory, is_flat_in_rows) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps memory that was freed";
#endif
  const std::string few = write_rows("few.txt", kFewRows);
  const std::string many = write_rows("many.txt", kManyRows);
  for (const std::uint64_t shard_row_count : {0U, 20'000U}) {
    for (const char* output : {"v.npy", "v.jsonl"}) {
      EmbedJobOptions job = options(few, "", shard_row_count);
      job.window_row_count = 0;
      job.output = fmt::format("{}-{}", shard_row_count, output);
      expect_flat(job, few, many, kSlackKiB);
    }
  }
}

TEST_F(JobMemory, is_flat_in_images) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps memory that was freed";
#endif
  const std::string image(kImageSizeBytes, 'x');
  for (std::size_t i = 0; i < kManyImages; ++i) {
    for (const char* name : {"few", "many"}) {
      if (i < kFewImages || name[0] == 'm') {
        std::filesystem::create_directories(folder / name);
        write(std::string(name) + "/" + std::to_string(i) + ".jpg", image);
      }
    }
  }
  EmbedJobOptions job = options((folder / "few").string(), "");
  job.window_row_count = 0;
  job.output = "v.npy";
  expect_flat(job, (folder / "few").string(), (folder / "many").string(), kImageSlackKiB);
}

}  // namespace
}  // namespace asterism
