#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <iterator>
#include <string>

#include "base/file.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

TEST(AtomicFile, write_lost_to_a_full_disk_is_never_committed_even_when_space_came_back) {
  const ScratchFolder folder("base");
  {
    auto file = AtomicFile::create(folder / "x");
    ASSERT_TRUE(file);
    const auto before = ::signal(SIGXFSZ, SIG_IGN);
    rlimit unlimited{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    const rlimit limit{4096, unlimited.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto written = file->write(std::string(std::size_t{4} << 20U, 'x'));
    ::setrlimit(RLIMIT_FSIZE, &unlimited);
    ::signal(SIGXFSZ, before);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::kIo);
    AtomicFile moved = std::move(*file);
    ASSERT_TRUE(moved.write("the rest"));
    const auto committed = moved.commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().code, ErrorCode::kIo);
  }
  EXPECT_EQ(folder.entry_count(), 0U);
}

}  // namespace
}  // namespace asterism
