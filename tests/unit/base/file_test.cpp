#include "base/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/sha256.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  ScratchFolder scratch_{"file"};
  fs::path folder = scratch_.path();
};

TEST_F(FileTest, committed_file_has_all_bytes_and_patches) {
  const fs::path path = folder / "a.bin";
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file);
  const std::string block(3 << 20, 'x');  // larger than the write buffer
  ASSERT_TRUE(file->write("head"));
  ASSERT_TRUE(file->write(block));
  const std::string patch = "HEAD";
  ASSERT_TRUE(file->write_at(0, std::as_bytes(std::span(patch))));
  EXPECT_EQ(file->size_bytes(), 4 + block.size());
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(read_file(path, std::size_t{1} << 30).value(), patch + block);
  EXPECT_EQ(scratch_.entry_count(), 1U);
}

TEST_F(FileTest, uncommitted_file_leaves_nothing_and_keeps_what_was_there) {
  const fs::path path = folder / "a.txt";
  ASSERT_TRUE(write_file_atomic(path, "old"));
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new"));
  }
  EXPECT_EQ(read_file(path, 100).value(), "old");
  EXPECT_EQ(scratch_.entry_count(), 1U);
}

TEST_F(FileTest, full_disk_is_an_error_that_names_the_path) {
  // RLIMIT_FSIZE plays the full disk: writes past it fail with EFBIG once SIGXFSZ is ignored.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const rlimit small{4096, old_limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = write_file_atomic(folder / "big.bin", std::string(8192, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kIo);
  EXPECT_THAT(written.error().message, HasSubstr("big.bin"));
  EXPECT_EQ(scratch_.entry_count(), 0U);
}

TEST_F(FileTest, reading_refuses_what_is_not_a_regular_file) {
  EXPECT_EQ(read_file(folder / "missing", 10).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_file(folder, 10).error().code, ErrorCode::kInvalidArgument);
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(read_file(pipe, 10).error().code, ErrorCode::kInvalidArgument);  // and does not hang
  EXPECT_EQ(MappedFile::open(folder).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(FileTest, reading_stops_at_the_limit) {
  ASSERT_TRUE(write_file_atomic(folder / "ten", "0123456789"));
  EXPECT_TRUE(read_file(folder / "ten", 10));
  const auto past = read_file(folder / "ten", 9);
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, ErrorCode::kLimitExceeded);
}

TEST_F(FileTest, mapping_outlives_the_object_through_its_owner) {
  ASSERT_TRUE(write_file_atomic(folder / "data", "abc"));
  std::shared_ptr<const std::byte> owner;
  {
    const auto mapped = MappedFile::open(folder / "data");
    ASSERT_TRUE(mapped);
    owner = mapped->owner();
  }
  EXPECT_EQ(static_cast<char>(owner.get()[2]), 'c');
  ASSERT_TRUE(write_file_atomic(folder / "empty", ""));
  EXPECT_TRUE(MappedFile::open(folder / "empty")->bytes().empty());
}

TEST_F(FileTest, second_lock_is_refused_until_the_first_is_gone) {
  const fs::path path = folder / "lock";
  {
    const auto first = FileLock::try_acquire(path);
    ASSERT_TRUE(first);
    const auto second = FileLock::try_acquire(path);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("another process"));
  }
  EXPECT_TRUE(FileLock::try_acquire(path));
}

TEST_F(FileTest, removed_lock_file_leaves_nothing_and_excludes_nobody_later) {
  const fs::path path = folder / "lock";
  {
    auto first = FileLock::try_acquire(path);
    ASSERT_TRUE(first);
    first->remove_file();
    EXPECT_FALSE(fs::exists(path));
    // The first lock is on a file without a name by now: a newcomer makes its own.
    EXPECT_TRUE(FileLock::try_acquire(path));
  }
  const auto held = FileLock::try_acquire(path);
  ASSERT_TRUE(held);
  EXPECT_FALSE(FileLock::try_acquire(path));
}

TEST_F(FileTest, chunks_add_up_to_the_file) {
  std::string text;
  for (int i = 0; i < 400'000; ++i) {
    text += std::to_string(i);
  }
  ASSERT_TRUE(write_file_atomic(folder / "data", text));
  std::string read;
  ASSERT_TRUE(read_file_chunks(folder / "data", [&](std::span<const std::byte> chunk) {
    read.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  }));
  EXPECT_EQ(read, text);
  EXPECT_EQ(read_file_chunks(folder / "none", [](auto) {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_file_chunks(folder, [](auto) {}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(FileTest, sha256_matches_the_published_test_vectors) {
  // FIPS 180-4 examples: the empty message and "abc".
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  ASSERT_TRUE(write_file_atomic(folder / "abc", "abc"));
  EXPECT_EQ(sha256_file(folder / "abc").value(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace asterism
